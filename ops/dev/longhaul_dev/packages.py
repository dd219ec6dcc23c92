"""Debian packages: what is missing is installed as root or through sudo, else the line is said."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from longhaul_dev.fault import Fault
from longhaul_dev.progress import say, step

LIST = Path(__file__).resolve().parents[1] / "debian-packages.txt"
GROUPS = ("demo", "test", "lint", "bench")
QUERY = ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\\n"]
INSTALL = ["apt-get", "install", "-y", "-q", "--no-install-recommends"]
ENVIRONMENT = ["env", "DEBIAN_FRONTEND=noninteractive", "SYSTEMD_OFFLINE=1"]
"""SYSTEMD_OFFLINE: the packages' own Postgres and Redis services are not started."""
REPAIRS = ((), ("apt-get", "update", "-q"), ("dpkg", "--configure", "-a"))
"""Before each try: nothing, fresh lists, and what a half-configured package (Java's certificates
on a minimal system) needs."""
INSTALL_TIMEOUT_S = 1800
TENTH = 10.0


def wanted(groups: tuple[str, ...]) -> list[str]:
    """The packages of these groups, in the list's order."""
    rows = (line.split(None, 2) for line in LIST.read_text(encoding="utf-8").splitlines())
    return [row[1] for row in rows if row and row[0] in groups]


def missing(names: list[str]) -> list[str]:
    """Those of `names` that are not installed."""
    if not shutil.which("dpkg-query"):
        raise Fault(f"This is not Debian; install what {LIST} names by hand.")
    run = subprocess.run([*QUERY, *names], capture_output=True, text=True)
    rows = (line.split() for line in run.stdout.splitlines())
    there = {row[1] for row in rows if row[0] == "installed"}
    return [name for name in names if name not in there]


def ensure(groups: tuple[str, ...]) -> None:
    """Returns with every package of the groups installed, or raises a Fault with the line."""
    lacking = missing(wanted(groups))
    if not lacking:
        return
    prefix = _privilege(lacking)
    say(f"  Debian packages that are missing: {' '.join(lacking)}")
    with step(f"installing {len(lacking)} Debian packages"):
        for repair in REPAIRS:
            if repair:
                subprocess.run([*prefix, *repair], capture_output=True)
            if _apt(prefix, lacking):
                break
    still = missing(lacking)
    if still:
        raise Fault(f"apt-get did not install {', '.join(still)}. Run: {_line(still)}")


def _line(names: list[str]) -> str:
    return (
        f"sudo apt-get update && sudo apt-get install -y --no-install-recommends {' '.join(names)}"
    )


def _privilege(lacking: list[str]) -> list[str]:
    """What has to stand before apt-get here."""
    if os.geteuid() == 0:
        return list(ENVIRONMENT)
    line = _line(lacking)
    sudo = shutil.which("sudo")
    if not sudo:
        raise Fault(f"These Debian packages are missing; run as root: {line.replace('sudo ', '')}")
    flags = [] if sys.stdin.isatty() else ["-n"]
    if subprocess.run([sudo, *flags, "true"], stderr=subprocess.DEVNULL).returncode:
        raise Fault(f"These Debian packages are missing; run: {line}")
    return [sudo, *flags, *ENVIRONMENT]


def _apt(prefix: list[str], names: list[str]) -> bool:
    """One apt-get install; says every tenth of the way. True when it went well."""
    command = [*prefix, *INSTALL, "-o", "APT::Status-Fd=1", "-o", "Dpkg::Use-Pty=0", *names]
    run = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    assert run.stdout
    said = 0.0
    for line in run.stdout:
        kind, _, rest = line.partition(":")
        parts = rest.split(":", 2)
        if kind in ("dlstatus", "pmstatus") and len(parts) == 3 and float(parts[1]) >= said + TENTH:
            said = float(parts[1])
            say(f"    {said:3.0f} % {parts[2].strip()}")
            said = 0.0 if said > 99 else said
        if line.startswith("E: "):
            say(f"    apt-get: {line.strip()}; another way is tried")
    return run.wait(INSTALL_TIMEOUT_S) == 0
