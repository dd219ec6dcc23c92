"""Prints every promise, the tests that show it, and how they last ended."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LEDGER = ROOT / "var/test/results.json"
ROW = re.compile(r"^\| (?P<id>[A-Z]\d+(?:\.\d+)?) \| (?P<text>.*?) \|$", re.MULTILINE)


def tests_by_row() -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    known = json.loads(LEDGER.read_text()) if LEDGER.exists() else {}
    for nodeid, record in known.items():
        for row in record["rows"]:
            found.setdefault(row, []).append((nodeid, record["outcome"]))
    return found


def main() -> int:
    tests = tests_by_row()
    for match in ROW.finditer((ROOT / "docs/promises.md").read_text()):
        shown = tests.get(match["id"], [])
        state = "no test" if not shown else f"{len(shown)} tests"
        print(f"{match['id']:6} {state:9} {match['text'][:100]}")
        for nodeid, outcome in sorted(shown):
            print(f"       {outcome:8} {nodeid}")
    if not LEDGER.exists():
        print("no results yet: run make test", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
