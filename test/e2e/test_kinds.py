"""Every kind of job that calls a model, streamed and whole, through the real stack."""

from __future__ import annotations

from typing import Any

import pytest
from client import Client, until

pytestmark = [pytest.mark.usefixtures("stack"), pytest.mark.promises("C14")]

TEXT = "Lanterns light the harbour at night. It rains. Harbour lanterns guide every keeper home."


def input_of(kind: str, model: str, **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"model": model, **more}
    if kind in ("chat", "message"):
        body["messages"] = [{"role": "user", "content": TEXT}]
    else:
        body["input"] = TEXT
    if kind == "message":
        body["max_tokens"] = 1000
    return body


def said(kind: str, result: dict[str, Any]) -> str:
    """The text of an answer, wherever its kind keeps it."""
    if kind == "chat":
        return result["choices"][0]["message"]["content"]
    if kind == "response":
        return "".join(part["text"] for item in result["output"] for part in item["content"])
    return "".join(block["text"] for block in result["content"])


@pytest.mark.parametrize("kind", ["chat", "response", "message"])
def test_a_streamed_answer_is_the_one_that_comes_whole(client: Client, kind: str) -> None:
    results = []
    for stream in ({}, {"stream": True}, {"stream": False}):
        job = client.submit({"kind": kind, "input": input_of(kind, "sim?itl_ms=5", **stream)})["id"]
        done = client.wait(job)
        assert done["state"] == "completed", done
        assert done["usage"]["input_tokens"] > 0 and done["usage"]["output_tokens"] > 0
        results.append((said(kind, done["result"]), done["usage"]["output_tokens"]))
    assert results[0] == results[1] == results[2]
    assert results[0][0].startswith("Lanterns")


@pytest.mark.parametrize("kind", ["chat", "response", "message"])
def test_the_text_is_told_while_it_is_written(client: Client, kind: str) -> None:
    job = client.submit({"kind": kind, "input": input_of(kind, "sim?itl_ms=20&tokens=30")})["id"]
    events = list(client.events(job))
    told = "".join(data["text"] for _, event, data in events if event == "job.delta")
    assert told == said(kind, client.get(job)["result"])
    # of an answer that never ends what is there is told none the less
    body = input_of(kind, "sim?tokens=30&hang_after=10")
    job = client.submit({"kind": kind, "input": body})["id"]
    for _, event, data in client.events(job):
        if event == "job.delta" and data["text"]:
            client.http.post(f"/v1/jobs/{job}/cancel").raise_for_status()
    assert client.get(job)["state"] == "cancelled"


def test_a_message_keeps_its_shape(client: Client) -> None:
    body = input_of("message", "sim?tokens=12")
    done = client.wait(client.submit({"kind": "message", "input": body})["id"])
    result = done["result"]
    assert [result["type"], result["role"], result["stop_reason"]] == [
        "message",
        "assistant",
        "end_turn",
    ]
    assert result["usage"]["output_tokens"] == done["usage"]["output_tokens"] == 12
    assert [block["type"] for block in result["content"]] == ["text"]


@pytest.mark.parametrize("kind", ["chat", "response", "message"])
def test_a_stream_that_breaks_off_is_tried_again(client: Client, kind: str) -> None:
    job = client.submit(
        {"kind": kind, "max_attempts": 2, "input": input_of(kind, "sim?tokens=20&truncate=5")}
    )["id"]
    assert client.wait(job)["state"] == "failed"
    tries = client.get(job, expand="attempts")["attempts"]
    assert [t["error"]["code"] for t in tries] == ["upstream_truncated"] * 2


def test_a_cancelled_message_hangs_up(client: Client, simulator: Any) -> None:
    body = input_of("message", "sim?tokens=400&itl_ms=50")
    job = client.submit({"kind": "message", "input": body})["id"]
    until("the call runs", lambda: simulator.calls(job))
    client.http.post(f"/v1/jobs/{job}/cancel").raise_for_status()
    until("the call was hung up", lambda: simulator.calls(job)[0]["hung_up"])
    assert client.get(job)["state"] == "cancelled"


@pytest.mark.parametrize("stream", [{}, {"stream": False}, {"stream": True}])
def test_an_embedding_never_streams(client: Client, stream: dict[str, bool]) -> None:
    body = input_of("embedding", "sim", **stream)
    done = client.wait(client.submit({"kind": "embedding", "input": body})["id"])
    assert done["state"] == "completed" and done["result"]["data"][0]["embedding"]
    assert done["usage"]["input_tokens"] > 0
