"""Holds the tree to its layers: which room may include which, and who may name a foreign library.

A room includes core/ and itself. A foreign library's header stands in one file or one folder.
Files have lengths that a reader can hold in mind. Each finding is one line: file:line: sentence.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("core", "producer", "worker", "scheduler", "ops/cli", "test")

# header prefix -> the only places that may include it
FOREIGN = {
    "libpq-fe.h": ("core/ports/db",),
    "librdkafka/": ("core/ports/stream",),
    "hiredis/": ("core/ports/scratch",),
    "curl/": ("core/ports/http",),
    "uv.h": ("core/ports/loop",),
    "jansson.h": ("core/ports/json.h",),
    "microhttpd.h": ("core/ports/exporter.c", "producer/http/"),
    "sodium.h": ("core/ground/",),
    "yaml.h": ("core/config/",),
    "zlib.h": ("core/ports/gz.c",),
    "openssl/": ("core/ports/public_key.c",),
    "cmocka.h": ("test/unit/",),
}
# Inside core the arrows point down as well: a folder sees those before it.
CORE_SEES = {
    "ground": {"ground"},
    "domain": {"ground", "domain"},
    "ports": {"ground", "domain", "ports"},
    "identity": {"ground", "domain", "ports", "identity"},
    "config": {"ground", "domain", "config"},
    "stores": {"ground", "domain", "ports", "identity", "config", "stores"},
    "connect": {"ground", "domain", "config", "ports", "connect"},
}
LINES_MAX = {".c": 500, ".h": 150, ".py": 500}

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def tracked(*suffixes: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [Path(name) for name in listed.stdout.split("\n") if name.endswith(suffixes)]


def room_of(path: Path) -> str:
    text = path.as_posix()
    return next((room for room in ROOMS if text.startswith(room + "/")), "")


def includes(path: Path) -> list[tuple[int, str, str]]:
    found = []
    for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            found.append((number, match[1], match[2]))
    return found


def foreign_fault(path: Path, header: str) -> str | None:
    for prefix, places in FOREIGN.items():
        if header.startswith(prefix) and not path.as_posix().startswith(places):
            return f"<{header}> may only be included in {', '.join(places)}"
    return None


def home_of(path: Path, header: str) -> str | None:
    """The room in which a quoted header lies: the file's own room first, then core."""
    own = room_of(path)
    candidates = [path.parent.as_posix(), own, "core", "producer", "worker", "scheduler", "ops/cli"]
    for base in candidates:
        if base and (ROOT / base / header).is_file():
            return room_of(Path(base) / header) or base
    return None


def upward_fault(path: Path, header: str) -> str | None:
    own, home = room_of(path), home_of(path, header)
    if home is None or home == own or own == "test":
        return None
    if home != "core":
        return f'"{header}" belongs to {home}/, which {own}/ may not see'
    return None


def core_fault(path: Path, header: str) -> str | None:
    parts = path.parts
    if parts[0] != "core" or len(parts) < 3 or not (ROOT / "core" / header).is_file():
        return None
    seen = header.split("/")[0]
    allowed = CORE_SEES.get(parts[1], set())
    if seen in CORE_SEES and seen not in allowed:
        return f'core/{parts[1]} may not include "{header}": it lies above'
    return None


def findings() -> list[str]:
    out = []
    for path in tracked(".c", ".h"):
        for number, quote, header in includes(path):
            checks = (foreign_fault,) if quote == "<" else (foreign_fault, upward_fault, core_fault)
            out += [f"{path}:{number}: {fault}" for c in checks if (fault := c(path, header))]
    for path in tracked(*LINES_MAX):
        lines = len((ROOT / path).read_text().splitlines())
        if lines > LINES_MAX[path.suffix]:
            out.append(f"{path}:{lines}: longer than {LINES_MAX[path.suffix]} lines: two nouns?")
    return out


def main() -> int:
    found = findings()
    print("\n".join(found) if found else "layers: every include points down")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
