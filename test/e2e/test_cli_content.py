"""What the command line says of deleted content, of a dead receiver, and of a job sent again."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from client import Client, chat, until

ROOT = Path(__file__).resolve().parents[2]
LONGHAUL = ROOT / "build" / os.environ.get("LONGHAUL_MODE", "release") / "longhaul"


class Shell:
    """Runs longhaul with the stack's profile."""

    def __init__(self, stack: Any) -> None:
        self.environment = {"LONGHAUL_PROFILE": str(stack.profile), "PATH": os.environ["PATH"]}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [LONGHAUL, *words], env=self.environment, capture_output=True, text=True, timeout=90
        )

    def ok(self, *words: str) -> str:
        """The same for what must succeed: its standard output."""
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def shell(stack: Any) -> Shell:
    return Shell(stack)


@pytest.mark.promises("C3", "S1.9")
def test_why_names_a_dead_receiver_and_says_when_the_next_try_comes(
    shell: Shell, client: Client
) -> None:
    with socket.socket() as deaf:  # its port is taken, and nobody listens
        deaf.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        job = client.submit({"kind": "noop", "input": {}, "callback": {"url": url}})["id"]
        story = until("a try", lambda: "receiver_connect" in (s := shell.ok("why", job)) and s)
        assert "no connection to the receiver" in story and "upstream" not in story
        until("the next one is told", lambda: ", the next try at 20" in shell.ok("why", job))


@pytest.mark.promises("X1", "C2")
def test_what_was_deleted_once_it_was_read_is_said(shell: Shell) -> None:
    job = shell.ok("submit", "-m", "sim", "--no-store", "Read once.").strip()
    until("it ended", lambda: job in shell.ok("list", "--state", "completed"))
    assert shell.ok("get", "--text", job).strip()
    until("it is deleted", lambda: "is deleted" in shell.run("get", "--text", job).stderr)
    assert "is deleted" in shell.run("wait", job).stderr
    assert "is deleted" in shell.run("why", job).stderr


@pytest.mark.promises("X1", "C2")
def test_why_shows_the_answer_that_its_look_deletes(shell: Shell) -> None:
    job = shell.ok("submit", "-m", "sim", "--no-store", "Seen by why.").strip()
    until("it ended", lambda: job in shell.ok("list", "--state", "completed"))
    assert shell.ok("why", job).rstrip().endswith("Seen by why.")


@pytest.mark.promises("C2", "C5")
def test_a_retry_that_was_cancelled_shows_nothing_of_the_run_before(
    shell: Shell, client: Client
) -> None:
    shell.ok("queue", "set", "cli-again")
    job = client.submit(chat("x", model="sim?fail=400", queue="cli-again"))["id"]
    before = client.wait(job)
    assert before["started_at"] and before["upstream"]
    shell.ok("queue", "pause", "cli-again")
    shell.ok("retry", job)
    shell.ok("cancel", job)
    after = client.get(job, expand="attempts")
    assert (after["started_at"], after["upstream"]) == (None, None)
    assert after["attempts"][0]["upstream"] == before["upstream"]


@pytest.mark.promises("C2")
def test_a_code_that_no_error_has_is_refused(shell: Shell) -> None:
    done = shell.run("list", "--error-code", "nonsense")
    assert done.returncode == 1 and "no error has this code" in done.stderr
