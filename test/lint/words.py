"""Refuses what must not stand in the tree: unfinished words, machine paths, secrets by shape."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OWN = "test/lint/words.py"

REFUSED = {
    "unfinished": re.compile(r"\b(TODO|FIXME|XXX|HACK)\b"),
    "a key that looks real": re.compile(r"\bsk-[A-Za-z0-9]{20,}|BEGIN (RSA |EC )?PRIVATE KEY"),
    "a path of one machine": re.compile(r"(?<![\w.])/(root|home/\w+|work|tmp/lh)/"),
    "a sleep in a test": re.compile(r"\btime\.sleep\(\s*[0-9.]+\s*\)"),
}
SCOPE = {"a sleep in a test": ("test/e2e/", "test/fault/", "test/unit/")}


def findings() -> list[str]:
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    out = []
    for name in files:
        if name == OWN or not (ROOT / name).is_file():
            continue
        text = (ROOT / name).read_text(errors="replace")
        for what, pattern in REFUSED.items():
            if what in SCOPE and not name.startswith(SCOPE[what]):
                continue
            for match in pattern.finditer(text):
                out.append(f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {what}")
    return out


def main() -> int:
    found = findings()
    print("\n".join(found) if found else "words: clean")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
