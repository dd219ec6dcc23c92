"""What the kernel knows of processes: their time on the processor and their memory.

Rates depend on who else uses the machine. Processor time per job does not, or hardly: it stands
beside every rate, part by part, and says what the machine could do if it were ours alone.
"""

import os
import resource
from pathlib import Path

from longhaul_dev.stack import Stack

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def _stat(pid: int | str) -> tuple[int, int]:
    """Parent, and ticks used in user and kernel, its ended children included."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return int(fields[1]), sum(int(field) for field in fields[11:15])


def cpu_s(pid: int) -> float:
    """Seconds of processor time that a process and all below it used so far."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parents[int(entry.name)], ticks[int(entry.name)] = _stat(entry.name)
        except OSError:
            continue  # it ended just now
    mine, found = {pid}, {pid}
    while found:
        found = {child for child, parent in parents.items() if parent in found} - mine
        mine |= found
    return sum(ticks.get(one, 0) for one in mine) / TICKS_PER_S


def rss_kib(pid: int) -> int:
    """Memory resident now."""
    return memory_kib(pid)[0]


def memory_kib(pid: int) -> tuple[int, int]:
    """Memory resident now, and how much of it is the process' own: not pages of its program and
    libraries, which come in as they are first run through."""
    found: dict[str, int] = {}
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(("VmRSS:", "RssAnon:")):
            found[line.split(":")[0]] = int(line.split()[1])
    if len(found) < 2:
        raise ProcessLookupError(pid)
    return found["VmRSS"], found["RssAnon"]


class Meter:
    """Processor time of each part of a stack, and of the load generators, from its making on."""

    def __init__(self, stack: Stack) -> None:
        self._pids = {name: at["pid"] for name, at in stack.status().items() if at["pid"]}
        self._began = self._now()

    def _now(self) -> dict[str, float]:
        used = {name: cpu_s(pid) for name, pid in self._pids.items()}
        ended, own = resource.getrusage(resource.RUSAGE_CHILDREN), os.times()
        load = ended.ru_utime + ended.ru_stime + own.user + own.system
        return used | {"load": load}

    def us_each(self, count: int) -> dict[str, float]:
        """Microseconds of processor per thing done, by part; `all` is their sum."""
        now = self._now()
        each = {name: (now[name] - was) * 1e6 / count for name, was in self._began.items()}
        told = {name: round(us, 1) for name, us in each.items() if us >= 0.5}
        return told | {"all": round(sum(each.values()), 1)}
