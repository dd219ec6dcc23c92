"""The private Python environment of tests and linters: pinned, every file's digest checked."""

import shutil
import subprocess
import sys
from pathlib import Path

from longhaul_dev.account import service_account
from longhaul_dev.control import SYSTEM_PYTHON
from longhaul_dev.fault import Fault
from longhaul_dev.layout import REPOSITORY, open_layout
from longhaul_dev.progress import step

REQUIREMENTS = Path(__file__).resolve().parents[1] / "requirements.txt"
INSTALL_TIMEOUT_S = 900


def ensure() -> Path:
    """The interpreter of var/python, made or brought up to date first when it has to be."""
    home = open_layout(REPOSITORY / "var", service_account()).root / "python"
    interpreter = home / "bin" / "python3"
    stamp = home / "requirements.txt"
    if not _same(stamp):
        with step("installing pinned Python packages into var/python"):
            _make(home, interpreter)
        shutil.copyfile(REQUIREMENTS, stamp)
    return interpreter


def _same(stamp: Path) -> bool:
    return stamp.exists() and stamp.read_bytes() == REQUIREMENTS.read_bytes()


def _make(home: Path, interpreter: Path) -> None:
    base = SYSTEM_PYTHON if SYSTEM_PYTHON.exists() else Path(sys.executable)
    if not interpreter.exists():
        _run([str(base), "-m", "venv", "--clear", str(home)], "python3-venv is missing")
    pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run(
        [*pip, "--require-hashes", "--only-binary", ":all:", "-r", str(REQUIREMENTS)],
        "pip could not install the pinned packages",
    )


def _run(command: list[str], failure: str) -> None:
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S)
    except subprocess.TimeoutExpired as late:
        raise Fault(f"{failure}: not within {INSTALL_TIMEOUT_S} s.") from late
    if run.returncode:
        words = (run.stderr or run.stdout).strip().splitlines()
        cause = [line for line in words if line.startswith(("Could not", "ERROR"))] or words
        raise Fault(f"{failure}: {cause[0] if cause else run.returncode}")
