"""Checks that the maps are true: every `file` and `file:function()` a document names exists.

Reads back-quoted spans of the listed documents. A span that looks like a path must be a file or
a folder; `path/file.c:name` must also define or declare that name.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAPS = ("ARCHITECTURE.md", "README.md", "CONTRIBUTING.md", "SECURITY.md")
SPAN = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"^(core|producer|worker|scheduler|schemas|migrations|ops|test|docs)/[\w./-]*$")
PLACE = re.compile(
    r"^((?:core|producer|worker|scheduler|ops|test|schemas)/[\w./-]+\.(?:[ch]|py|mk|sql)):(\w+)(?:\(\))?$"
)


def fault_of(span: str) -> str | None:
    place = PLACE.match(span)
    if place:
        path = ROOT / place[1]
        if not path.is_file():
            return f"no file {place[1]}"
        if not re.search(rf"\b{re.escape(place[2])}\b", path.read_text()):
            return f"{place[1]} has no {place[2]}"
        return None
    if PATH.match(span) and not (ROOT / span).exists():
        return f"no such path: {span}"
    return None


def findings() -> list[str]:
    out = []
    for name in MAPS:
        document = ROOT / name
        if not document.is_file():
            out.append(f"{name}: missing")
            continue
        for number, line in enumerate(document.read_text().splitlines(), 1):
            faults = (fault_of(span) for span in SPAN.findall(line))
            out += [f"{name}:{number}: {fault}" for fault in faults if fault]
    return out


def main() -> int:
    found = findings()
    print("\n".join(found) if found else "docs: every place named exists")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
