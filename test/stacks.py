"""Stacks for tests: real Postgres, Kafka, Redis, our programs, under var/test/NAME."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml
from client import Client, History, until
from longhaul_dev.ports import Ports
from longhaul_dev.stack import RELOAD_ENDS, Stack

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def running(name: str, **how: Any) -> Iterator[Stack]:
    """A stack of its own for as long as the block lasts; its folder stays when the block failed."""
    var = ROOT / "var/test" / name
    shutil.rmtree(var, ignore_errors=True)
    stack = Stack(var)
    try:
        stack.up(**how)
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


def another_operator(stack: Stack) -> dict[str, str]:
    """A key (`id`, `key`) of an operator who is another person: made on the database itself."""
    words = ("bootstrap", "--another", "--show", "--json")
    made: dict[str, str] = json.loads(stack.longhaul(*words, "--config", str(stack.config)))
    return made


Tree = dict[str, Any]


CLAIMS = Ports()


def free_port() -> int:
    """No stack takes it, nor any outgoing connection, until somebody listens there."""
    return CLAIMS.claim(secrets.token_hex(8), None)


def own_config(stack: Stack, program: str, folder: Path, change: Callable[[Tree], None]) -> Path:
    """The configuration of a further process beside the stack's: its own addresses, and changes."""
    tree = yaml.safe_load((stack.layout.etc / f"{program}-1.yaml").read_text())
    tree["worker"]["state_dir"] = str(folder)
    for listen in ("listen", "admin_listen"):
        tree["producer"][listen] = f"127.0.0.1:{free_port()}"
    for section in ("worker", "scheduler"):
        tree.get(section, {}).pop("metrics_listen", None)
    change(tree)
    path = folder / f"{program}.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def binary(stack: Stack, program: str) -> str:
    return str(stack.layout.bin / f"longhaul-{program}")


@contextmanager
def started(stack: Stack, program: str, config: Path) -> Iterator[Path]:
    """A further process for as long as the block lasts; its log."""
    path = config.parent / f"{program}.log"
    with path.open("w") as log:
        command = [binary(stack, program), "--config", str(config)]
        with subprocess.Popen(command, stdout=log, stderr=log) as run:
            try:
                yield path
            finally:
                run.terminate()


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
        """Returns when the worker is done with the file, and has said so."""
        seen = len(self.stack.log(name))
        self.path(name).write_text(text)
        self.stack.signal(name, signal.SIGHUP)

        def said() -> bool:
            news = self.stack.log(name)[seen:]
            return words in news and any(end in news for end in RELOAD_ENDS)

        until(f"{name} says {words}", said)

    def restore(self) -> None:
        for name in self.NAMES:
            if self.path(name).read_text() != self.before[name]:
                self.write(name, self.before[name], "configuration read again")


class Simulator:
    """The model's side of the story."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=120)

    def calls(self, job: str | None = None) -> list[dict[str, Any]]:
        reply = self.http.get("/calls", params={"job": job} if job else {})
        reply.raise_for_status()
        body = reply.json()
        return body["data"] if isinstance(body, dict) else body

    def clear(self) -> None:
        self.http.delete("/calls").raise_for_status()

    def close(self) -> None:
        self.http.close()


def most_at_once(calls: list[dict[str, Any]]) -> int:
    """Of ended calls, as the model's log has them."""
    edges = [(c["at_us"], 1) for c in calls] + [(c["ended_us"], -1) for c in calls]
    most = now = 0
    for _, step in sorted(edges):
        now += step
        most = max(most, now)
    return most
