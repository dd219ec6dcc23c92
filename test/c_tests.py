"""Lets pytest run the C tests: a cmocka file is a module, each of its functions a test.

A C file under test/unit/ is built once per mode (`--c-modes asan,tsan`) and run as one process; its
TAP lines become results. A file that mentions `/* threads: yes */` also runs under TSan. A comment
`/* promises: C1, C7 */` above a test function marks it. A fuzz target under test/fuzz/ is one test
that feeds its parser for `--fuzz-seconds`, beginning with its corpus.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

RECORD = pytest.StashKey["Record"]()
ROOT = Path(__file__).resolve().parents[1]
DEADLINE_S = 900
CASE = re.compile(
    r"(?:/\*\s*promises:\s*(?P<rows>[^*]*?)\s*\*/\s*)?^static void (?P<name>\w+)\(void \*\*",
    re.MULTILINE,
)
TAP = re.compile(r"^(?P<no>not )?ok \d+ (?:- |(?P<skip># SKIP ))(?P<name>\w+)", re.MULTILINE)
"""cmocka writes "ok 1 - name", "not ok 1 - name", and for a skipped one "not ok 1 # SKIP name"."""


class CFailure(Exception):
    """A C test said no; the text is what its process printed."""


class Record:
    """A real Postgres with every migration, for the C tests of the stores; made when first asked.

    Tests read LONGHAUL_TEST_PG, a libpq connection string without a user: each names the role whose
    rights it needs, and the passfile knows them all.
    """

    def __init__(self) -> None:
        self.stack: Any = None

    def conninfo(self) -> str:
        if self.stack is None:
            from longhaul_dev.stack import Stack

            self.stack = Stack(ROOT / f"var/test/units-{os.getpid()}")
            self.stack.up(lite=True, producers=1, workers=0, schedulers=0)
        parts = urlsplit(self.stack.env["LONGHAUL_PG_URL"])
        passfile = self.stack.var.resolve() / "keys/pgpass"
        return f"host={parts.hostname} port={parts.port} dbname=longhaul passfile={passfile}"

    def pytest_unconfigure(self) -> None:
        if self.stack is not None:
            self.stack.down(purge=True)


class CFile(pytest.File):
    """One cmocka program in one build mode."""

    mode = "release"
    output: str | None = None

    def binary(self) -> Path:
        name = self.path.relative_to(ROOT / "test/unit").with_suffix("")
        return ROOT / "build" / self.mode / "unit" / name

    def run(self) -> str:
        """Runs the program once; every case of the file reads the same output."""
        if self.output is None:
            environment = {**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP"}
            if "LONGHAUL_TEST_PG" in self.path.read_text():
                environment["LONGHAUL_TEST_PG"] = self.config.stash[RECORD].conninfo()
            try:
                done = subprocess.run(
                    [self.binary()],
                    cwd=ROOT,
                    env=environment,
                    timeout=DEADLINE_S,
                    capture_output=True,
                    text=True,
                    errors="replace",
                )
                self.output = f"{done.stdout}\n{done.stderr}\nexit {done.returncode}"
            except (OSError, subprocess.TimeoutExpired) as fault:
                self.output = f"{self.binary()}: {fault}"
        return self.output

    def collect(self) -> Iterator[pytest.Item]:
        """Every function of a test's shape; one that cmocka was not told of has no result: red."""
        matches = list(CASE.finditer(self.path.read_text()))
        if not matches:
            raise self.CollectError(f"{self.path}: no tests in it")
        for match in matches:
            item = CCase.from_parent(self, name=f"{match['name']}[{self.mode}]")
            item.case = match["name"]
            rows = [row.strip() for row in (match["rows"] or "").split(",") if row.strip()]
            if rows:
                item.add_marker(pytest.mark.promises(*rows))
            yield item


class CCase(pytest.Item):
    case = ""

    def runtest(self) -> None:
        output = self.parent.run()
        results = {m["name"]: m for m in TAP.finditer(output)}
        result = results.get(self.case)
        if result is None or "Sanitizer" in output:
            raise CFailure(output)
        if result["skip"]:
            pytest.skip("the C test skipped itself")
        if result["no"]:
            raise CFailure(output)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: str = "") -> str:
        return str(excinfo.value)[-6000:]

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, self.name


class FuzzFile(pytest.File):
    def collect(self) -> Iterator[pytest.Item]:
        yield FuzzRun.from_parent(self, name=self.path.stem)


class FuzzRun(pytest.Item):
    def runtest(self) -> None:
        name = self.path.relative_to(ROOT / "test/fuzz").with_suffix("")
        found = ROOT / "var/fuzz" / name
        found.mkdir(parents=True, exist_ok=True)
        seeds = ROOT / "test/fuzz/corpus" / name
        seconds = self.config.getoption("--fuzz-seconds")
        command = [str(ROOT / "build/fuzz/fuzz" / name), f"-max_total_time={seconds}"]
        command += ["-rss_limit_mb=1024", "-timeout=60", f"-artifact_prefix={found}/", str(found)]
        command += [str(seeds)] if seeds.is_dir() else []
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=seconds + 600
        )
        if done.returncode:
            raise CFailure(done.stderr)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: str = "") -> str:
        return str(excinfo.value)[-4000:]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--c-modes", default="release", help="builds to run C tests in, by comma")
    parser.addoption("--fuzz-seconds", type=int, default=3, help="how long each fuzz target runs")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RECORD] = Record()
    config.pluginmanager.register(config.stash[RECORD], "record")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix != ".c":
        return None
    place = file_path.relative_to(ROOT).as_posix()
    if place.startswith("test/fuzz/") and file_path.name.startswith("fuzz_"):
        return FuzzFile.from_parent(parent, path=file_path)
    if place.startswith("test/unit/") and file_path.name.startswith("test_"):
        return CModes.from_parent(parent, path=file_path)
    return None


class CModes(pytest.File):
    """A unit file in every mode that applies to it."""

    def collect(self) -> Iterator[pytest.Collector]:
        threaded = "/* threads: yes */" in self.path.read_text()
        for mode in self.config.getoption("--c-modes").split(","):
            if mode != "tsan" or threaded:
                file = CFile.from_parent(self, path=self.path, name=f"{self.path.stem}@{mode}")
                file.mode = mode
                yield file
