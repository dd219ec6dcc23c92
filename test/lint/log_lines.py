"""Refuses a log line that has one field's name twice: a reader of JSON keeps one of the two."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CALL = re.compile(r"\blog_(?:debug|info|warn|error)\(.*?\);", re.DOTALL)
FIELD = re.compile(r'\bLOG_(?:(ERR)\(|(?:TEXT|INT|ID)\(\s*"(\w+)")')
EVERY_LINE = ["time", "level", "program", "pid", "message"]  # core/ground/log.c


def twice(call: str) -> set[str]:
    names = EVERY_LINE + [name or "error" for _, name in FIELD.findall(call)]
    return {name for name in names if names.count(name) > 1}


def findings() -> list[str]:
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.c"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    out = []
    for name in files:
        text = (ROOT / name).read_text() if (ROOT / name).is_file() else ""
        for call in CALL.finditer(text):
            line = text.count("\n", 0, call.start()) + 1
            out += [f"{name}:{line}: {field} twice in one line" for field in twice(call.group())]
    return out


def main() -> int:
    found = findings()
    print("\n".join(found) if found else "log lines: clean")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
