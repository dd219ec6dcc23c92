"""Which line of local.yaml is meant, when a program speaks of the file that was written for it.

A program reads a file of its own, made of the stack's values with local.yaml laid over them, and
names that file's lines. Whoever wrote local.yaml is told their own; what stands there alone,
because the stack put it in, keeps its place.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from longhaul_dev.config import local_text
from longhaul_dev.layout import Layout
from longhaul_dev.yaml_read import Way, places

OTHER = re.compile(r"\bin line (?P<line>[0-9]+)")
ROW = re.compile(r"(?P<section>[a-z_]+)\.(?P<row>[a-z_]+): ")


class Origin:
    """The ways from the lines of written files back to local.yaml's."""

    def __init__(self, layout: Layout, texts: dict[Path, str]) -> None:
        self._local = layout.local
        self._mine = places(local_text(layout), str(layout.local))
        self._texts = {str(path): text for path, text in texts.items()}
        self._ways: dict[str, dict[int, Way]] = {}  # of a file, once it is asked for
        names = "|".join(re.escape(name) for name in self._texts)
        self._found = re.compile(
            rf"(?P<file>{names})(?::(?P<line>[0-9]+):[0-9]+)?: (?P<what>.*)$", re.DOTALL
        )

    def told(self, said: str) -> str:
        """The same words with local.yaml's lines, where that has one."""
        found = self._found.search(said)
        if not found:
            return said
        file, what = found["file"], found["what"]
        way = self._way(file, int(found["line"])) if found["line"] else _row(what)
        at = self._line(way)
        place = f"{self._local}:{at}: " if at else said[found.start("file") : found.start("what")]
        return said[: found.start()] + place + self._with_other(file, what)

    def each_once(self, faults: Iterable[str]) -> list[str]:
        """All of them told. What several files have in other lines is one: the first stays."""
        told: dict[str, str] = {}
        for fault in faults:
            found = self._found.search(fault)
            at = found and found["line"] and self._way(found["file"], int(found["line"]))
            what = found["what"] if found else fault
            told.setdefault(f"{at} {OTHER.sub('', what)}", self.told(fault))
        return list(dict.fromkeys(told.values()))

    def _with_other(self, file: str, what: str) -> str:
        def put(found: re.Match[str]) -> str:
            at = self._line(self._way(file, int(found["line"])))
            return f"in line {at}" if at else f"{found[0]} of {file}"

        return OTHER.sub(put, what)

    def _way(self, file: str, line: int) -> Way:
        if file not in self._ways:
            self._ways[file] = {at: way for way, at in places(self._texts[file], file).items()}
        return self._ways[file].get(line, ())

    def _line(self, way: Way) -> int | None:
        """Where that, or the map around it, stands; an element that is not there is nobody's."""
        while way and way not in self._mine:
            way = () if isinstance(way[-1], int) else way[:-1]
        return self._mine.get(way)


def _row(what: str) -> Way:
    row = ROW.match(what)
    return (row["section"], row["row"]) if row else ()
