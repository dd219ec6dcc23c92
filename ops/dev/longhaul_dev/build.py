"""The programs: where the build put them, and the copies that a stack runs."""

import filecmp
import os
import shutil
import subprocess
from pathlib import Path

from longhaul_dev.fault import Fault
from longhaul_dev.layout import REPOSITORY, Layout
from longhaul_dev.progress import say, step

PROGRAMS = (
    "longhaul-producer",
    "longhaul-worker",
    "longhaul-scheduler",
    "longhaul",
    "simulator",
)
SAY_EVERY = 20


def build_folder(chosen: Path | None) -> Path:
    """`chosen`, else LONGHAUL_BUILD, else that of the chosen mode."""
    if chosen:
        return chosen
    if named := os.environ.get("LONGHAUL_BUILD"):
        return Path(named)
    return REPOSITORY / "build" / chosen_mode()


def chosen_mode() -> str:
    """LONGHAUL_MODE (what tests are told), else MODE (what make is told), else release."""
    return os.environ.get("LONGHAUL_MODE") or os.environ.get("MODE") or "release"


def make() -> None:
    """Builds the programs, unless LONGHAUL_BUILD says that somebody else did."""
    if os.environ.get("LONGHAUL_BUILD"):
        return
    mode = chosen_mode()
    command = ["make", "--no-print-directory", f"-j{os.cpu_count() or 1}", f"MODE={mode}", "all"]
    env = {name: value for name, value in os.environ.items() if "MAKEFLAGS" not in name}
    with step(f"building ({mode})", quiet_below_s=1.0):
        run = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        said = _follow(run)
        if run.wait():
            raise Fault("The build failed:\n" + "".join(said[-40:]))


def _follow(run: "subprocess.Popen[str]") -> list[str]:
    """Reads what make says to its end, and says how far it is."""
    assert run.stdout
    lines, compiled = [], 0
    for line in run.stdout:
        lines.append(line)
        compiled += line.startswith("  CC")
        if line.startswith("  CC") and compiled % SAY_EVERY == 0:
            say(f"    {compiled} files compiled")
    return lines


def install(layout: Layout, build: Path) -> set[str]:
    """Copies what was built to where the stack's account can run it; names what changed.

    A running program keeps the file it was started from, so a build may go on meanwhile.
    """
    changed = set()
    for name in PROGRAMS:
        built, copy = build / name, layout.bin / name
        if not built.exists():
            raise Fault(f"{built} is missing; run `make` first.")
        if not copy.exists() or not filecmp.cmp(built, copy):
            fresh = copy.with_suffix(".new")
            shutil.copy2(built, fresh)
            fresh.chmod(0o755)
            fresh.replace(copy)
            changed.add(name)
    return changed
