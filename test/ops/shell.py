"""The command line with a profile of its own, before a scripted server."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from scripted import Scripted

ROOT = Path(__file__).resolve().parents[2]
LONGHAUL = ROOT / "build" / os.environ.get("LONGHAUL_MODE", "release") / "longhaul"
JOB = "job_01h455vb4pex5vsknk084sn02q"
OTHER = "job_01h455vb4pex5vsknk084sn02r"
KEY = "lh_" + "0" * 72


def job(state: str = "completed", name: str = JOB, **more: object) -> dict[str, object]:
    answer = {"choices": [{"message": {"role": "assistant", "content": "forty-two"}}]}
    result = answer if state == "completed" else None
    return {"id": name, "object": "job", "state": state, "result": result, **more}


class Shell:
    """Runs longhaul with a profile of its own and nothing else in the environment."""

    def __init__(self, home: Path, server: Scripted) -> None:
        self.home = home
        self.server = server
        self.key_file = home / "api.key"
        self.key_file.write_text(KEY + "\n")
        self.key_file.chmod(0o600)
        self.profile = home / "profile"
        self.profile.write_text(
            f"url={server.url}\nadmin_url={server.url}\napi_key_file=api.key\n"
            "admin_key_file=api.key\nmodel=sim\n"
        )

    def __call__(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        environment = {"LONGHAUL_PROFILE": str(self.profile), "PATH": os.environ["PATH"]}
        return subprocess.run(
            [LONGHAUL, *words],
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )
