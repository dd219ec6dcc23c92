"""Reading the YAML that people write by hand into a stack's local.yaml.

Maps, lists and scalars in block style, and lists of scalars in brackets: what longhaul.yaml is
made of. Anything else (anchors, text over several lines) is refused with its line, never
guessed: the programs read the whole of YAML, this file only has to be laid over another.

Where each key stands is remembered by its way from the top, say ("upstreams", 0, "name"), so that
what is found wrong with it later can be told with its line.
"""

import json
import re
from typing import Any, NamedTuple

from longhaul_dev.fault import Fault

KEY = re.compile(r"(?P<key>[A-Za-z_][A-Za-z0-9_]*):(?:\s+(?P<rest>.*))?$")
WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?$")
QUOTED = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'"


Way = tuple[str | int, ...]


class Line(NamedTuple):
    """What stands in one line: its number, its indent, its text without comment."""

    number: int
    indent: int
    text: str


class Reader:
    """Walks lines from the first to the last; `name` stands in what it says."""

    def __init__(self, text: str, name: str) -> None:
        self._name = name
        self._lines = [line for line in map(_line, enumerate(text.splitlines(), 1)) if line.text]
        self._at = 0
        self.places: dict[Way, int] = {}

    def document(self) -> dict[str, Any]:
        """The whole file, a map; empty when nothing is in it."""
        if not self._lines:
            return {}
        tree = self._map(self._lines[0].indent, ())
        if self._at < len(self._lines):
            raise self._fault("is indented unlike the lines around it")
        return tree

    def _fault(self, what: str) -> Fault:
        line = self._lines[min(self._at, len(self._lines) - 1)]
        return Fault(f"{self._name}:{line.number}: {line.text!r} {what}.")

    def _next(self) -> Line | None:
        line = self._lines[self._at] if self._at < len(self._lines) else None
        if line and line.text.startswith("\t"):
            raise self._fault("is indented by a tab: YAML takes spaces alone")
        return line

    def _map(self, indent: int, way: Way) -> dict[str, Any]:
        tree: dict[str, Any] = {}
        while (line := self._next()) and line.indent == indent and not _is_item(line.text):
            pair = KEY.match(line.text)
            if not pair or pair["key"] in tree:
                raise self._fault("is no new `key: value`")
            self._at += 1
            rest, here = pair["rest"] or "", (*way, pair["key"])
            self.places[here] = line.number
            tree[pair["key"]] = self._scalar(rest) if rest else self._below(indent, here)
        return tree

    def _below(self, indent: int, way: Way) -> Any:
        """The block behind a key without a value of its own: a list may stand as deep as it."""
        line = self._next()
        if line and _is_item(line.text) and line.indent >= indent:
            return self._list(line.indent, way)
        if line and line.indent > indent:
            return self._map(line.indent, way)
        return None

    def _list(self, indent: int, way: Way) -> list[Any]:
        items: list[Any] = []
        while (line := self._next()) and line.indent == indent and _is_item(line.text):
            text = line.text[1:].lstrip()
            inner = line.indent + len(line.text) - len(text)
            is_map = KEY.match(text) is not None
            if items and is_map != isinstance(items[0], dict):
                raise self._fault("is unlike the list's first item")
            if is_map:
                self._lines[self._at] = Line(line.number, inner, text)
                items.append(self._map(inner, (*way, len(items))))
            else:
                self._at += 1
                items.append(self._scalar(text))
        return items

    def _scalar(self, text: str) -> Any:
        if text.startswith("[") and text.endswith("]"):
            parts = re.findall(rf"\s*({QUOTED}|[^,]+)", text[1:-1])
            return [self._scalar(part.strip()) for part in parts if part.strip()]
        if re.fullmatch(QUOTED, text):
            return self._quoted(text)
        if text in WORDS:
            return WORDS[text]
        if NUMBER.match(text):
            return float(text) if "." in text else int(text)
        if text[0] in "{[&*!|>%@`\"'":
            self._at -= 1
            raise self._fault("is more YAML than this file may hold: write block style")
        return text

    def _quoted(self, text: str) -> str:
        if text[0] == "'":
            return text[1:-1].replace("''", "'")
        try:
            return str(json.loads(text))
        except ValueError:
            self._at -= 1
            raise self._fault("has an escape that this file may not hold") from None


def _is_item(text: str) -> bool:
    return text == "-" or text.startswith("- ")


def _line(numbered: tuple[int, str]) -> Line:
    number, raw = numbered
    text = _uncommented(raw).rstrip()
    return Line(number, len(raw) - len(raw.lstrip(" ")), text.lstrip(" ") if text.strip() else "")


def _uncommented(raw: str) -> str:
    """Without what stands behind a # that begins a word outside of quotes."""
    found = re.match(rf"(?:{QUOTED}|(?!(?:^|(?<=\s))#).)*", raw)
    return found[0] if found else ""


def load(text: str, name: str) -> dict[str, Any]:
    """The document as maps, lists and scalars. Fault: what cannot be read, and where."""
    return Reader(text, name).document()


def places(text: str, name: str) -> dict[Way, int]:
    """The line of each key in it, by its way from the top."""
    reader = Reader(text, name)
    reader.document()
    return reader.places
