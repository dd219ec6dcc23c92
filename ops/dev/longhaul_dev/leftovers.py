"""Ending what a dead supervisor may have left: only processes that carry this stack's mark."""

import os
import signal
from pathlib import Path

from longhaul_dev.layout import Layout
from longhaul_dev.wait import until

END_S = 60.0


def end_leftovers(layout: Layout) -> None:
    """Kills by id the processes of run/*.pid whose environment names this stack."""
    for pid_file in sorted(layout.run.glob("*.pid")):
        text = pid_file.read_text(encoding="ascii").strip()
        if text.isdigit() and _is_ours(int(text), layout):
            os.kill(int(text), signal.SIGKILL)
            until(lambda pid=text: not Path(f"/proc/{pid}").exists(), END_S, f"end of {text}")  # type: ignore[misc]
        pid_file.unlink(missing_ok=True)


def _is_ours(pid: int, layout: Layout) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return f"LONGHAUL_STACK={layout.root}".encode() in environment
