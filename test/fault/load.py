"""Clients that submit without pause while something breaks, and what must be true afterwards."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from checker import Verdict
from client import Client, Entry, chat, until
from stacks import tenant_client

from .conftest import Fault

SHORT = "sim?tokens=3&itl_ms=10"
PAUSE_S = 0.005


class Load:
    """Some clients, each on a thread of its own; they take refusals as they come. Keyed, each
    submit has an Idempotency-Key and, so that it is sealed by a key of its own, a subject."""

    def __init__(
        self, stack: Any, model: str, threads: int, keyed: bool = False, **job: Any
    ) -> None:
        self.clients = [tenant_client(stack) for _ in range(threads)]
        self.job = chat("l", model=model, max_attempts=20, **job)
        self.keyed = keyed
        self.longest_s = 0.0
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(c,)) for c in self.clients]

    def run(self, client: Client) -> None:
        while not self.stopping.is_set():
            began = time.monotonic()
            self.submit(client)
            self.longest_s = max(self.longest_s, time.monotonic() - began)
            self.stopping.wait(PAUSE_S)

    def post(self, client: Client, key: str) -> httpx.Response:
        if not key:
            return client.http.post("/v1/jobs", json=self.job)
        job = {**self.job, "subject": key}
        return client.http.post("/v1/jobs", json=job, headers={"Idempotency-Key": key})

    def submit(self, client: Client) -> None:
        """A refusal is an answer; a cut line is not, so its outcome stays unknown."""
        key = secrets.token_hex(8) if self.keyed else ""
        try:
            reply = self.post(client, key)
        except httpx.HTTPError:
            client.history.entries.append(Entry("info", key))
            return
        if reply.status_code == 202:
            job = reply.json()["id"]
            client.history.entries.append(Entry("ok", key or job, job))
            return
        client.history.entries.append(Entry("fail", key))
        assert reply.status_code in (429, 503), reply.text
        assert int(reply.headers["retry-after"]) >= 1

    def count(self, outcome: str) -> int:
        return sum(e.outcome == outcome for c in self.clients for e in c.history.entries)

    def accepted(self) -> int:
        return self.count("ok")


@contextmanager
def load(stack: Any, model: str = SHORT, threads: int = 4, **job: Any) -> Iterator[Load]:
    one = Load(stack, model, threads, **job)
    for thread in one.threads:
        thread.start()
    try:
        yield one
    finally:
        one.stopping.set()
        for thread in one.threads:
            thread.join(80)


def more(one: Load, n: int) -> None:
    """Waits until n further submits were accepted."""
    before = one.accepted()
    until(f"{n} more are accepted", lambda: one.accepted() >= before + n)


def assert_whole(stack: Any, one: Load) -> Verdict:
    """Everything that was acknowledged is completed, once."""
    fault = Fault(stack)
    verdict = fault.settle(one.clients)
    verdict.phantom = []
    assert verdict.faults() == {}, verdict
    others = "select state::text, error_code, attempt, count(*) from job" + (
        " where state <> 'completed' group by 1, 2, 3"
    )
    assert verdict.completed == verdict.acknowledged > 0, fault.ask(others)
    return verdict
