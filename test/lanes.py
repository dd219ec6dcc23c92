"""The whole suite in two lanes side by side, and one closing line.

Tests with stacks wait most of their time: for leases to lapse, for parts to come back. C tests and
fuzzers compute. So the latter run behind the former, with what of the processor those leave (nice):
together they take little more than the first alone, which hardly notices. Each lane is a pytest of
its own, with stacks of its own. The first is shown as it goes, what the other said when both have
ended, so that nothing is mixed.

    python test/lanes.py [pytest's options]
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

BEHIND = ["test/unit", "test/fuzz"]
FRONT = ["test", *(f"--ignore={folder}" for folder in BEHIND)]
NICE = 19  # a fifteenth of the processor when both want it
KEPT = Path("var/test/behind.log")
COUNTS = ("passed", "failed", "skipped")
CLOSING = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.MULTILINE)


def lane(words: list[str], stdout: object, nice: int = 0) -> subprocess.Popen[str]:
    command = ["nice", "-n", str(nice), sys.executable, "-m", "pytest", *words]
    return subprocess.Popen(command, stdout=stdout, stderr=subprocess.STDOUT, text=True)  # type: ignore[call-overload]


def counted(text: str) -> Counter[str]:
    """A lane that did not come to its closing line has failed, whatever it said before."""
    closing = CLOSING.search(text)
    if not closing:
        return Counter(failed=1)
    return Counter(dict(zip(COUNTS, (int(n or 0) for n in closing.groups()), strict=True)))


def shown(front: subprocess.Popen[str]) -> str:
    said = []
    assert front.stdout
    for line in front.stdout:
        said.append(line)
        if not CLOSING.match(line):
            print(line, end="", flush=True)
    return "".join(said)


def main(options: list[str]) -> int:
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    with KEPT.open("w") as kept:
        behind = lane([*options, *BEHIND], kept, NICE)
        front = lane([*options, *FRONT], subprocess.PIPE)
        said = shown(front)
        codes = [front.wait(), behind.wait()]
    texts = [said, KEPT.read_text()]
    print("--- behind it:", CLOSING.sub("", texts[1]), sep="\n", end="")
    sums = sum((counted(text) for text in texts), Counter())
    skipped = f", {sums['skipped']} skipped" if sums["skipped"] else ""
    print(f"{sums['passed']} passed, {sums['failed']} failed{skipped}")
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
