"""What every test shares: the promises it shows, and the ledger of last results.

`@pytest.mark.promises("C1", "C7")` names the rows of docs/promises.md that a test proves. Each run
updates var/test/results.json, which `make promises` prints.
"""

from __future__ import annotations

import fcntl
import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LEDGER = ROOT / "var/test/results.json"
ROW = re.compile(r"^\| (?P<id>[A-Z]\d*(?:\.\d+)?|[A-Z]\d+) \|", re.MULTILINE)

sys.path.insert(0, str(ROOT / "ops/dev"))
sys.path.insert(0, str(ROOT / "test"))

pytest_plugins = ["c_tests"]


def known_rows() -> set[str]:
    return {m["id"] for m in ROW.finditer((ROOT / "docs/promises.md").read_text())}


def rows_of(item: pytest.Item) -> list[str]:
    return sorted({row for mark in item.iter_markers("promises") for row in mark.args})


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "promises(*rows): the rows that this test shows to hold")
    config.addinivalue_line("markers", "long: belongs to the long form of make faults")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    known = known_rows()
    for item in items:
        unknown = set(rows_of(item)) - known
        if unknown:
            raise pytest.UsageError(f"{item.nodeid}: no such promise: {', '.join(unknown)}")


class Ledger:
    """Collects outcomes and writes them once, over what former runs left."""

    def __init__(self) -> None:
        self.rows: dict[str, list[str]] = {}
        self.outcome: dict[str, str] = {}

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item):  # noqa: ANN201 (a hook generator)
        report = (yield).get_result()
        self.rows[item.nodeid] = rows_of(item)
        if report.failed or report.when == "call" or report.skipped:
            self.outcome[item.nodeid] = report.outcome

    def pytest_sessionfinish(self) -> None:
        """Locked: another lane (lanes.py) may end at the same moment."""
        LEDGER.parent.mkdir(parents=True, exist_ok=True)
        with LEDGER.open("a+") as ledger:
            fcntl.flock(ledger, fcntl.LOCK_EX)
            ledger.seek(0)
            known = json.loads(ledger.read() or "{}")
            for nodeid, outcome in self.outcome.items():
                known[nodeid] = {"rows": self.rows[nodeid], "outcome": outcome}
            ledger.truncate(0)
            ledger.write(json.dumps(known, indent=1, sort_keys=True))

    def pytest_unconfigure(self) -> None:
        """The closing line, alone and plain, whatever pytest's own summary looks like."""
        counts = {name: 0 for name in ("passed", "failed", "skipped")}
        for outcome in self.outcome.values():
            counts[outcome] += 1
        line = f"{counts['passed']} passed, {counts['failed']} failed"
        print(line + (f", {counts['skipped']} skipped" if counts["skipped"] else ""))


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.pluginmanager.register(Ledger(), "ledger")
