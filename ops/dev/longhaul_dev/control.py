"""Talking to a stack's supervisor: one JSON line there, one back.

The socket is reached through /proc/self/fd, because a Unix socket's path may not exceed 107
bytes and a stack's folder may lie deeper than that.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from longhaul_dev.fault import Fault
from longhaul_dev.layout import Layout

NAME = "control"
CALL_TIMEOUT_S = 60.0
START_TIMEOUT_S = 60.0
SYSTEM_PYTHON = Path("/usr/bin/python3")


def bind_control(run: Path) -> socket.socket:
    """The supervisor's end: a listening socket that only its user (and root) can reach."""
    (run / NAME).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    folder = os.open(run, os.O_PATH)
    before = os.umask(0o177)
    try:
        listener.bind(f"/proc/self/fd/{folder}/{NAME}")
    finally:
        os.umask(before)
        os.close(folder)
    listener.listen(64)
    return listener


class Control:
    """A caller's end; each call is a connection of its own, so any thread may call."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def alive(self) -> bool:
        """True when a supervisor answers."""
        try:
            self._connect(1.0).close()
        except OSError:
            return False
        return True

    def launch(self) -> None:
        """Starts the supervisor unless one answers already."""
        if self.alive():
            return
        root = str(self._layout.root)
        read_end, write_end = os.pipe()
        with contextlib.closing(os.fdopen(read_end, "rb")) as ready:
            log = self._layout.log_file("supervisor")
            with log.open("ab") as out:
                self._layout.account.own(log)
                starter = subprocess.Popen(
                    [*_python(), "-m", "longhaul_dev.supervisor", root, str(write_end)],
                    env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])},
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    cwd="/",
                    start_new_session=True,
                    pass_fds=[write_end],
                )
            os.close(write_end)
            starter.wait(START_TIMEOUT_S)
            if not ready.read(1):
                raise Fault(f"The supervisor did not start; {log} says why.")

    def call(self, do: str, call_s: float = CALL_TIMEOUT_S, **fields: Any) -> dict[str, Any]:
        """One request; raises a Fault with the supervisor's words when it was refused."""
        try:
            with self._connect(call_s) as link:
                link.sendall(json.dumps({"do": do, **fields}).encode() + b"\n")
                reply = self._read_line(link)
        except TimeoutError as late:
            raise Fault(f"The supervisor did not answer {do!r} in {call_s:g} s.") from late
        except OSError as gone:
            raise Fault(f"No stack is up in {self._layout.root}; run `make up`.") from gone
        if "fault" in reply:
            raise Fault(reply["fault"])
        return reply

    def _connect(self, timeout_s: float) -> socket.socket:
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        link.settimeout(timeout_s)
        folder = os.open(self._layout.run, os.O_PATH)
        try:
            link.connect(f"/proc/self/fd/{folder}/{NAME}")
        except OSError:
            link.close()
            raise
        finally:
            os.close(folder)
        return link

    @staticmethod
    def _read_line(link: socket.socket) -> dict[str, Any]:
        with link.makefile("rb") as lines:
            line = lines.readline()
        if not line:
            raise ConnectionError
        reply: dict[str, Any] = json.loads(line)
        return reply


def _python() -> list[str]:
    """An interpreter that the stack's account can read, without site packages."""
    chosen = SYSTEM_PYTHON if SYSTEM_PYTHON.exists() else Path(sys.executable)
    return [str(chosen), "-S", "-B"]
