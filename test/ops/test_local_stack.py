"""The local stack itself: side by side, unprivileged, and nothing left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from longhaul_dev import jars
from longhaul_dev.__main__ import state_of
from longhaul_dev.account import service_account
from longhaul_dev.board import Row
from longhaul_dev.child import Child
from longhaul_dev.config import merged, with_local
from longhaul_dev.fault import Fault
from longhaul_dev.layout import REPOSITORY, Layout
from longhaul_dev.origin import Origin
from longhaul_dev.ports import Ports
from longhaul_dev.readiness import last_error
from longhaul_dev.signature import verified
from longhaul_dev.spec import Spec
from longhaul_dev.stack import Stack
from longhaul_dev.stackfile import read_stackfile, write_stackfile
from longhaul_dev.wait import until
from longhaul_dev.yaml import dump
from longhaul_dev.yaml_read import load

FOLDER = REPOSITORY / "var" / "test" / "ops"
STANDARD_VECTOR = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
STANDARD_BODY = b'{"test": 2432232314}'
STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def stacks() -> Iterator[list[Stack]]:
    pair = [Stack(FOLDER / name) for name in ("one", "other")]
    yield pair
    for stack in pair:
        stack.down(purge=True, drain_s=1.0)


def processes_of(stack: Stack) -> set[int]:
    """Whatever carries the stack's mark, however it came to be."""
    mark = f"LONGHAUL_STACK={stack.layout.root}".encode()
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                found.add(int(entry.name))
        except OSError:
            continue
    return found


def test_two_stacks_live_side_by_side_and_leave_nothing(stacks: list[Stack]) -> None:
    for stack in stacks:
        stack.up(programs=False)
    one, other = stacks
    assert one.env["LONGHAUL_KAFKA"] != other.env["LONGHAUL_KAFKA"]
    assert one.psql("select current_database()") == [["longhaul"]]
    assert one.layout.stack_env.stat().st_mode & 0o777 == 0o600
    owners = {Path(f"/proc/{pid}").stat().st_uid for pid in processes_of(one)}
    assert owners == {service_account().uid} and 0 not in owners
    one.down()
    assert not processes_of(one)
    assert processes_of(other)


def test_the_next_up_finds_its_ports_and_its_data(stacks: list[Stack]) -> None:
    stack = stacks[0].up(programs=False, lite=True)
    before = stack.env
    stack.psql("create table kept (n int)")
    stack.down()
    stack.up(programs=False, lite=True)
    assert stack.env == before
    assert stack.psql("select count(*) from kept") == [["0"]]
    assert stack.answers("postgres")
    stack.stop("postgres")
    assert not stack.answers("postgres")


def test_when_the_supervisor_is_killed_its_children_end(stacks: list[Stack]) -> None:
    stack = stacks[0].up(programs=False, lite=True)
    supervisor = int(stack.layout.pid_file("supervisor").read_text())
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: not processes_of(stack), 120, "the end of the supervisor's children")
    stack.up(programs=False, lite=True)
    assert stack.psql("select 1") == [["1"]]


def test_a_stopped_process_stays_away_and_a_wiped_kafka_is_empty(stacks: list[Stack]) -> None:
    stack = stacks[0].up(programs=False)
    assert stack.stop("kafka", signal.SIGKILL) == -signal.SIGKILL
    assert stack.pid("kafka") is None
    stack.wipe("kafka")
    assert stack.start("kafka") == stack.pid("kafka")


def test_a_running_service_is_not_wiped(stacks: list[Stack]) -> None:
    stack = stacks[0].up(programs=False, lite=True)
    with pytest.raises(Fault, match="stop it before"):
        stack.wipe("postgres")


def test_up_refuses_what_a_program_would_and_what_runs_goes_on(stacks: list[Stack]) -> None:
    stack = stacks[0]
    stack.layout.create()
    stack.layout.local.write_text("worker:\n  slots: many\n")
    with pytest.raises(Fault, match=r"longhaul\.yaml:[0-9]+:[0-9]+: worker\.slots"):
        stack.up(lite=True)
    stack.layout.local.write_text("worker:\n  slots: 77\n")
    stack.up(lite=True)
    before = stack.pid("worker-1"), stack.layout.program_config("worker-1").read_text()
    stack.layout.local.write_text("worker:\n  slots: many\n")
    with pytest.raises(Fault, match=r"local\.yaml:2: .*slots"):
        stack.up(lite=True, workers=0)
    assert (stack.pid("worker-1"), stack.layout.program_config("worker-1").read_text()) == before


def test_a_claimed_port_is_not_given_twice() -> None:
    first, second = Ports(), Ports()
    port = first.claim("postgres", None)
    assert second.claim("postgres", port) != port
    assert first.claim("postgres", None) == port


def test_a_jar_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    for name in jars.pinned_sums():
        (tmp_path / name).write_bytes(b"something else")
    with pytest.raises(Fault, match="does not have the SHA-256"):
        jars.verify(tmp_path)
    (tmp_path / "extra.jar").touch()
    with pytest.raises(Fault, match=r"extra\.jar"):
        jars.verify(tmp_path)
    shutil.rmtree(tmp_path)


def test_signatures_are_told_from_forgeries() -> None:
    now = 1614265330.0
    assert verified(STANDARD_VECTOR, STANDARD_BODY, STANDARD_SECRET, now)
    assert not verified(STANDARD_VECTOR, STANDARD_BODY + b" ", STANDARD_SECRET, now)
    assert not verified(STANDARD_VECTOR, STANDARD_BODY, STANDARD_SECRET, now + 301)
    assert not verified({}, STANDARD_BODY, STANDARD_SECRET, now)


def test_a_model_cannot_steer_the_terminal_or_break_a_line() -> None:
    row = Row("GPL-3", "running", "one\x1b[2Jtwo\r\nthree " * 40)
    assert len(row.line(70)) <= 70
    assert row.line(70).isprintable()
    assert row.line(20).isprintable()


def test_a_file_of_ones_own_is_laid_over_the_stacks() -> None:
    base = {"worker": {"slots": 1, "lease_ms": 2}, "upstreams": [{"name": "simulator"}]}
    text = """
# mine
worker:
  slots: 10   # few
upstreams:
- name: mine
  base_url: "http://h/v1#x"
  models: [gpt-*, 'it''s']
  input_usd_per_million: 0.15
"""
    tree = with_local(base, load(text, "local.yaml"))
    assert tree["worker"] == {"slots": 10, "lease_ms": 2}
    mine = {"name": "mine", "base_url": "http://h/v1#x", "models": ["gpt-*", "it's"]}
    assert tree["upstreams"] == [{**mine, "input_usd_per_million": 0.15}, {"name": "simulator"}]
    assert load(dump(tree), "again") == tree


def test_a_fault_names_the_file_that_somebody_wrote(tmp_path: Path) -> None:
    layout = Layout(tmp_path, service_account())
    layout.local.write_text("upstreams:\n- base_url: u\n  name: mine\nroutes:\n- model: m\n")
    text = "log:\n  level: info\nupstreams:\n- base_url: u\n  name: mine\n- name: sim\n"
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    origin = Origin(layout, {one: text, other: "# longer\n" + text})
    assert origin.told(f"note {one}:5:3: upstreams.name: taken in line 4") == (
        f"note {layout.local}:3: upstreams.name: taken in line 2"
    )
    theirs = f"{one}:6:3: upstreams.name: taken in line 6"
    assert origin.told(theirs) == f"{theirs} of {one}"
    assert origin.told("nothing of a file") == "nothing of a file"
    twice = [f"{one}:6:3: taken in line 5", f"{other}:7:3: taken in line 6"]
    assert origin.each_once(twice) == [f"{one}:6:3: taken in line 3"]


@pytest.mark.parametrize(
    "line", ["log: {level: x}", "a: &b 1", "just words", "a: |", "\tslots: 10", 'a: "\\q"']
)
def test_what_it_may_not_hold_is_refused_with_its_line(line: str) -> None:
    with pytest.raises(Fault, match="f:2: "):
        load(f"worker:\n{line}\n", "f")


def test_a_program_that_dies_young_is_restarting_and_its_last_error_is_told(
    tmp_path: Path,
) -> None:
    layout = Layout(tmp_path, service_account())
    layout.create()
    log = layout.log_file("worker-1")
    child = Child(Spec("worker-1", ["/bin/false"], {}, str(log), str(tmp_path / "pid"), True))
    now = time.monotonic()
    child.start()
    assert not child.is_restarting(now)
    until(lambda: child.reap(now), 60, "its death")
    assert child.is_restarting(now)
    child.start()
    assert child.is_restarting(now)
    child.stop(signal.SIGKILL, 1)
    until(lambda: child.reap(now), 60, "its end")
    assert not child.is_restarting(now)
    with log.open("a") as more:
        more.write('{"level":"error","message":"keys cannot be used","why":"no file"}\n')
        more.write('{"level":"info","message":"bye"}\n')
    child.note("ended with 1")
    assert last_error(layout, "worker-1") == "keys cannot be used no file"


@pytest.mark.parametrize(
    ("pid", "answers", "state"),
    [(7, True, "running"), (7, False, "restarting (1)"), (None, True, "restarting (1)")],
)
def test_one_that_died_young_runs_as_soon_as_it_answers(
    pid: int | None, answers: bool, state: str
) -> None:
    at = {"pid": pid, "restarting": True, "last_exit": 1}
    assert state_of(at, lambda: answers) == state


def test_a_program_that_was_drained_is_not_started_again(tmp_path: Path) -> None:
    layout = Layout(tmp_path, service_account())
    layout.create()
    log = layout.log_file("worker-1")
    argv = ["/bin/sh", "-c", "exit 10"]
    spec = Spec("worker-1", argv, {}, str(log), str(tmp_path / "pid"), restart=True, drained=10)
    child = Child(spec)
    now = time.monotonic()
    child.start()
    until(lambda: child.reap(now), 60, "its end")
    assert (child.restart_at, child.wanted, child.is_drained) == (None, False, True)
    child.start()
    assert child.wanted and not child.is_drained
    until(lambda: child.reap(now), 60, "its end")


def test_a_shell_that_reads_stack_env_passes_it_on(tmp_path: Path) -> None:
    layout = Layout(tmp_path, service_account())
    values = {"LONGHAUL_CONFIG": "/a b/longhaul.yaml", "LONGHAUL_KAFKA": "", "LONGHAUL_X": "it's"}
    write_stackfile(layout, values)
    assert read_stackfile(layout.stack_env) == values
    script = f". {layout.stack_env} && env -0"
    told = subprocess.run(["sh", "-c", script], env={}, capture_output=True, text=True, check=True)
    passed = dict(line.split("=", 1) for line in told.stdout.split("\0") if "=" in line)
    assert passed.items() >= values.items()


def test_overrides_reach_one_key_and_leave_its_neighbours() -> None:
    base = {"worker": {"slots": 1, "lease_ms": 2}, "upstreams": [{"name": "a", "models": ["x*"]}]}
    tree = merged(base, {"worker": {"slots": 9}})
    assert tree["worker"] == {"slots": 9, "lease_ms": 2}
    assert dump(tree) == (
        'worker:\n  slots: 9\n  lease_ms: 2\nupstreams:\n  - name: "a"\n    models: ["x*"]\n'
    )
