"""Hostile HTTP: what could smuggle, stall or swell is refused and the connection closed."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
import yaml
from client import Client, until
from stacks import Tree, own_config, started

pytestmark = pytest.mark.usefixtures("stack")


def read_all(line: socket.socket) -> bytes:
    """Until the peer closes; one that does not runs into the socket's time-out."""
    reply = b""
    with suppress(ConnectionResetError):
        while chunk := line.recv(65536):
            reply += chunk
    return reply


def exchange(url: str, request: bytes, deadline_s: float = 120) -> bytes:
    """Sends raw bytes and reads until the peer closes."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=deadline_s) as line:
        with suppress(ConnectionError):
            line.sendall(request)
        return read_all(line)


SUBMIT_BODY = '{"kind":"noop","input":{}}'


def submit(key: str, head: str = "", target: str = "/v1/jobs", version: str = "HTTP/1.1") -> str:
    """A whole, valid submit; whoever reads it as a request of its own keeps a job."""
    return (
        f"POST {target} {version}\r\nHost: x\r\nAuthorization: Bearer {key}\r\n{head}"
        f"Content-Length: {len(SUBMIT_BODY)}\r\n\r\n{SUBMIT_BODY}"
    )


def hidden(head: str, body: str = "", end: str = "\r\n") -> Callable[[str], str]:
    """A head that someone may frame otherwise, and a submit where its body may seem to end."""
    return lambda key: (
        f"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        f"{head}{end}{body}{submit(key)}"
    )


def plain(text: str) -> Callable[[str], str]:
    return lambda key: text + submit(key)


CHUNKED = "Transfer-Encoding: chunked\r\n"
FOLLOWED = "0\r\n\r\n"

# What is refused with a problem document: by our guards, or by the library with a whole head read.
REFUSED: dict[str, Callable[[str], str]] = {
    "CL and TE": hidden(f"Content-Length: 5\r\n{CHUNKED}", FOLLOWED),
    "TE and CL": hidden(f"{CHUNKED}Content-Length: 5\r\n", FOLLOWED),
    "two lengths": hidden("Content-Length: 0\r\nContent-Length: 7\r\n"),
    "two equal lengths": hidden("Content-Length: 0\r\nContent-Length: 0\r\n"),
    "a length list": hidden("Content-Length: 0, 0\r\n"),
    "a negative length": hidden("Content-Length: -1\r\n"),
    "a signed length": hidden("Content-Length: +5\r\n"),
    "a hexadecimal length": hidden("Content-Length: 0x5\r\n"),
    "an empty length": hidden("Content-Length: \r\n"),
    "a length of 16 digits": hidden("Content-Length: 9999999999999999\r\n"),
    "a length beyond 64 bits": hidden("Content-Length: 99999999999999999999999\r\n"),
    "a bad length, expected": hidden("Expect: 100-continue\r\nContent-Length: +5\r\n"),
    "cookies without room": hidden("Cookie: " + "a=b; " * 2000 + "\r\nContent-Length: 0\r\n"),
    "too many headers": hidden("X-A: b\r\n" * 65 + "Content-Length: 0\r\n"),
    "an unknown coding": hidden("Transfer-Encoding: gzip, chunked\r\n", FOLLOWED),
    "a folded header": hidden("X-A: b\r\n c\r\nContent-Length: 0\r\n"),
    "a space before the colon": hidden("Content-Length : 0\r\n"),
    "a NUL in a header": hidden("X-A: a\0b\r\nContent-Length: 0\r\n"),
    "a bare CR": hidden("X-A: a\rContent-Length: 0\r\n"),
    "a bare LF": hidden("X-A: a\nContent-Length: 0\r\n"),
    "a bare LF before the blank line": hidden("Content-Length: 0\n"),
    "a bare LF as the blank line": hidden("Content-Length: 0\r\n", end="\n"),
    "bare LFs throughout": lambda key: submit(key).replace("\r", "") + submit(key),
    "no host": plain("GET /healthz HTTP/1.1\r\n\r\n"),
    "two hosts": plain("GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"),
    "an absolute target": lambda key: submit(key, target="http://x/v1/jobs"),
    "an authority as target": plain("CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n"),
    "an asterisk as target": plain("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a blank in the target": lambda key: submit(key, target="/v1/jobs /v1/jobs"),
}

# What libmicrohttpd 0.9.75 refuses before a head's end or inside a body: producer/http/refusal.h.
BARE_PAGES: dict[str, Callable[[str], str]] = {
    "a bad chunk size": hidden(CHUNKED, "zz\r\n{}\r\n0\r\n\r\n"),
    "a negative chunk size": hidden(CHUNKED, "-2\r\n{}\r\n0\r\n\r\n"),
    "a chunk beyond 64 bits": hidden(CHUNKED, "fffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
    "a chunk longer than its size": hidden(CHUNKED, "2\r\n{}{}\r\n0\r\n\r\n"),
    "a line without a colon": hidden("Hello\r\nContent-Length: 0\r\n"),
    "a NUL in a header's name": hidden("X\0A: b\r\nContent-Length: 0\r\n"),
    "20,000 bytes of headers": hidden("X-A: " + "a" * 20000 + "\r\nContent-Length: 0\r\n"),
    "a target of 40,000 bytes": lambda key: submit(key, target="/" + "a" * 40000),
    "HTTP/0.9": plain("GET /healthz\r\n\r\n"),
    "HTTP/0.9, named": lambda key: submit(key, version="HTTP/0.9"),
    "HTTP/2's preface": plain("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
}

# Where no request line can be seen there is nothing to answer.
SILENT = {
    "no blank": plain("garbage\r\n\r\n"),
    "tabs for blanks": plain("GET\t/healthz\tHTTP/1.1\r\nHost: x\r\n\r\n"),
}


def refuse(stack: Any, pg_url: str, request: Callable[[str], str]) -> list[tuple[bytes, bytes]]:
    """The replies, each head with its body, after the peer closed; no job was kept."""
    count = "select count(*) from job"
    with psycopg.connect(pg_url, autocommit=True) as record:
        before = record.execute(count).fetchone()
        text = request(stack.env["LONGHAUL_API_KEY"])
        reply = exchange(stack.env["LONGHAUL_URL"], text.encode("latin-1"))
        assert record.execute(count).fetchone() == before
    heads = re.split(rb"(?=HTTP/1\.1 \d)", reply)[1:]
    return [(head, body) for head, _, body in (one.partition(b"\r\n\r\n") for one in heads)]


@pytest.mark.parametrize("request_of", REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.promises("C1")
def test_what_is_ambiguous_gets_one_problem_document_and_nothing_is_kept(
    stack: Any, pg_url: str, request_of: Callable[[str], str]
) -> None:
    [(head, body)] = refuse(stack, pg_url, request_of)
    problem = json.loads(body)
    assert problem["code"] in ("bad_request", "too_large")
    assert head.startswith(b"HTTP/1.1 %d " % problem["status"])
    assert b"content-type: application/problem+json" in head.lower()
    assert b"connection: close" in head.lower()
    assert problem["instance"].encode() in head


@pytest.mark.parametrize("request_of", BARE_PAGES.values(), ids=BARE_PAGES.keys())
@pytest.mark.promises("C1")
def test_what_the_library_refuses_itself_gets_one_bare_page_and_nothing_is_kept(
    stack: Any, pg_url: str, request_of: Callable[[str], str]
) -> None:
    [(head, _)] = refuse(stack, pg_url, request_of)
    assert re.match(rb"HTTP/1\.1 (400|413|414|431|505) ", head), head
    assert b"connection: close" in head.lower()


@pytest.mark.parametrize("request_of", SILENT.values(), ids=SILENT.keys())
@pytest.mark.promises("C1")
def test_what_has_no_request_line_is_closed_without_a_word(
    stack: Any, pg_url: str, request_of: Callable[[str], str]
) -> None:
    assert refuse(stack, pg_url, request_of) == []


@pytest.mark.promises("C1")
def test_garbage_behind_a_request_ends_the_connection_after_its_reply(
    stack: Any, pg_url: str
) -> None:
    good = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    first, second = refuse(stack, pg_url, plain(f"{good}\1\2 garbage here\r\n\r\n"))
    assert first[0].startswith(b"HTTP/1.1 200 ") and second[0].startswith(b"HTTP/1.1 400 ")
    first, second = refuse(stack, pg_url, lambda key: good + hidden("Content-Length: +5\r\n")(key))
    assert first[0].startswith(b"HTTP/1.1 200 ") and second[0].startswith(b"HTTP/1.1 400 ")
    assert json.loads(second[1])["code"] == "bad_request"


@pytest.mark.promises("C1")
def test_refusals_side_by_side_reach_those_they_are_meant_for(stack: Any) -> None:
    """Connections with half a head stand open meanwhile, on every thread of the server."""
    parts = urlsplit(stack.env["LONGHAUL_URL"])
    where = (parts.hostname, parts.port)
    head = b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\n"
    half = [socket.create_connection(where, timeout=120) for _ in range(40)]
    for line in half:
        line.sendall(head)
    bad = [socket.create_connection(where, timeout=120) for _ in range(40)]
    for line in bad:
        line.sendall(head)
    for line in bad:
        line.sendall(b"Content-Length: +5\r\n\r\n")
    for line in bad:
        reply = read_all(line)
        assert reply.count(b"HTTP/1.1 ") == 1 and b"problem+json" in reply
    for line in half:
        line.sendall(b"Connection: close\r\nContent-Length: 2\r\n\r\n{}")
        assert read_all(line).startswith(b"HTTP/1.1 401 ")
        line.close()


@pytest.fixture(scope="module")
def impatient(stack: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A producer beside the stack's, which nobody asks but those who are to be cut off."""

    def change(tree: Tree) -> None:
        tree["producer"]["header_timeout_ms"] = 1000

    config = own_config(stack, "producer", tmp_path_factory.mktemp("impatient"), change)
    url = "http://" + read_listen(config)
    with started(stack, "producer", config):
        until("it answers", lambda: answers(url))
        yield url


@pytest.fixture(scope="module")
def narrow(stack: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a further producer that has few connections to give."""

    def change(tree: Tree) -> None:
        tree["producer"].update(connections_max=64, body_timeout_ms=600000)

    config = own_config(stack, "producer", tmp_path_factory.mktemp("narrow"), change)
    url = "http://" + read_listen(config)
    with started(stack, "producer", config):
        until("it answers", lambda: answers(url))
        yield url


def read_listen(config: Path) -> str:
    return str(yaml.safe_load(config.read_text())["producer"]["listen"])


def answers(url: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"{url}/healthz").is_success
    return False


@pytest.mark.promises("C1")
def test_headers_that_never_end_are_cut_off(impatient: str) -> None:
    """The peer closes by itself; the socket's own time-out is the test's deadline."""
    assert exchange(impatient, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-") == b""


@pytest.mark.promises("C1")
def test_headers_that_trickle_are_cut_off(impatient: str) -> None:
    """Each byte restarts an idle clock; the head's own clock is absolute."""
    parts = urlsplit(impatient)
    with socket.create_connection((parts.hostname, parts.port), timeout=0.2) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")

        def cut_off() -> bool:
            try:
                line.sendall(b"X")
                return line.recv(1) == b""
            except TimeoutError:
                return False
            except OSError:
                return True

        until("a trickling head is cut off", cut_off)


@pytest.mark.promises("C1")
def test_idle_connections_do_not_stop_service(stack: Any, client: Client) -> None:
    parts = urlsplit(stack.env["LONGHAUL_URL"])
    idle = [socket.create_connection((parts.hostname, parts.port)) for _ in range(800)]
    job = client.submit({"kind": "noop", "input": {}})
    assert client.wait(job["id"])["state"] == "completed"
    for line in idle:
        line.close()


def test_operators_calls_do_not_answer_on_the_public_listener(stack: Any, client: Client) -> None:
    with_operator = Client(stack.env["LONGHAUL_URL"], stack.env["LONGHAUL_ADMIN_KEY"])
    for path in ("/v1/queues", "/v1/workers", "/v1/upstreams", "/metrics", "/v1/tenants"):
        assert client.http.get(path).status_code == 404
        assert with_operator.http.get(path).status_code in (401, 403, 404)
    with_operator.close()


def test_a_tenants_key_is_no_operators_key(stack: Any) -> None:
    tenant = Client(stack.env["LONGHAUL_ADMIN_URL"], stack.env["LONGHAUL_API_KEY"])
    assert tenant.http.get("/v1/queues").status_code in (401, 403)
    tenant.close()


@pytest.mark.promises("C15")
def test_operators_see_queues_workers_upstreams_and_metrics(admin: Client, client: Client) -> None:
    client.wait(client.submit({"kind": "noop", "input": {}})["id"])
    queues = admin.http.get("/v1/queues").json()["data"]
    assert "default" in [queue["name"] for queue in queues]
    workers = until("workers are listed", lambda: admin.http.get("/v1/workers").json()["data"])
    assert all(worker["id"].startswith("wrk_") and worker["slots"] > 0 for worker in workers)
    assert admin.http.get("/v1/upstreams").json()["data"]
    metrics = admin.http.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    for name in ("queue_depth", "queue_oldest_age_seconds", "worker_slots"):
        assert f"longhaul_{name}" in metrics.text


def test_health_needs_no_key_and_says_little(stack: Any) -> None:
    nobody = Client(stack.env["LONGHAUL_URL"], None)
    for path in ("/healthz", "/readyz"):
        reply = nobody.http.get(path)
        assert reply.status_code == 200 and len(reply.text) < 200
    nobody.close()


def test_every_reply_names_its_request(client: Client) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    replies = [
        client.http.get("/healthz"),
        client.http.get("/v1/nothing"),
        client.http.post("/v1/jobs", json={}),
    ]
    assert all(reply.headers["x-request-id"] for reply in replies)
    job = client.http.post(
        "/v1/jobs", json={"kind": "noop", "input": {}}, headers={"traceparent": trace}
    )
    assert job.json()["trace_id"] == "0af7651916cd43dd8448eb211c80319c"


def test_every_reply_tells_a_browser_to_keep_guess_and_run_nothing(client: Client) -> None:
    job = client.http.post("/v1/jobs", json={"kind": "noop", "input": {}}).json()["id"]
    replies = [
        client.http.get("/healthz"),
        client.http.get("/v1/nothing"),
        client.http.post("/v1/jobs", json={}),
        client.http.get(f"/v1/jobs/{job}?wait=30"),
        client.http.get(f"/v1/jobs/{job}/events"),
    ]
    for reply in replies:
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in reply.headers["content-security-policy"]


def test_no_program_can_gain_privileges(stack: Any) -> None:
    """That it also writes nowhere else and runs nothing: test/unit/core/ground/test_confine.c."""
    for name in ("producer-1", "worker-1", "scheduler-1"):
        status = Path(f"/proc/{stack.pid(name)}/status").read_text()
        assert "NoNewPrivs:\t1\n" in status, name
        assert "confined" not in stack.log(name)


def test_a_wrong_method_says_which_are_right(client: Client) -> None:
    reply = client.http.put("/v1/jobs", json={})
    assert reply.status_code == 405 and "POST" in reply.headers["allow"]


@pytest.mark.promises("C12")
def test_one_address_never_takes_the_last_places(narrow: str) -> None:
    """Strangers' bodies that never come, from one address; another one is heard."""
    parts = urlsplit(narrow)
    at = (parts.hostname, parts.port)
    head = b"POST /v1/auth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
    with ExitStack() as lines:
        for _ in range(64):
            line = lines.enter_context(socket.create_connection(at, timeout=60))
            with suppress(ConnectionError):
                line.sendall(head)
        other = socket.create_connection(at, timeout=60, source_address=("127.0.0.2", 0))
        lines.enter_context(other)
        other.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert read_all(other).startswith(b"HTTP/1.1 200 ")
