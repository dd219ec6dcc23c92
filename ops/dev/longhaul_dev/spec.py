"""What the supervisor needs to know to run one process."""

import signal
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Spec:
    """One process of the stack.

    `stop_signal` asks it to end, SIGKILL follows after `stop_timeout_s`; `orphan_signal` is what
    the kernel sends it should the supervisor itself be killed. With the exit status `drained` an
    operator wants it away: it is not started again by itself.
    """

    name: str
    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)
    log: str = ""
    pid_file: str = ""
    restart: bool = False
    drained: int | None = None
    stop_signal: int = signal.SIGTERM
    stop_timeout_s: float = 15.0
    orphan_signal: int = signal.SIGTERM

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(fields: dict[str, Any]) -> "Spec":
        return Spec(**fields)
