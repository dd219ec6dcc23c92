"""A stem as it would stand in a file: plain, encoded, escaped, and compressed.

Every marker begins with one stem of random letters, so that one search finds them all. What cannot
be searched for is undone by whoever reads a store (see stores.py); the compressions that leave
what is new to them as it is are spelled here:

- pglz (Postgres' TOAST) puts a byte of flags before every eight of them;
- LZF (Redis' dump) puts a length before every 32, so it may cut a stem once: halves are searched;
- LZ4 (images of pages in Postgres' log) leaves them as they are.
"""

from __future__ import annotations

import base64
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, field

STEM = 24
HALF = STEM // 2


def new_stem() -> str:
    """No letter comes twice: a compression would write "as before" for three that do."""
    return "".join(secrets.SystemRandom().sample(string.ascii_lowercase, STEM))


def halves(stem: str) -> list[bytes]:
    plain = stem.encode()
    return [plain[:HALF], plain[HALF:]]


def in_base64(stem: str) -> list[bytes]:
    """At each of the three offsets that a stem may have in a longer text, without its ends."""
    found = []
    for offset in range(3):
        text = base64.b64encode(b"\0" * offset + stem.encode() + b"\0\0")
        found.append(text[4 : 4 * (offset + STEM) // 3 - 1])
    return found + [text.translate(bytes.maketrans(b"+/", b"-_")) for text in found]


def in_hex(stem: str) -> list[bytes]:
    return [
        form for half in halves(stem) for form in (half.hex().encode(), half.hex().upper().encode())
    ]


def in_utf16(stem: str) -> list[bytes]:
    return [
        half.decode().encode(form) for half in halves(stem) for form in ("utf-16-le", "utf-16-be")
    ]


def escaped(stem: str) -> list[bytes]:
    """Each letter by its number, as JSON, C, SQL, URLs and mark-up write it."""
    forms = (
        "\\u{:04x}",
        "\\u{:04X}",
        "\\x{:02x}",
        "%{:02x}",
        "%{:02X}",
        "&#{};",
        "\\{:03o}",
        "={:02X}",
    )
    return ["".join(form.format(ord(c)) for c in stem[:HALF]).encode() for form in forms]


def in_pglz(stem: str) -> list[bytes]:
    """Two groups of eight, wherever the first begins."""
    plain = stem.encode()
    return [plain[at : at + 8] + b"\0" + plain[at + 8 : at + 16] for at in range(STEM - 15)]


FORMS = {
    "plain": halves,
    "base64": in_base64,
    "hex": in_hex,
    "utf-16": in_utf16,
    "escaped": escaped,
    "pglz": in_pglz,
}


@dataclass
class Spellings:
    """All forms of one stem, and how to make a marker of it."""

    stem: str = field(default_factory=new_stem)

    def marker(self, name: str) -> str:
        return f"{self.stem}-{name}"

    def found_in(self, data: bytes) -> list[str]:
        """The forms in which the stem stands in data."""
        return [name for name, spell in FORMS.items() if self._stands(name, spell, data)]

    def _stands(self, name: str, spell: Callable[[str], list[bytes]], data: bytes) -> bool:
        """Wide letters are looked for in every second byte first: that is quick."""
        if name == "utf-16" and not any(
            half in every for every in (data[::2], data[1::2]) for half in halves(self.stem)
        ):
            return False
        return any(form in data for form in spell(self.stem))
