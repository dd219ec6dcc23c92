"""Where each job's time went, as a table."""

from collections.abc import Mapping
from typing import Any

PARTS = ("accept", "queue", "admit", "first_byte", "stream", "finish")


def timings_table(jobs: Mapping[str, dict[str, Any]]) -> list[str]:
    """A heading and one line per job: milliseconds of each part and their sum."""
    head = f"  {'':<14}" + "".join(f"{part:>11}" for part in PARTS) + f"{'total ms':>11}"
    lines = [head]
    for name, job in jobs.items():
        parts = [(job.get("timings_ms") or {}).get(part) or 0 for part in PARTS]
        cells = "".join(f"{part:>11}" for part in parts)
        lines.append(f"  {name:<14}{cells}{sum(parts):>11}")
    return lines
