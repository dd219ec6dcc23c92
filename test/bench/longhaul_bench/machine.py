"""The machine before a benchmark: its disk settled, and what a figure of it depends on."""

import os
import platform
import statistics
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

PAGE = b"\0" * 8192
SYNCS = 100


def fdatasync_us(folder: Path) -> float:
    """The median of syncs of 8 KiB written over again, as Postgres does with its log."""
    times = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(SYNCS):
            start = perf_counter()
            os.pwrite(file.fileno(), PAGE, 0)
            os.fdatasync(file.fileno())
            times.append((perf_counter() - start) * 1e6)
    return round(statistics.median(times))


def settled(folder: Path) -> dict[str, Any]:
    """Waits until what others wrote is on disk, then says what the machine is like."""
    folder.mkdir(parents=True, exist_ok=True)
    os.sync()
    return {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()} "
        f"{platform.release()}",
        "load_before": round(os.getloadavg()[0], 1),
        "fdatasync_us": fdatasync_us(folder),
    }
