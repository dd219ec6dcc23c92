"""Waiting for a condition, always with a deadline."""

import time
from collections.abc import Callable

from longhaul_dev.fault import Fault

POLL_S = 0.02


def until(probe: Callable[[], bool], seconds: float, what: str) -> None:
    """Returns as soon as probe() is true; after `seconds` raises a Fault that names `what`."""
    deadline = time.monotonic() + seconds
    while not probe():
        if time.monotonic() > deadline:
            raise Fault(f"{what}: not within {seconds:g} s.")
        time.sleep(POLL_S)
