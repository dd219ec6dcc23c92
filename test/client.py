"""A client of the native API that remembers what it did.

Every call's outcome goes into a history that the checker reads afterwards: `ok` when the service
acknowledged, `fail` when it refused, `info` when nobody can know (a time-out, a cut connection).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

TERMINAL = frozenset({"completed", "failed", "cancelled", "expired"})


@dataclass
class Entry:
    """One call as the client saw it."""

    outcome: str
    key: str
    job: str | None = None


@dataclass
class History:
    entries: list[Entry] = field(default_factory=list)

    def acknowledged(self) -> dict[str, str]:
        """Job id by idempotency key, of every submit that was answered 202."""
        return {e.key: e.job for e in self.entries if e.outcome == "ok" and e.job}


def until(what: str, check: Callable[[], Any], deadline_s: float = 120.0) -> Any:
    """Waits for check() to be truthy; the error names what never came. Patience costs the green
    nothing, and a machine that is held up for seconds makes none of them red."""
    end = time.monotonic() + deadline_s
    pause = 0.01
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s} s: {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)


def chat(text: str, model: str = "sim", **more: Any) -> dict[str, Any]:
    """A job of kind chat with one user message."""
    body = {"model": model, "messages": [{"role": "user", "content": text}]}
    return {"kind": "chat", "input": body, **more}


class Client:
    """One key, one producer."""

    def __init__(self, url: str, key: str | None, history: History | None = None) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        limits = httpx.Limits(max_connections=200)
        self.http = httpx.Client(base_url=url, headers=headers, timeout=70, limits=limits)
        self.history = history if history is not None else History()

    def close(self) -> None:
        self.http.close()

    def submit(self, job: dict[str, Any], key: str | None = None) -> dict[str, Any]:
        """Submits, expects 202, remembers."""
        headers = {"Idempotency-Key": key} if key else {}
        try:
            reply = self.http.post("/v1/jobs", json=job, headers=headers)
        except httpx.HTTPError:
            self.history.entries.append(Entry("info", key or ""))
            raise
        if reply.status_code != 202:
            self.history.entries.append(Entry("fail", key or ""))
            raise AssertionError(f"submit: {reply.status_code} {reply.text}")
        body = reply.json()
        self.history.entries.append(Entry("ok", key or body["id"], body["id"]))
        return body

    def bulk(self, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        lines = "".join(json.dumps(job) + "\n" for job in jobs)
        reply = self.http.post(
            "/v1/jobs/bulk", content=lines, headers={"Content-Type": "application/x-ndjson"}
        )
        assert reply.status_code == 200, reply.text
        answers = [json.loads(line) for line in reply.text.splitlines()]
        for answer in answers:
            if "id" in answer:
                self.history.entries.append(Entry("ok", answer["id"], answer["id"]))
        return answers

    def get(self, job: str, **query: Any) -> dict[str, Any]:
        reply = self.http.get(f"/v1/jobs/{job}", params=query)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def wait(self, job: str, deadline_s: float = 120) -> dict[str, Any]:
        """Long polls until the job has ended."""

        def ended() -> dict[str, Any] | None:
            found = self.get(job, wait=min(20, deadline_s))
            return found if found["state"] in TERMINAL else None

        return until(f"{job} ends", ended, deadline_s)

    def events(self, job: str, after: int | None = None) -> Generator[tuple[int, str, Any]]:
        """Follows the event stream to its terminal event: (number, type, data)."""
        headers = {"Last-Event-ID": str(after)} if after is not None else {}
        with self.http.stream("GET", f"/v1/jobs/{job}/events", headers=headers) as reply:
            assert reply.status_code == 200, reply.read()
            assert reply.headers["content-type"].startswith("text/event-stream")
            yield from frames(reply.iter_lines())


def frames(lines: Iterator[str]) -> Iterator[tuple[int, str, Any]]:
    """Server-sent events as the WHATWG text has them, comments passed over."""
    parts: dict[str, str] = {}
    for line in lines:
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(":")
            parts[name] = value.removeprefix(" ")
            continue
        if "data" in parts:
            yield int(parts.get("id", -1)), parts.get("event", "message"), json.loads(parts["data"])
        parts = {}
