"""What an upstream does to a call, and what becomes of the job: the error table, row by row."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from client import Client, chat, until

pytestmark = pytest.mark.usefixtures("stack")

# the simulator's fault -> (final state, attempts, error class of the first attempt)
ROWS: list[tuple[str, str, int, str]] = [
    ("fail=500&fail_times=1", "completed", 2, "upstream_error"),
    ("fail=502&fail_times=1", "completed", 2, "upstream_bad_gateway"),
    ("fail=503&fail_times=1", "completed", 2, "upstream_unavailable"),
    ("fail=504&fail_times=1", "completed", 2, "upstream_gateway_timeout"),
    ("fail=529&fail_times=1", "completed", 2, "upstream_overloaded"),
    ("fail=429&fail_times=1", "completed", 2, "upstream_rate"),
    ("fail=408&fail_times=1", "completed", 2, "upstream_timeout"),
    ("fail=409&fail_times=1", "completed", 2, "upstream_conflict"),
    ("fail=425&fail_times=1", "completed", 2, "upstream_too_early"),
    ("fail=400", "failed", 1, "upstream_rejected"),
    ("fail=401", "failed", 1, "upstream_auth"),
    ("fail=403", "failed", 1, "upstream_auth"),
    ("fail=404", "failed", 1, "upstream_rejected"),
    ("fail=422", "failed", 1, "upstream_rejected"),
]


@pytest.mark.parametrize(("fault", "state", "attempts", "code"), ROWS, ids=[r[0] for r in ROWS])
@pytest.mark.promises("C5", "C14")
def test_each_status_has_its_fate(
    client: Client, fault: str, state: str, attempts: int, code: str
) -> None:
    job = client.submit(chat("one. two.", model=f"sim?{fault}"))["id"]
    done = client.wait(job)
    assert done["state"] == state, done
    tries = client.get(job, expand="attempts")["attempts"]
    assert [len(tries), tries[0]["error"]["code"]] == [attempts, code]
    if state == "failed":
        assert done["error"]["code"] == code and done["error"]["upstream_status"]


@pytest.mark.promises("C5")
def test_a_retry_is_never_earlier_than_the_upstream_asked(
    stack: Any, client: Client, simulator: Any
) -> None:
    job = client.submit(chat("x", model="sim?fail=429&fail_times=1&retry_after=3"))["id"]
    assert client.wait(job)["state"] == "completed"
    first, second = simulator.calls(job)
    asked, came = (datetime.fromisoformat(call["time"]) for call in (first, second))
    assert (came - asked).total_seconds() >= 3.0
    tries = client.get(job, expand="attempts")["attempts"]
    assert [one.get("retry_after_ms") for one in tries if one["status"]] == [3000, None]
    story = stack.longhaul("why", job)
    assert "status 429, Retry-After 3.0 s, so nobody calls this upstream" in story
    line = next(
        one
        for one in json.loads(stack.longhaul("--json", "why", job))["story"]
        if one.get("retry_after_ms")
    )
    over, ended = (datetime.fromisoformat(line[name]) for name in ("not_called_before", "at"))
    assert (over - ended).total_seconds() == 3.0


@pytest.mark.promises("C5")
def test_attempts_are_bounded_and_the_last_error_stays(client: Client) -> None:
    job = client.submit(chat("x", model="sim?fail=500", max_attempts=2))["id"]
    done = client.wait(job)
    assert (done["state"], done["attempt"]) == ("failed", 2)
    assert done["error"]["code"] in ("upstream_error", "attempts_exhausted")


@pytest.mark.promises("C5")
def test_a_stream_without_its_end_marker_is_tried_again(client: Client) -> None:
    job = client.submit(chat("x", model="sim?tokens=20&truncate=5", max_attempts=2))["id"]
    done = client.wait(job)
    assert done["state"] == "failed"
    tries = client.get(job, expand="attempts")["attempts"]
    assert [t["error"]["code"] for t in tries] == ["upstream_truncated"] * 2


@pytest.mark.promises("C5")
def test_a_malformed_stream_is_tried_again_and_fails_cleanly(client: Client) -> None:
    job = client.submit(chat("x", model="sim?tokens=5&malformed=1", max_attempts=2))["id"]
    done = client.wait(job)
    assert done["state"] == "failed" and done["error"]["code"] in (
        "upstream_malformed",
        "attempts_exhausted",
    )


@pytest.mark.promises("C5")
def test_one_attempt_has_its_own_time_limit(client: Client) -> None:
    job = client.submit(
        chat("x", model="sim?tokens=100&hang_after=3", attempt_timeout_s=2, max_attempts=1)
    )["id"]
    done = client.wait(job)
    assert done["state"] == "failed" and done["error"]["code"] == "attempt_timeout"


@pytest.mark.promises("C5")
def test_the_deadline_ends_a_running_call(client: Client, simulator: Any) -> None:
    job = client.submit(chat("x", model="sim?tokens=400&itl_ms=100", deadline_s=2))["id"]
    done = client.wait(job)
    assert done["state"] == "expired" and done["error"]["code"] == "deadline"
    until("the call was hung up", lambda: simulator.calls(job)[0]["hung_up"])


@pytest.mark.promises("C14")
def test_unknown_fields_of_the_input_reach_the_upstream(client: Client) -> None:
    body = chat("kept. whole.")
    body["input"]["x_vendor_option"] = {"deep": [1, 2.5, None, "text"]}
    job = client.submit(body)["id"]
    assert client.wait(job)["state"] == "completed"
    assert client.get(job, expand="input")["input"] == body["input"]


@pytest.mark.promises("C14")
def test_a_model_nobody_serves_fails_at_once(client: Client) -> None:
    job = client.submit(chat("x", model="nobody-has-this"))["id"]
    done = client.wait(job)
    assert (done["state"], done["error"]["code"]) == ("failed", "no_upstream")


@pytest.mark.promises("C14")
def test_an_embedding_comes_back_whole(client: Client) -> None:
    job = client.submit({"kind": "embedding", "input": {"model": "sim", "input": "text"}})["id"]
    done = client.wait(job)
    assert done["state"] == "completed" and done["result"]["data"][0]["embedding"]


@pytest.mark.promises("C14")
def test_a_client_that_does_not_stream_gets_the_same_answer(client: Client) -> None:
    text = "First sentence here. Second sentence there. Third one."
    streamed = client.wait(client.submit(chat(text))["id"])["result"]
    body = chat(text)
    body["input"]["stream"] = False
    plain = client.wait(client.submit(body)["id"])["result"]
    for member in ("role", "content"):
        assert streamed["choices"][0]["message"][member] == plain["choices"][0]["message"][member]


@pytest.mark.promises("X6")
def test_usage_is_what_the_simulator_counted(client: Client, simulator: Any) -> None:
    job = client.submit(chat("count", model="sim?tokens=17"))["id"]
    done = client.wait(job)
    assert done["usage"]["output_tokens"] == 17
    assert simulator.calls(job)[0]["outcome"] == "completed"
