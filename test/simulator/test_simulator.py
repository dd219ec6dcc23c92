"""The simulator does what a model's name asks: the fault tests and the figures rest on it."""

from __future__ import annotations

import json
import os
import resource
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from client import until

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build" / os.environ.get("LONGHAUL_MODE", "release") / "simulator"
STREAMS = 9000  # under the usual hard limit of 20,000 files, both ends counted apart
TEXT = "Lanterns light the harbour at night. It rains. Harbour lanterns guide every keeper home."


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A simulator of its own on a free port; it ends cleanly when asked to."""
    command = [str(PROGRAM), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        port = json.loads(process.stderr.readline())["port"]
        yield f"http://127.0.0.1:{port}"
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=120) as client:
        client.delete("/calls")
        client.delete("/faults")
        yield client


def ask(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": TEXT}], **more}


def deltas(text: str) -> str:
    """The text that a chat stream carries."""
    frames = [line[6:] for line in text.splitlines() if line.startswith("data: {")]
    choices = [choice for frame in frames for choice in json.loads(frame)["choices"]]
    return "".join(choice["delta"].get("content", "") for choice in choices)


def test_without_parameters_it_summarises_streamed_or_whole(http: httpx.Client) -> None:
    whole = http.post("/v1/chat/completions", json=ask("sim")).json()
    said = whole["choices"][0]["message"]["content"]
    assert said and all(part in TEXT for part in said.split(". "))
    stream = http.post("/v1/chat/completions", json=ask("sim", stream=True)).text
    assert deltas(stream) == said
    assert stream.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("path", ["chat/completions", "responses", "messages"])
def test_each_dialect_counts_its_tokens(http: httpx.Client, path: str) -> None:
    body = {**ask("sim?tokens=7"), "input": TEXT}
    for prefix in ("/v1/", "/", "/any/prefix/v1/"):
        usage = http.post(prefix + path, json=body).json()["usage"]
        assert usage.get("completion_tokens", usage.get("output_tokens")) == 7


def test_a_seed_repeats_and_another_differs(http: httpx.Client) -> None:
    def said(seed: int) -> str:
        reply = http.post("/v1/chat/completions", json=ask(f"sim?tokens=20&seed={seed}"))
        return reply.json()["choices"][0]["message"]["content"]

    assert said(1) == said(1) != said(2)


def test_refusals_are_counted_by_job(http: httpx.Client) -> None:
    model = "sim?fail=429&fail_times=2&retry_after=3"
    headers = {"X-Client-Request-Id": "job_a", "X-Longhaul-Attempt": "1"}
    replies = [
        http.post("/v1/chat/completions", json=ask(model), headers=headers) for _ in range(3)
    ]
    assert [reply.status_code for reply in replies] == [429, 429, 200]
    assert replies[0].headers["Retry-After"] == "3"
    calls = http.get("/calls", params={"job": "job_a"}).json()["data"]
    assert [call["outcome"] for call in calls] == ["failed", "failed", "completed"]


def test_a_truncated_stream_has_no_end(http: httpx.Client) -> None:
    model = "sim?tokens=9&truncate=3"
    with (
        pytest.raises(httpx.RemoteProtocolError),
        http.stream("POST", "/v1/chat/completions", json=ask(model, stream=True)) as reply,
    ):
        reply.read()


def test_a_client_that_hangs_up_is_seen(http: httpx.Client, url: str) -> None:
    body = ask("sim?tokens=9&hang_after=3", stream=True)
    headers = {"X-Client-Request-Id": "job_h"}
    call = f"{url}/v1/chat/completions"
    with httpx.stream("POST", call, json=body, headers=headers, timeout=120) as reply:
        for line in reply.iter_lines():
            if "content" in line and "role" not in line:
                break

    def left() -> bool:
        call = http.get("/calls", params={"job": "job_h"}).json()["data"][0]
        return call["hung_up"] and call["outcome"] == "hung" and call["tokens"] == 3

    until("the hang-up is in the log", left)


def test_a_fault_lies_over_all_calls_until_it_is_taken_away(http: httpx.Client) -> None:
    assert http.post("/faults", json={"for_ms": 60000, "fail": 503}).status_code == 200
    assert http.post("/v1/chat/completions", json=ask("sim")).status_code == 503
    assert http.delete("/faults").status_code == 200
    assert http.post("/v1/chat/completions", json=ask("sim")).status_code == 200
    assert http.post("/faults", json={"nonsense": 1}).status_code == 400


def test_what_makes_no_sense_is_refused(http: httpx.Client) -> None:
    assert http.post("/v1/chat/completions", json=ask("sim?typo=1")).status_code == 400
    assert http.post("/v1/chat/completions", content=b"{").status_code == 400
    assert http.get("/v1/nowhere").status_code == 404
    assert http.get("/v1/chat/completions").status_code == 405


def test_drip_loses_nothing(http: httpx.Client) -> None:
    slow = http.post("/v1/chat/completions", json=ask("sim?tokens=3&drip=0.01", stream=True))
    fast = http.post("/v1/chat/completions", json=ask("sim?tokens=3", stream=True))
    assert deltas(slow.text) == deltas(fast.text)


def many_streams(port: int, count: int) -> list[socket.socket]:
    body = json.dumps(ask("sim?tokens=20&chunk_tokens=5&itl_ms=100&ttft_ms=2000", stream=True))
    request = f"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    found = []
    for _ in range(count):
        found.append(socket.create_connection(("127.0.0.1", port), timeout=120))
        found[-1].sendall(request.encode())
        found[-1].setblocking(False)
    return found


def test_a_stamped_stream_says_when_each_piece_was_sent(http: httpx.Client) -> None:
    began = time.time_ns() // 1000
    model = "sim?tokens=6&chunk_tokens=2&itl_ms=20&ttft_ms=30&stamp=1"
    text = http.post("/v1/chat/completions", json=ask(model, stream=True)).text
    stamps = [int(piece[:16]) for piece in deltas(text).split("~")[1:]]
    call = http.get("/calls").json()["data"][0]
    assert len(stamps) == 3 and stamps == sorted(stamps)
    assert began <= call["at_us"] < call["first_us"] <= stamps[0]
    assert stamps[-1] <= call["ended_us"] <= time.time_ns() // 1000


def read_all(streams: list[socket.socket], end: float) -> list[bytes]:
    """What each stream said up to its last chunk, by a deadline."""
    said = {stream: bytearray() for stream in streams}
    with selectors.DefaultSelector() as ready:
        for stream in streams:
            ready.register(stream, selectors.EVENT_READ)
        while ready.get_map() and time.monotonic() < end:
            for key, _ in ready.select(1):
                said[key.fileobj] += key.fileobj.recv(65536)  # type: ignore[index,union-attr]
                if said[key.fileobj].endswith(b"0\r\n\r\n"):  # type: ignore[index]
                    ready.unregister(key.fileobj)
    return [bytes(text) for text in said.values()]


def test_thousands_of_streams_at_once_all_end(http: httpx.Client, url: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(STREAMS, hard - 500)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    streams = many_streams(int(url.rpartition(":")[2]), count)
    try:
        said = read_all(streams, time.monotonic() + 300)
    finally:
        for stream in streams:
            stream.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert all(text.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n") for text in said)
    assert http.get("/calls?summary=1").json()["completed"] == count
