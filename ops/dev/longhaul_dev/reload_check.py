"""Would every program take these files? Asked before any of them is told.

`longhaul check-config` reads each as its program would, as the account that the programs run as.
What it finds is told once, with the line of local.yaml that it comes from.
"""

import json
from pathlib import Path

from longhaul_dev.fault import Fault
from longhaul_dev.layout import Layout
from longhaul_dev.origin import Origin
from longhaul_dev.program import environment

UNREACHABLE = ": cannot be reached now: "


def check_texts(layout: Layout, texts: dict[Path, str]) -> None:
    """Fault: what is wrong, a line each. The files of secrets that they name must be there."""
    refused = [fault for path, text in texts.items() for fault in _refused(layout, path, text)]
    if faults := Origin(layout, texts).each_once(refused):
        raise Fault(
            "\n".join(
                ["no program was told of this configuration, as one would refuse it:", *faults]
            )
        )


def unreachable(layout: Layout, origin: Origin) -> list[str]:
    """Upstreams that cannot be reached from here, a line each; no reason to refuse anything."""
    command = [layout.bin / "longhaul", "check-config", "--json", layout.config]
    run = layout.account.run(command, env=environment(layout))
    return [origin.told(line) for line in run.stderr.splitlines() if UNREACHABLE in line]


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
