"""Would every program take these files? Asked before any of them is told.

`longhaul check-config` reads each as its program would, as the account that the programs run as.
What it finds is told once, with the line of local.yaml that it comes from.
"""

import json
import re
from pathlib import Path

from longhaul_dev.config import local_text
from longhaul_dev.fault import Fault
from longhaul_dev.layout import Layout
from longhaul_dev.program import environment
from longhaul_dev.yaml_read import Way, places

FOUND = re.compile(r":(?P<line>[0-9]+):[0-9]+: (?P<what>.*)$")


def check_texts(layout: Layout, texts: dict[Path, str]) -> None:
    """Fault: what is wrong, a line each. The files of secrets that they name must be there."""
    mine = places(local_text(layout), str(layout.local))
    faults: dict[str, None] = {}  # each once, in order
    for path, text in texts.items():
        if refused := _refused(layout, path, text):
            ways = {line: way for way, line in places(text, str(path)).items()}
            faults |= dict.fromkeys(_told(layout, mine, ways, fault) for fault in refused)
    if faults:
        raise Fault(
            "\n".join(
                ["no program was told of this configuration, as one would refuse it:", *faults]
            )
        )


def _refused(layout: Layout, path: Path, text: str) -> list[str]:
    candidate = path.with_name(f"{path.name}.check")
    layout.write(candidate, text)
    try:
        command = [layout.bin / "longhaul", "check-config", "--offline", "--json", candidate]
        run = layout.account.run(command, env=environment(layout))
        if run.returncode == 0:
            return []
        faults: list[str] = json.loads(run.stdout)["faults"]
    except (ValueError, KeyError, TypeError):
        faults = [run.stderr.strip()]
    finally:
        candidate.unlink()
    return [fault.replace(str(candidate), str(path)) for fault in faults]


def _told(layout: Layout, mine: dict[Way, int], ways: dict[int, Way], fault: str) -> str:
    """With local.yaml's line, where that or what is around it has one."""
    found = FOUND.search(fault)
    way = ways.get(int(found["line"]), ()) if found else ()
    while way and way not in mine:
        way = way[:-1]
    return f"{layout.local}:{mine[way]}: {found['what']}" if found and way else fault
