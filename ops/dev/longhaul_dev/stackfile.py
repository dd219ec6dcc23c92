"""stack.env: a stack's addresses and keys for scripts, in shell syntax, mode 0600."""

import shlex
from pathlib import Path

from longhaul_dev.layout import Layout


def write_stackfile(layout: Layout, values: dict[str, str]) -> None:
    """Writes the file; it belongs to the caller alone."""
    text = "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
    layout.write(layout.stack_env, text, 0o600)


def read_stackfile(path: Path) -> dict[str, str]:
    """Its values again."""
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("=", 1) for line in lines if "=" in line)
    return {name: shlex.split(value)[0] if value != "''" else "" for name, value in pairs}
