"""A file system of its own below a stack's Postgres, whose power is cut as file systems' own tests
do it: the kernel writes nothing from then on, not even its journal (FS_IOC_GOINGDOWN). Mounted
anew it holds what was synced, what happened to be written, and what its journal replays.

It needs root, and a kernel that mounts images; test/disk shows the same with neither.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from fault_disk import end_postgres

GOING_DOWN = 0x8004587D  # FS_IOC_GOINGDOWN of the kernel's ext4.h
WITHOUT_JOURNAL = struct.pack("I", 2)
IMAGE_BYTES = 4 << 30  # its holes take no room


class CannotMount(Exception):
    """Nobody may mount an image here."""


class FaultImage:
    """One ext4 image, mounted until it is closed, which is behind the stack."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="longhaul-image-", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.image, self.root = self.folder / "image", self.folder / "mounted"
        self.root.mkdir()
        with self.image.open("wb") as image:
            image.truncate(IMAGE_BYTES)
        try:
            subprocess.run(["mkfs.ext4", "-q", self.image], check=True)
            self._mount()
        except (OSError, subprocess.CalledProcessError) as refused:
            shutil.rmtree(self.folder)
            raise CannotMount(str(refused)) from refused

    def _mount(self) -> None:
        subprocess.run(["mount", "-o", "loop", self.image, self.root], check=True)

    def hold(self, stack: Any) -> None:
        """Moves what Postgres has here."""
        home: Path = stack.layout.data / "postgres"
        stack.stop("postgres")
        subprocess.run(["cp", "-a", home, self.root], check=True)
        shutil.rmtree(home)
        home.symlink_to(self.root / "postgres")
        subprocess.run(["sync", "-f", self.root], check=True)
        stack.start("postgres")

    def cut_power(self, stack: Any) -> None:
        root = os.open(self.root, os.O_RDONLY)
        fcntl.ioctl(root, GOING_DOWN, WITHOUT_JOURNAL)
        os.close(root)
        end_postgres(stack)
        subprocess.run(["umount", self.root], check=True)
        self._mount()

    def close(self) -> None:
        subprocess.run(["umount", self.root], check=True)
        shutil.rmtree(self.folder)
