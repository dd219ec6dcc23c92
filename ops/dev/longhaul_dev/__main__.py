"""python3 -m longhaul_dev COMMAND: the commands behind the Makefile's targets.

Choices come as make variables do, from the environment: WORKERS, PRODUCERS, SCHEDULERS,
SUPERVISE, LITE, PROGRAMS, PURGE, VAR, MODE, LONGHAUL_BUILD.
"""

import os
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from longhaul_dev import build, packages, preflight, pythonenv
from longhaul_dev.fault import Fault
from longhaul_dev.jars import Jars
from longhaul_dev.layout import REPOSITORY
from longhaul_dev.progress import say, step, warn
from longhaul_dev.readiness import last_error
from longhaul_dev.stack import REFUSED, Stack
from longhaul_dev.ways_on import ways_on

COUNT_MAX = 64
RUNNING = "running"
DRAINED = "drained"


class Command(NamedTuple):
    """One row of the usage."""

    run: Callable[[], int]
    help: str


def count(name: str) -> int:
    """A count from the environment, 1 when it is not there."""
    text = os.environ.get(name) or "1"
    if not text.isdigit() or int(text) > COUNT_MAX:
        raise Fault(f"{name}={text} is no number from 0 to {COUNT_MAX}.")
    return int(text)


def flag(name: str, default: bool = False) -> bool:
    """A yes or no from the environment: 0, no and false are no."""
    text = os.environ.get(name)
    return default if not text else text.lower() not in ("0", "no", "false")


def folder() -> Path:
    """The stack's folder."""
    return Path(os.environ.get("VAR") or REPOSITORY / "var")


def run_up() -> int:
    packages.ensure(("demo",))
    if flag("PROGRAMS", True):
        build.make()
    stack = Stack(folder())
    with step("starting the stack", quiet_below_s=0.01):
        stack.up(
            workers=count("WORKERS"),
            producers=count("PRODUCERS"),
            schedulers=count("SCHEDULERS"),
            supervise=flag("SUPERVISE", True),
            lite=flag("LITE"),
            programs=flag("PROGRAMS", True),
        )
    say(f"up: {stack.layout.stack_env}")
    if flag("PROGRAMS", True):
        say("To go on:\n" + "".join(f"  {line}\n" for line in ways_on(stack)).rstrip())
    return 0


def run_reload() -> int:
    if not (folder() / "stack.json").exists():
        raise Fault(f"there is no stack in {folder()}; `make up` makes one.")
    said = Stack(folder()).reload()
    who: dict[str, list[str]] = {}  # what several say is told once
    for name, words in sorted(said.items()):
        for word in words:
            who.setdefault(word, []).append(name)
    for word, names in who.items():
        say(f"{', '.join(names)}: {word}")
    if any(REFUSED in word for words in said.values() for word in words):
        warn("Refused files are as they were; `make up` writes them and restarts those programs.")
        return 1
    return 0


def run_down() -> int:
    stack = Stack(folder())
    stack.down(purge=flag("PURGE"))
    say("down: nothing of this stack runs any more.")
    return 0


def run_clean() -> int:
    stack = Stack(folder())
    stack.down(purge=True, drain_s=1.0)
    for name in ("cache", "python", "test"):
        shutil.rmtree(stack.layout.root / name, ignore_errors=True)
    stack.remove_if_empty()
    say(f"clean: {stack.var} and what it held are gone.")
    return 0


def run_status() -> int:
    stack = Stack(folder())
    processes = stack.status()
    addresses = {name: stack.address(name) for name in processes}
    states = {n: state_of(at, partial(stack.answers, n)) for n, at in processes.items()}
    stack.remove_if_empty()
    if not processes:
        say("down")
        return 0
    say(f"{'NAME':<16}{'PID':>8}{'STARTS':>8}  {'STATE':<16}METRICS")
    for name, at in sorted(processes.items()):
        state = states[name]
        line = f"{name:<16}{at['pid'] or '-':>8}{at['starts']:>8}  {state:<16}{addresses[name]}"
        say(line.rstrip())
        if (
            state not in (RUNNING, DRAINED)
            and at["last_exit"]
            and (error := last_error(stack.layout, name))
        ):
            say(f"{'':<16}its last error: {error}")
    return 0 if all(state in (RUNNING, DRAINED) for state in states.values()) else 1


def state_of(at: dict[str, Any], answers: Callable[[], bool]) -> str:
    """A word or two for a process of `Stack.status`. One that died young is asked whether it is
    good again; how long it has lived would tell that late."""
    if at.get("restarting") and not (at["pid"] and answers()):
        return f"restarting ({at['last_exit']})"
    if at.get("drained"):
        return DRAINED
    return RUNNING if at["pid"] else f"ended with {at['last_exit']}"


def run_preflight() -> int:
    found = preflight.examine(folder())
    for finding in found:
        warn(("lacking: " if finding.fatal else "note: ") + finding.sentence)
    if not found:
        say("preflight: nothing is lacking.")
    return 1 if any(finding.fatal for finding in found) else 0


def run_packages() -> int:
    packages.ensure(("demo", "test", "bench"))
    pythonenv.ensure()
    return 0


def run_lint_packages() -> int:
    packages.ensure(("lint",))
    return 0


def run_python() -> int:
    packages.ensure(("test",))
    pythonenv.ensure()
    return 0


def run_jars() -> int:
    Jars().prepare(Stack(folder()).layout.account)
    return 0


def run_demo() -> int:
    from longhaul_dev.demo import Demo

    return Demo(folder(), lite=flag("LITE")).run()


COMMANDS = {
    "up": Command(run_up, "start the stack, or bring it to other counts"),
    "reload": Command(
        run_reload, "lay local.yaml over the configuration, let all programs read it"
    ),
    "down": Command(run_down, "end every process of the stack; PURGE=1 removes its data too"),
    "clean-var": Command(run_clean, "down, and remove data, caches and the Python environment"),
    "status": Command(run_status, "what runs"),
    "demo": Command(run_demo, "a first run, explained"),
    "preflight": Command(run_preflight, "what this machine lacks"),
    "packages": Command(run_packages, "install what building, running and testing need"),
    "lint-packages": Command(run_lint_packages, "install what the linters need"),
    "python": Command(run_python, "make the Python environment of the tests"),
    "jars": Command(run_jars, "fetch Kafka ahead of time"),
}


def main(words: list[str]) -> int:
    command = COMMANDS.get(words[0]) if len(words) == 1 else None
    if not command:
        for name, row in COMMANDS.items():
            warn(f"{name:<12}{row.help}")
        return 2
    try:
        return command.run()
    except Fault as fault:
        warn(f"{words[0]}: {fault}")
    except PermissionError as refused:
        warn(f"{words[0]}: {refused.filename} may not be touched by this user; use its owner.")
    except KeyboardInterrupt:
        warn(f"{words[0]}: interrupted.")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
