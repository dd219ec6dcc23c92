"""What this machine lacks, one sentence each, with what to do about it."""

import os
import platform
import resource
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MEMORY_MIB = 2048
DISK_MIB = 2048
OPEN_FILES = 4096
OPEN_FILES_FOR_10000_STREAMS = 20000
MIB = 1 << 20


@dataclass(frozen=True)
class Finding:
    """One lack; `fatal` when nothing can work without it."""

    sentence: str
    fatal: bool


def examine(folder: Path) -> list[Finding]:
    """Every finding, for a stack in `folder`; an empty list when nothing is lacking."""
    found = [check(folder) for check in CHECKS]
    return [finding for finding in found if finding]


def _system(folder: Path) -> Finding | None:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    if release.get("ID") == "debian" and release.get("VERSION_ID") == "12":
        return None
    name = release.get("PRETTY_NAME", platform.system())
    return Finding(
        f"This is {name}; package names and versions are Debian 12's: use that, or a container "
        "or virtual machine with it.",
        False,
    )


def _memory(folder: Path) -> Finding | None:
    rows = (line.split() for line in Path("/proc/meminfo").read_text("ascii").splitlines())
    free = {row[0]: int(row[1]) // 1024 for row in rows}["MemAvailable:"]
    if free >= MEMORY_MIB:
        return None
    return Finding(
        f"{free} MiB of memory are free, the stack wants {MEMORY_MIB}: close something, or use "
        "LITE=1, which does without Kafka and Redis.",
        False,
    )


def _disk(folder: Path) -> Finding | None:
    at = folder
    while not at.exists():
        at = at.parent
    free = shutil.disk_usage(at).free // MIB
    if free >= DISK_MIB:
        return None
    return Finding(
        f"{free} MiB are free below {at}, the stack wants {DISK_MIB}: free some, or choose "
        "another folder with VAR=.",
        free < DISK_MIB // 4,
    )


def _executable(folder: Path) -> Finding | None:
    at = folder
    while not at.exists():
        at = at.parent
    if not os.statvfs(at).f_flag & os.ST_NOEXEC:
        return None
    return Finding(
        f"{at} lies on a file system mounted noexec, programs cannot be run from it: choose "
        "another folder with VAR=.",
        True,
    )


def _open_files(folder: Path) -> Finding | None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard >= OPEN_FILES_FOR_10000_STREAMS or hard == resource.RLIM_INFINITY:
        return None
    return Finding(
        f"A process may open {hard} files, {OPEN_FILES_FOR_10000_STREAMS} are wanted for 10,000 "
        "streams: raise `nofile` in /etc/security/limits.conf and log in again, or start the "
        f"shell with `ulimit -Hn {OPEN_FILES_FOR_10000_STREAMS}` as root.",
        hard < OPEN_FILES,
    )


def _compiler(folder: Path) -> Finding | None:
    found = _version(["gcc", "-dumpversion"])
    if found is None or found >= 11:
        return None
    return Finding(
        f"gcc is version {found}, C17 with these warnings wants 11 or later: apt-get install gcc "
        "on Debian 12.",
        True,
    )


def _java(folder: Path) -> Finding | None:
    found = _version(["java", "--version"])
    if found is None or found >= 17:
        return None
    return Finding(
        f"java is version {found}, Kafka 4.1 wants 17: apt-get install openjdk-17-jre-headless, "
        "and choose it with update-alternatives --config java.",
        True,
    )


def _version(command: list[str]) -> int | None:
    """The first number a program says about itself; None when it is not installed yet."""
    if not shutil.which(command[0]):
        return None
    said = subprocess.run(command, capture_output=True, text=True).stdout
    for word in said.replace(".", " ").split():
        if word.isdigit():
            return int(word)
    return None


CHECKS: tuple[Callable[[Path], Finding | None], ...] = (
    _system,
    _memory,
    _disk,
    _executable,
    _open_files,
    _compiler,
    _java,
)
