"""The demo's documents: long texts that every Debian machine has."""

from dataclasses import dataclass
from pathlib import Path

from longhaul_dev.fault import Fault

FOLDER = Path("/usr/share/common-licenses")


@dataclass(frozen=True)
class Text:
    """One document."""

    name: str
    content: str


def long_texts() -> list[Text]:
    """Each document once: a link and the file it leads to are the same one."""
    if not FOLDER.is_dir():
        raise Fault(f"{FOLDER} is missing; the demo summarises what lies there.")
    files = sorted({entry.resolve() for entry in FOLDER.iterdir()})
    texts = [Text(f.name, f.read_text(encoding="utf-8", errors="replace")) for f in files]
    if not texts:
        raise Fault(f"{FOLDER} is empty; the demo summarises what lies there.")
    return texts
