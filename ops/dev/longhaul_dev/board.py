"""The live display: one line per job on a terminal, one line per change anywhere else."""

import shutil
import sys
import threading
import time
from dataclasses import dataclass

from longhaul_dev.progress import say

REDRAW_S = 0.08
HEAD_WIDTH = 40
WIDTH_MAX = 110
FINAL = ("completed", "failed", "cancelled", "expired")


@dataclass
class Row:
    """What is known of one job; written by its own thread."""

    name: str
    state: str = "queued"
    text: str = ""

    def line(self, width: int) -> str:
        """What fits in one line of the terminal; the text's end, when there is room."""
        words = len(self.text.split())
        head = f"  {self.name:<14}{self.state:<11}{words:>4} words  "
        room = max(width - HEAD_WIDTH, 0)
        tail = printable(" ".join(self.text[-2 * WIDTH_MAX :].split()))[-room:] if room else ""
        return (head + tail)[:width]


def printable(text: str) -> str:
    """A model's words without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


class Board:
    """Rows, and a thread that draws them while there is a terminal to draw on."""

    def __init__(self, names: list[str]) -> None:
        self.rows = {name: Row(name) for name in names}
        size = shutil.get_terminal_size()
        self._width = min(size.columns - 1, WIDTH_MAX)
        self._live = sys.stdout.isatty() and size.lines > len(names) + 1
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._painter = threading.Thread(target=self._paint, daemon=True)

    def open(self) -> None:
        if self._live:
            self._painter.start()

    def close(self) -> None:
        self._done.set()
        if self._live:
            self._painter.join()

    def state(self, name: str, state: str) -> None:
        """A job has changed its state."""
        row = self.rows[name]
        changed, row.state = row.state != state, state
        if changed and not self._live:
            with self._lock:
                done = sum(one.state in FINAL for one in self.rows.values())
                say(f"  {name:<14}{state:<11}{done}/{len(self.rows)} done")

    def text(self, name: str, piece: str) -> None:
        """More of a job's answer has come."""
        self.rows[name].text += piece

    def _paint(self) -> None:
        height = len(self.rows)
        sys.stdout.write("\n" * height)
        while True:
            last = self._done.is_set()
            lines = "".join(f"\x1b[2K{row.line(self._width)}\n" for row in self.rows.values())
            sys.stdout.write(f"\x1b[{height}A{lines}")
            sys.stdout.flush()
            if last:
                return
            time.sleep(REDRAW_S)
