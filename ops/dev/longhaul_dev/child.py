"""One process under the supervisor: started, watched, ended, started again."""

import ctypes
import signal
import subprocess
import time
from pathlib import Path

from longhaul_dev.spec import Spec

PR_SET_PDEATHSIG = 1
BACKOFF_FIRST_S = 0.1
BACKOFF_LAST_S = 5.0
STEADY_S = 10.0

_libc = ctypes.CDLL(None, use_errno=True)


class Child:
    """A spec and the process that currently fulfils it, if any.

    `wanted` is the intent: a process that ends while it is wanted is started again when its
    spec says so, later each time it dies young. One that was drained is wanted no more.
    """

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.wanted = False
        self.starts = 0
        self.last_exit: int | None = None
        self.restart_at: float | None = None
        self.kill_at: float | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._young_deaths = 0

    @property
    def is_drained(self) -> bool:
        """True when it ended because an operator wants it away."""
        return (
            not self._process
            and self.spec.drained is not None
            and (self.last_exit == self.spec.drained)
        )

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Starts the process unless it runs; OSError when its program cannot be executed."""
        self.wanted = True
        self.restart_at = None
        if self._process:
            return
        with Path(self.spec.log).open("ab") as log:
            self._process = subprocess.Popen(
                self.spec.argv,
                env=self.spec.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                preexec_fn=self._die_with_supervisor,
            )
        self.starts += 1
        self._started_at = time.monotonic()
        _write_pid(Path(self.spec.pid_file), self._process.pid)

    def stop(self, signal_number: int, timeout_s: float) -> None:
        """Asks the process to end and keeps it ended; killed after timeout_s."""
        self.wanted = False
        self.restart_at = None
        if self._process:
            self.kill_at = time.monotonic() + timeout_s
            self.signal(signal_number)
            if signal_number != signal.SIGSTOP:
                self.signal(signal.SIGCONT)

    def signal(self, signal_number: int) -> None:
        """Sends a signal, if there is a process; what follows is up to `wanted`."""
        if self._process:
            self._process.send_signal(signal_number)

    def tick(self, now: float) -> None:
        """Does what has become due: a kill that was promised, a start that was put off."""
        if self.kill_at is not None and now >= self.kill_at:
            self.kill_at = None
            self.signal(signal.SIGKILL)
        if self.restart_at is not None and now >= self.restart_at:
            try:
                self.start()
            except OSError as failure:
                self.note(f"could not be started: {failure}")
                self.restart_at = now + BACKOFF_LAST_S

    def reap(self, now: float) -> bool:
        """True when the process has just ended; plans its return when it is wanted."""
        if not self._process or self._process.poll() is None:
            return False
        self.last_exit = self._process.returncode
        self._process = None
        self.kill_at = None
        Path(self.spec.pid_file).unlink(missing_ok=True)
        if self.last_exit == self.spec.drained:
            self.wanted = False
            self.note("was drained by an operator; it stays away until it is started")
        elif self.wanted and self.spec.restart:
            self._plan_return(now)
        return True

    def is_restarting(self, now: float) -> bool:
        """True when it waits to be started again, or is young itself after a young death."""
        young = self._young_deaths > 0 and now - self._started_at < STEADY_S
        return self.restart_at is not None or (self._process is not None and young)

    def note(self, words: str) -> None:
        """A line in the process's own log, where a person will look."""
        with Path(self.spec.log).open("a", encoding="utf-8") as log:
            log.write(f"supervisor: {self.spec.name} {words}\n")

    def _plan_return(self, now: float) -> None:
        young = now - self._started_at < STEADY_S
        self._young_deaths = self._young_deaths + 1 if young else 0
        delay = min(BACKOFF_FIRST_S * 2 ** max(self._young_deaths - 1, 0), BACKOFF_LAST_S)
        self.restart_at = now + delay
        self.note(f"ended with {self.last_exit}; it is started again in {delay:g} s")

    def _die_with_supervisor(self) -> None:
        _libc.prctl(PR_SET_PDEATHSIG, int(self.spec.orphan_signal))


def _write_pid(path: Path, pid: int) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(f"{pid}\n", encoding="ascii")
    fresh.replace(path)
