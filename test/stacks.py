"""Stacks for tests: real Postgres, Kafka, Redis, our programs, under var/test/NAME."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml
from client import Client, History, until
from longhaul_dev.stack import Stack

ROOT = Path(__file__).resolve().parents[1]

# Webhooks come again in a moment instead of minutes; hostile clients are cut off in seconds.
FOR_TESTS: dict[str, dict[str, Any]] = {
    "producer": {"header_timeout_ms": 3000, "body_timeout_ms": 5000},
}


@contextmanager
def running(name: str, **how: Any) -> Iterator[Stack]:
    """A stack of its own for as long as the block lasts; its folder stays when the block failed."""
    var = ROOT / "var/test" / name
    shutil.rmtree(var, ignore_errors=True)
    overrides = {**FOR_TESTS, **how.pop("config_overrides", {})}
    stack = Stack(var)
    stack.up(config_overrides=overrides, **how)
    try:
        yield stack
    finally:
        stack.down()
        complaints = sanitizers_said(var)
        if not os.environ.get("LONGHAUL_KEEP") and not complaints:
            stack.down(purge=True)
        assert not complaints, "\n".join(complaints)


def sanitizers_said(var: Path) -> list[str]:
    """A program that a sanitizer ended is started anew: without this its end would pass unseen."""
    logs = [log for log in var.glob("log/*.log") if log.stem not in ("kafka", "postgres")]
    return [
        f"{log}: {line}"
        for log in sorted(logs)
        for line in log.read_text(errors="replace").splitlines()
        if "Sanitizer:" in line or "runtime error:" in line
    ]


def tenant_client(stack: Stack, second: bool = False, history: History | None = None) -> Client:
    key = "LONGHAUL_API_KEY_2" if second else "LONGHAUL_API_KEY"
    return Client(stack.env["LONGHAUL_URL"], stack.env[key], history)


def admin_client(stack: Stack) -> Client:
    return Client(stack.env["LONGHAUL_ADMIN_URL"], stack.env["LONGHAUL_ADMIN_KEY"])


Tree = dict[str, Any]


class Workers:
    """The configuration of all workers of the stack, changed by SIGHUP."""

    NAMES = ("worker-1", "worker-2")

    def __init__(self, stack: Any) -> None:
        self.stack = stack
        self.before = {name: self.path(name).read_text() for name in self.NAMES}

    def path(self, name: str) -> Path:
        return self.stack.layout.etc / f"{name}.yaml"

    def reload(self, change: Callable[[Tree], None], words: str) -> None:
        """Changes what the stack began with, and waits until every worker says so."""
        for name in self.NAMES:
            tree = yaml.safe_load(self.before[name])
            change(tree)
            self.write(name, yaml.safe_dump(tree), words)

    def write(self, name: str, text: str, words: str) -> None:
        seen = len(self.stack.log(name))
        self.path(name).write_text(text)
        self.stack.signal(name, signal.SIGHUP)
        until(f"{name} says {words}", lambda: words in self.stack.log(name)[seen:])

    def restore(self) -> None:
        for name in self.NAMES:
            if self.path(name).read_text() != self.before[name]:
                self.write(name, self.before[name], "configuration")


class Simulator:
    """The model's side of the story."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30)

    def calls(self, job: str | None = None) -> list[dict[str, Any]]:
        reply = self.http.get("/calls", params={"job": job} if job else {})
        reply.raise_for_status()
        body = reply.json()
        return body["data"] if isinstance(body, dict) else body

    def clear(self) -> None:
        self.http.delete("/calls").raise_for_status()

    def close(self) -> None:
        self.http.close()
