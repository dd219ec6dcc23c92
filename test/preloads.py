"""Drives test/preload/: libraries that spoil what our programs ask of the C library.

    with preloaded("wall-clock") as clocks, running("clocks", program_env=clocks.env) as stack:
        clocks.set("worker-1", 3600 * 1_000_000)

Each process has a command of its own, by the name of its configuration; what it means is said in
the library's source. At 0, where all begin, nothing is spoilt.
"""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stacks import ROOT

NAMES = ("producer-1", "worker-1", "worker-2", "scheduler-1")


class Preloaded:
    """One library, copied to where a stack's account may read it, and its numbers."""

    def __init__(self, library: str, folder: Path) -> None:
        self.library = library
        self.folder = folder
        folder.chmod(0o755)
        copy = shutil.copy(ROOT / f"build/release/preload/{library}.so", folder)
        asan = f"{os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0"
        self.env = {"LD_PRELOAD": copy, "LONGHAUL_FAULT": str(folder), "ASAN_OPTIONS": asan}
        for name in NAMES:
            self.path(name).write_bytes(bytes(16))
            self.path(name).chmod(0o666)

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.{self.library}"

    def set(self, name: str, command: int) -> None:
        """From now on, in the process that runs and in those that take its name afterwards."""
        with self.path(name).open("r+b") as page:
            page.write(struct.pack("=q", command))

    def spoilt(self, name: str) -> int:
        """How often it was, by all that had this name."""
        return int(struct.unpack("=q", self.path(name).read_bytes()[8:])[0])


@contextmanager
def preloaded(library: str) -> Iterator[Preloaded]:
    folder = Path(tempfile.mkdtemp(prefix="preload-"))
    try:
        yield Preloaded(library, folder)
    finally:
        shutil.rmtree(folder)
