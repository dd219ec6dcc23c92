"""Who the stack runs as.

Postgres refuses to run as root, and nothing else of the stack needs to. Called by root, every
process of the stack becomes the user who called sudo, or `nobody`; called by anybody else, the
stack is theirs. LONGHAUL_USER names another account. No account is ever created.
"""

import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypedDict

from longhaul_dev.fault import Fault

RUN_TIMEOUT_S = 120


class Switch(TypedDict):
    """Arguments of subprocess that change the user."""

    user: int | None
    group: int | None
    extra_groups: list[int] | None


@dataclass(frozen=True)
class Account:
    """The user id, group id and name that the stack's processes have."""

    uid: int
    gid: int
    name: str

    def is_caller(self) -> bool:
        """True when no change of user is needed."""
        return os.geteuid() == self.uid

    def own(self, path: Path) -> None:
        """Hands a file or folder to the account."""
        if not self.is_caller():
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def become(self) -> None:
        """Drops this process to the account for good."""
        if self.is_caller():
            return
        os.setgroups([])
        os.setgid(self.gid)
        os.setuid(self.uid)

    def switch(self) -> Switch:
        """What makes subprocess start a process as the account."""
        if self.is_caller():
            return {"user": None, "group": None, "extra_groups": None}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        timeout_s: float = RUN_TIMEOUT_S,
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command as the account to its end and returns its output, whatever its code."""
        try:
            return subprocess.run(
                [str(part) for part in argv],
                env=dict(env) if env is not None else None,
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                cwd=cwd or "/",
                **self.switch(),
            )
        except FileNotFoundError as gone:
            raise Fault(f"{argv[0]} is missing; run `make packages`.") from gone
        except subprocess.TimeoutExpired as late:
            raise Fault(f"{argv[0]} did not end within {timeout_s:g} s.") from late


@cache
def service_account() -> Account:
    """The account for this caller."""
    wanted = os.environ.get("LONGHAUL_USER")
    if os.geteuid() != 0:
        return _of_uid(os.geteuid())
    if wanted:
        return _of_name(wanted)
    sudo = int(os.environ.get("SUDO_UID") or 0)
    return _of_uid(sudo) if sudo else _of_name("nobody")


def _of_uid(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError as unknown:
        raise Fault(
            f"User id {uid} has no entry in /etc/passwd, which Postgres needs."
        ) from unknown
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)


def _of_name(name: str) -> Account:
    try:
        entry = pwd.getpwnam(name)
    except KeyError as unknown:
        raise Fault(
            f"There is no user {name!r}; set LONGHAUL_USER to one that exists."
        ) from unknown
    if entry.pw_uid == 0:
        raise Fault("The stack does not run as root; set LONGHAUL_USER to another user.")
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)
