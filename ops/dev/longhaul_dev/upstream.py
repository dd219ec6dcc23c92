"""The model endpoint beside the simulator: the one that OPENAI_BASE_URL names."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longhaul_dev.fault import Fault
from longhaul_dev.layout import Layout

MODEL_DEFAULT = "gpt-4o-mini"


@dataclass(frozen=True)
class Upstream:
    """An OpenAI-compatible endpoint and the file with its key."""

    base_url: str
    api_key_file: Path

    def to_config(self) -> dict[str, Any]:
        return {
            "name": "openai",
            "base_url": self.base_url,
            "api_key_file": str(self.api_key_file),
            "models": ["*"],
        }


def chosen_upstream(layout: Layout) -> Upstream | None:
    """What the environment names, its key copied to where the stack's account can read it."""
    base_url = os.environ.get("OPENAI_BASE_URL")
    key_file = os.environ.get("OPENAI_API_KEY_FILE")
    if not base_url or not key_file:
        return None
    if not Path(key_file).is_file():
        raise Fault(f"OPENAI_API_KEY_FILE names {key_file}, which is no file.")
    copy = layout.keys / "openai"
    shutil.copyfile(key_file, copy)
    copy.chmod(0o600)
    layout.account.own(copy)
    return Upstream(base_url.rstrip("/"), copy)


def is_chosen() -> bool:
    """True when the environment names an endpoint and a key file."""
    return bool(os.environ.get("OPENAI_BASE_URL") and os.environ.get("OPENAI_API_KEY_FILE"))


def chosen_model() -> str:
    """The model for texts when an endpoint is named."""
    return os.environ.get("OPENAI_MODEL") or MODEL_DEFAULT
