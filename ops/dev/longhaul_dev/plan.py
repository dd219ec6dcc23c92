"""What a stack shall consist of: counts and choices, and the names that follow from them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KINDS = ("scheduler", "worker", "producer")
"""In the order in which they are started."""


def serves_metrics(name: str) -> bool:
    """True for the programs with an address of their own for metrics; a producer has its API."""
    return name.startswith(("worker-", "scheduler-"))


def metrics_port(name: str) -> str:
    """What that address' port is called."""
    return f"{name}-metrics"


@dataclass(frozen=True)
class Plan:
    """The choices of one `up`."""

    workers: int = 1
    producers: int = 1
    schedulers: int = 1
    supervise: bool = True
    lite: bool = False
    programs: bool = True
    build: Path | None = None
    config_overrides: dict[str, Any] = field(default_factory=dict)
    program_env: dict[str, str] = field(default_factory=dict)
    postgres_env: dict[str, str] = field(default_factory=dict)

    def program_names(self) -> list[str]:
        """scheduler-1, worker-1, worker-2, producer-1 ..."""
        if not self.programs:
            return []
        counts = {
            "scheduler": self.schedulers,
            "worker": self.workers,
            "producer": self.producers,
        }
        return [f"{kind}-{n + 1}" for kind in KINDS for n in range(counts[kind])]

    def port_names(self) -> list[str]:
        """Every port the stack needs."""
        names = ["postgres"]
        if not self.lite:
            names += ["redis-limits", "redis-cache", "kafka", "kafka-controller"]
        if self.programs:
            names.append("simulator")
            for n in range(max(self.producers, 1)):
                names += [f"producer-{n + 1}", f"producer-{n + 1}-admin"]
            names += [metrics_port(name) for name in self.program_names() if serves_metrics(name)]
        return names
