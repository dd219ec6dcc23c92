"""The whole suite in lanes side by side, and one closing line.

Fault tests wait most of their time, for leases to lapse and parts to come back; C tests and fuzzers
compute, and take what of the processor the others leave (nice). Side by side they take little more
than the longest alone. Each lane is a pytest of its own, with stacks of its own. The last one is
shown as it goes, what the others said when all have ended, so that nothing is mixed.

    python test/lanes.py [pytest's options]
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

KEPT = Path("var/test")


@dataclass(frozen=True)
class Lane:
    name: str
    folders: list[str]
    nice: int = 0

    def start(self, options: list[str], **to: object) -> subprocess.Popen[str]:
        command = ["nice", "-n", str(self.nice), sys.executable, "-m", "pytest"]
        return subprocess.Popen(
            [*command, *options, *self.folders], stderr=subprocess.STDOUT, text=True, **to
        )  # type: ignore[call-overload]

    def log(self) -> Path:
        return KEPT / f"lane-{self.name}.log"


BESIDE = [
    Lane("faults", ["test/fault", "test/leak"]),
    Lane("units", ["test/unit", "test/fuzz"], nice=19),
]
REST = Lane("rest", ["test", *(f"--ignore={one}" for lane in BESIDE for one in lane.folders)])
COUNTS = ("passed", "failed", "skipped")
CLOSING = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.MULTILINE)


def counted(text: str) -> Counter[str]:
    """A lane that did not come to its closing line has failed, whatever it said before."""
    closing = CLOSING.search(text)
    if not closing:
        return Counter(failed=1)
    return Counter(dict(zip(COUNTS, (int(n or 0) for n in closing.groups()), strict=True)))


def shown(running: subprocess.Popen[str]) -> str:
    said = []
    assert running.stdout
    for line in running.stdout:
        said.append(line)
        if not CLOSING.match(line):
            print(line, end="", flush=True)
    return "".join(said)


def main(options: list[str]) -> int:
    KEPT.mkdir(parents=True, exist_ok=True)
    beside = [one.start(options, stdout=one.log().open("w")) for one in BESIDE]
    rest = REST.start(options, stdout=subprocess.PIPE)
    texts = [shown(rest)]
    codes = [one.wait() for one in (rest, *beside)]
    for one in BESIDE:
        texts.append(one.log().read_text())
        print(f"--- {one.name}", CLOSING.sub("", texts[-1]), sep="\n", end="")
    sums = sum((counted(text) for text in texts), Counter())
    skipped = f", {sums['skipped']} skipped" if sums["skipped"] else ""
    print(f"{sums['passed']} passed, {sums['failed']} failed{skipped}")
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
