"""What an upstream does to a call, row by row: the error, and whether the job may try again.

Every row that may try again is given two attempts and must use both; every other must stop at one.
"""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from client import Client, chat
from stacks import Tree, Workers

pytestmark = [pytest.mark.usefixtures("stack", "far"), pytest.mark.promises("C5", "C14")]

AGAIN, FINAL = 2, 1
RESULT_BYTES = 300_000


class Row(NamedTuple):
    """A model, what its call ends with, and how many of two attempts are made."""

    model: str
    code: str
    attempts: int
    status: int | None = None


ROWS = [
    # never reached
    Row("no-name", "upstream_dns", AGAIN),
    Row("no-server", "upstream_connect", AGAIN),
    Row("no-tls", "upstream_tls", AGAIN),
    # time
    Row("fast?ttft_ms=60000", "upstream_first_byte", AGAIN),
    Row("stall?tokens=9&hang_after=3", "upstream_stalled", AGAIN, 200),
    Row("creep?tokens=1000&drip=50", "upstream_stalled", AGAIN),
    Row("creep?tokens=100000&itl_ms=100", "upstream_stalled", AGAIN, 200),
    # status
    Row("sim?fail=302", "upstream_rejected", FINAL, 302),
    Row("sim?fail=400", "upstream_rejected", FINAL, 400),
    Row("sim?fail=401", "upstream_auth", FINAL, 401),
    Row("sim?fail=402", "upstream_quota", FINAL, 402),
    Row("sim?fail=403", "upstream_auth", FINAL, 403),
    Row("sim?fail=404", "upstream_rejected", FINAL, 404),
    Row("sim?fail=408", "upstream_timeout", AGAIN, 408),
    Row("sim?fail=409", "upstream_conflict", AGAIN, 409),
    Row("sim?fail=413", "upstream_rejected", FINAL, 413),
    Row("sim?fail=418", "upstream_rejected", FINAL, 418),
    Row("sim?fail=422", "upstream_rejected", FINAL, 422),
    Row("sim?fail=425", "upstream_too_early", AGAIN, 425),
    Row("sim?fail=429", "upstream_rate", AGAIN, 429),
    Row("sim?fail=429&quota=1", "upstream_quota", FINAL, 429),
    Row("sim?fail=400&block=1", "upstream_content_filter", FINAL, 400),
    Row("sim?fail=500", "upstream_error", AGAIN, 500),
    Row("sim?fail=502", "upstream_bad_gateway", AGAIN, 502),
    Row("sim?fail=503", "upstream_unavailable", AGAIN, 503),
    Row("sim?fail=504", "upstream_gateway_timeout", AGAIN, 504),
    Row("sim?fail=529", "upstream_overloaded", AGAIN, 529),
    Row("sim?fail=599", "upstream_error", AGAIN, 599),
    # the reply breaks
    Row("sim?fail=1", "upstream_truncated", AGAIN),
    Row("sim?tokens=9&truncate=0", "upstream_truncated", AGAIN, 200),
    Row("sim?tokens=9&truncate=5", "upstream_truncated", AGAIN, 200),
    Row("sim?tokens=9&error_after=0", "upstream_error", AGAIN, 200),
    Row("sim?tokens=9&error_after=4", "upstream_error", AGAIN, 200),
    Row("sim?tokens=9&malformed=1", "upstream_malformed", AGAIN, 200),
    Row("sim?tokens=9&bad_utf8=1", "upstream_malformed", AGAIN, 200),
    # the reply is an attack
    Row("sim?gzip=1", "upstream_malformed", AGAIN, 200),
    Row("sim?short_length=1", "upstream_malformed", AGAIN, 200),
    Row("sim?headers=1000000", "upstream_too_large", FINAL),
    Row("sim?flood_mb=1024", "upstream_too_large", FINAL, 200),
    Row("sim?tokens=1000000", "upstream_too_large", FINAL, 200),
]

# the same in the words of other kinds, and in replies that come whole
OTHERS = [
    ("chat", False, Row("sim?tokens=9&truncate=5", "upstream_truncated", AGAIN, 200)),
    ("chat", False, Row("sim?tokens=9&malformed=1", "upstream_malformed", AGAIN, 200)),
    ("chat", False, Row("sim?tokens=9&error_after=0", "upstream_error", AGAIN, 200)),
    ("chat", False, Row("sim?tokens=1000000", "upstream_too_large", FINAL, 200)),
    ("embedding", False, Row("sim?fail=529", "upstream_overloaded", AGAIN, 529)),
    ("embedding", False, Row("sim?truncate=0", "upstream_truncated", AGAIN, 200)),
    ("message", True, Row("sim?tokens=9&error_after=0", "upstream_error", AGAIN, 200)),
    ("message", True, Row("sim?tokens=9&error_after=4", "upstream_error", AGAIN, 200)),
    ("message", True, Row("sim?tokens=9&malformed=1", "upstream_malformed", AGAIN, 200)),
    ("message", True, Row("sim?tokens=9&bad_utf8=1", "upstream_malformed", AGAIN, 200)),
    ("message", True, Row("sim?fail=529", "upstream_overloaded", AGAIN, 529)),
    ("message", False, Row("sim?tokens=9&error_after=0", "upstream_error", AGAIN, 200)),
    ("response", True, Row("sim?tokens=9&error_after=4", "upstream_error", AGAIN, 200)),
    ("response", True, Row("sim?tokens=9&bad_utf8=1", "upstream_malformed", AGAIN, 200)),
    ("response", False, Row("sim?tokens=9&error_after=0", "upstream_error", AGAIN, 200)),
]


class Plain(socketserver.StreamRequestHandler):
    """A server that was never told of TLS."""

    def handle(self) -> None:
        self.request.recv(100)
        self.wfile.write(b"what is it?\r\n")


@pytest.fixture(scope="module")
def plain_port() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Plain) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture(scope="module")
def far(stack: Any, plain_port: int) -> Iterator[None]:
    """Upstreams that cannot be reached or are given little time; retries without a wait."""

    def change(tree: Tree) -> None:
        near = tree["upstreams"][0]

        def own(name: str, **more: int) -> Tree:
            # our name may hold no "=": each is told apart by its place in the table
            names = [
                f"{asked(row)}=sim?{row.model.partition('?')[2]}"
                for row in ROWS
                if row.model.startswith(f"{name}?")
            ]
            return {**near, "name": name, "models": [f"{name}?*"], "model_names": names, **more}

        tree["upstreams"] += [
            {**near, "name": "no-name", "models": ["no-name"], "base_url": "http://x.invalid/v1"},
            {
                **near,
                "name": "no-server",
                "models": ["no-server"],
                "base_url": "http://127.0.0.1:9",
            },
            {**near, "name": "no-tls", "models": ["no-tls"]}
            | {"base_url": f"https://127.0.0.1:{plain_port}/v1"},
            # each is impatient of one silence only: a slow machine must not break the other
            own("fast", first_byte_timeout_ms=300),
            own("stall", idle_timeout_ms=300),
            own("creep", slow_bytes=100_000, slow_window_ms=300),
        ]
        tree["retry"] |= {"base_ms": 1, "cap_ms": 1}
        tree["limits"] = {"result_bytes": RESULT_BYTES}

    workers = Workers(stack)
    workers.reload(change, "upstreams.no-tls: added")
    yield
    workers.restore()


def asked(row: Row) -> str:
    name = row.model.partition("?")[0]
    return f"{name}?{ROWS.index(row)}" if name in ("fast", "stall", "creep") else row.model


def judge(client: Client, job: str, row: Row) -> dict[str, Any]:
    done = client.wait(job)
    assert (done["state"], done["error"]["code"]) == ("failed", row.code), done
    tries = client.get(job, expand="attempts")["attempts"]
    assert [t["error"]["code"] for t in tries] == [row.code] * row.attempts
    assert {t["status"] for t in tries} == {row.status}
    return done


@pytest.mark.parametrize("row", ROWS, ids=[row.model for row in ROWS])
def test_each_row_of_the_error_table(client: Client, row: Row) -> None:
    job = client.submit(chat("x", model=asked(row), max_attempts=2))["id"]
    done = judge(client, job, row)
    assert done["error"]["retryable"] == (row.attempts == AGAIN)


@pytest.mark.parametrize(
    ("kind", "stream", "row"), OTHERS, ids=[f"{k}-{s}-{r.model}" for k, s, r in OTHERS]
)
def test_each_kind_reads_its_own_words(client: Client, kind: str, stream: bool, row: Row) -> None:
    body: dict[str, Any] = {"model": row.model, "stream": stream}
    if kind in ("chat", "message"):
        body["messages"] = [{"role": "user", "content": "x"}]
    else:
        body["input"] = "x"
    job = client.submit({"kind": kind, "input": body, "max_attempts": 2})["id"]
    judge(client, job, row)


def test_the_upstreams_words_are_for_the_jobs_readers_only(
    client: Client, client2: Client, stack: Any
) -> None:
    words = "refused, as the model's name asked"
    job = client.submit(chat("x", model="sim?fail=400"))["id"]
    assert client.wait(job)["error"]["upstream_message"] == words
    assert client2.http.get(f"/v1/jobs/{job}").status_code == 404
    for name in ("worker-1", "worker-2", "producer-1"):
        assert words not in stack.log(name)


def test_an_error_after_text_keeps_its_text_until_the_next_attempt(client: Client) -> None:
    job = client.submit(chat("x", model="sim?tokens=9&error_after=4&itl_ms=20", max_attempts=1))
    events = list(client.events(job["id"]))
    assert "".join(data["text"] for _, kind, data in events if kind == "job.delta")
    done = client.get(job["id"])
    assert done["error"]["upstream_message"] == "failed inside of a success"


def test_what_the_filter_cut_is_an_answer_that_says_so(client: Client) -> None:
    done = client.wait(client.submit(chat("x", model="sim?tokens=5&filter=1"))["id"])
    assert done["state"] == "completed"
    assert done["result"]["choices"][0]["finish_reason"] == "content_filter"


def test_a_body_longer_than_it_said_harms_no_other_call(client: Client) -> None:
    """Each bad one has a model of its own, so that no breaker makes them wait."""
    models = [f"sim?short_length=1&seed={n}" for n in range(5)]
    bad = [client.submit(chat("x", model=model))["id"] for model in models]
    good = [client.submit(chat("one. two."))["id"] for _ in range(20)]
    assert {client.wait(job)["state"] for job in good} == {"completed"}
    assert {client.wait(job)["error"]["code"] for job in bad} == {"upstream_malformed"}
