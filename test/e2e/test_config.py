"""A configuration is taken whole or refused with every mistake; SIGHUP changes what it may."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client import Client, chat, until
from longhaul_dev.fault import Fault

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / os.environ.get("LONGHAUL_MODE", "release")
LEAST = "database: {url: dbname=x}\n"


def start(program: str, text: str, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Runs a program that is not meant to stay up."""
    path = folder / "longhaul.yaml"
    path.write_text(text)
    return subprocess.run(
        [BUILD / f"longhaul-{program}", "--config", path, *more],
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.promises("X1")
@pytest.mark.parametrize("program", ["producer", "worker", "scheduler"])
def test_every_mistake_is_told_with_its_line(program: str, tmp_path: Path) -> None:
    done = start(program, LEAST + "worker:\n  slots: many\n  slot: 1\nkafk: {}\n", tmp_path)
    assert done.returncode == 2
    path = tmp_path / "longhaul.yaml"
    assert done.stderr.splitlines() == [
        f"{path}:3:10: worker.slots: expected an integer from 1 to 100000 (jobs)",
        f"{path}:4:3: unknown key; did you mean slots?",
        f"{path}:5:1: unknown key; did you mean kafka?",
    ]


@pytest.mark.promises("X1")
def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("sesame")
    key.chmod(0o644)
    upstream = f"- {{name: a, base_url: 'http://h', models: ['*'], api_key_file: {key}}}\n"
    done = start("worker", LEAST + "upstreams:\n" + upstream, tmp_path, "--check")
    assert done.returncode == 2
    assert f"the secret file {key} may be read or changed by others; chmod 0600 it" in done.stderr
    assert "sesame" not in done.stderr
    key.chmod(0o600)
    assert start("worker", LEAST + "upstreams:\n" + upstream, tmp_path, "--check").returncode == 0


@pytest.mark.promises("X1")
@pytest.mark.parametrize("program", ["producer", "worker", "scheduler"])
def test_help_lists_the_keys_of_the_program(program: str) -> None:
    done = subprocess.run(
        [BUILD / f"longhaul-{program}", "--help"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0
    assert f"Usage: longhaul-{program}" in done.stdout
    assert f"{program}." in done.stdout and "database.url" in done.stdout


@pytest.fixture
def worker_file(stack: Any) -> Iterator[Path]:
    """The first worker's own file, put back and read again at the end."""
    path: Path = stack.layout.etc / "worker-1.yaml"
    before = path.read_text()
    yield path
    path.write_text(before)
    reload(stack, "configuration read again")


def reload(stack: Any, words: str) -> None:
    """Lets worker-1 read its file again; nothing it says of it comes later than these words."""
    seen = len(stack.log("worker-1"))
    stack.signal("worker-1", signal.SIGHUP)
    until(f"worker-1 says {words}", lambda: words in stack.log("worker-1")[seen:])


@pytest.mark.promises("C15")
def test_sighup_changes_live_rows_and_says_so(
    stack: Any, client: Client, worker_file: Path
) -> None:
    seen = len(stack.log("worker-1"))
    worker_file.write_text(
        worker_file.read_text().replace("state_dir", "slots: 900\n  state_dir", 1)
    )
    reload(stack, "configuration read again")
    assert "worker.slots: 1000 -> 900" in stack.log("worker-1")[seen:]
    job = client.submit(chat("after the reload"))
    assert client.wait(job["id"])["state"] == "completed"


@pytest.mark.promises("C15")
def test_a_stacks_own_values_are_taken_by_a_reload(stack: Any) -> None:
    mine: Path = stack.layout.local
    try:
        mine.write_text("# mine\nlimits:\n  upstream_message_bytes: 2047\n")
        words = " ".join(stack.reload()["producer-1"])
        assert "limits.upstream_message_bytes: 2048 -> 2047" in words
        mine.write_text("worker:\n  lease_ms: 9000\n")
        words = " ".join(stack.reload()["worker-1"])
        assert f"{mine}:2: worker.lease_ms: 6000 -> 9000 needs a restart" in words
        # the next `up` must find it changed
        assert "9000" not in (stack.layout.etc / "worker-1.yaml").read_text()
        assert "9000" not in stack.config.read_text()
    finally:
        mine.unlink()
        stack.reload()


@pytest.mark.promises("C15")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"worker:\n  slots: ten\n", ":2: worker.slots: expected an integer"),
        (b"worker:\n\tslots: 10\n", ":2: .* a tab"),
        (b"\nworker: 5\n", ":2: worker: is a map"),
        (b"# \xff\n", ":1: a byte is no UTF-8"),
        (
            b"upstreams:\n- name: mine\n  base_url: http://h\n  models: [m]\n  api_key_file: /no\n",
            ":2: .* /no cannot be read",
        ),
        (
            b"routes:\n- model: m*\n  upstreams: [simulator]\n"
            b"- model: m1\n  upstreams: [simulator]\n",
            ":4: routes.model: expected a model that no earlier route takes; "
            "the one in line 2 does$",
        ),
        (
            b"worker:\n  slots: 9\nprices:\n- model: m\n  until: 2026-02-01\n"
            b"  input_usd_per_million: 1\n  output_usd_per_million: 1\n- model: m\n"
            b"  from: 2026-01-31\n  input_usd_per_million: 1\n  output_usd_per_million: 1\n",
            ":9: prices.from: expected one price for a day; the one in line 4 holds as well$",
        ),
    ],
)
def test_what_local_yaml_has_wrong_is_told_in_its_line_and_reaches_no_file(
    stack: Any, text: bytes, said: str
) -> None:
    def files() -> dict[Path, bytes]:
        return {file: file.read_bytes() for file in (stack.config, *stack.layout.etc.iterdir())}

    before = files()
    try:
        stack.layout.local.write_bytes(text)
        with pytest.raises(Fault, match=f"{stack.layout.local}{said}") as refusal:
            stack.reload()
    finally:
        stack.layout.local.unlink()
    assert str(refusal.value).count(str(stack.layout.local)) == 1
    assert files() == before


@pytest.mark.promises("C15")
def test_what_programs_note_of_their_files_is_told_of_local_yaml(stack: Any) -> None:
    mine: Path = stack.layout.local
    try:
        mine.write_text("upstreams:\n- name: mine\n  base_url: http://127.0.0.1:9\n  models: [m]\n")
        said = stack.reload()
        assert any(
            word.startswith(f"configuration {mine}:2: upstreams.mine: no price holds today for m: ")
            for word in said["worker-1"]
        )
        away = f"{mine}:2: upstreams.mine: cannot be reached now: "
        assert [word.startswith(away) for word in said["upstreams"]] == [True]
    finally:
        mine.unlink()
        stack.reload()


@pytest.mark.promises("C15")
def test_another_key_in_the_same_file_is_told_from_the_first_reload_on(stack: Any) -> None:
    mine: Path = stack.layout.local
    key = stack.layout.keys / "mine"
    row = f"- name: mine\n  base_url: http://127.0.0.1:9\n  models: [m]\n  api_key_file: {key}\n"
    try:
        stack.layout.write(key, "sesame-1", 0o600, service=True)
        mine.write_text(f"upstreams:\n{row}")
        stack.reload()
        stack.restart("worker-1")
        stack.layout.write(key, "sesame-2", 0o600, service=True)
        words = stack.reload()["worker-1"]
        told = "configuration changed upstreams.mine.api_key_file: the file holds another key"
        assert told in words and any("changes are taken" in word for word in words)
        assert "sesame" not in stack.log("worker-1")
    finally:
        mine.unlink()
        stack.reload()
        key.unlink()


@pytest.mark.promises("C15")
def test_a_sighup_for_nothing_is_told(stack: Any, worker_file: Path) -> None:
    reload(stack, "configuration read again, nothing changed")


@pytest.mark.promises("C15")
def test_sighup_with_a_mistake_changes_nothing(
    stack: Any, client: Client, worker_file: Path
) -> None:
    seen = len(stack.log("worker-1"))
    pid = stack.pid("worker-1")
    worker_file.write_text(worker_file.read_text() + "nonsense: 1\n")
    reload(stack, "configuration not reloaded")
    assert "unknown key: nonsense" in stack.log("worker-1")[seen:]
    job = client.submit(chat("after the refusal"))
    assert client.wait(job["id"])["state"] == "completed"
    assert stack.pid("worker-1") == pid
