"""Lines for the person who waits: what is being done, and how long it took."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


def say(line: str) -> None:
    """One line, at once, also when standard output is a pipe."""
    print(line, flush=True)


def warn(line: str) -> None:
    """One line to standard error."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def step(title: str, quiet_below_s: float = 0.0) -> Iterator[None]:
    """Announces a step and, when it took a while, how long it took."""
    start = time.monotonic()
    if not quiet_below_s:
        say(f"  {title} ...")
    yield
    took = time.monotonic() - start
    if took >= max(quiet_below_s, 0.05):
        say(f"  {title}: {took:.1f} s")
