"""A scripted server, and the command line before it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted import Scripted
from shell import Shell


@pytest.fixture
def server() -> Iterator[Scripted]:
    one = Scripted()
    yield one
    one.close()


@pytest.fixture
def longhaul(tmp_path: Path, server: Scripted) -> Shell:
    return Shell(tmp_path, server)
