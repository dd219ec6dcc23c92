"""The audit's keys and folders: made once, so that a local stack signs its checkpoints."""

import base64
import secrets
from typing import Any

from longhaul_dev.layout import Layout


def audit_config(layout: Layout) -> dict[str, Any]:
    """The section of longhaul.yaml; keys and folders are made when they are missing."""
    home = layout.service_folder(layout.data / "audit")
    return {
        "signing_key_file": _key(layout, "audit-signing"),
        "pseudonym_key_file": _key(layout, "audit-pseudonyms"),
        "checkpoint_dir": str(layout.service_folder(home / "checkpoints")),
        "archive_dir": str(layout.service_folder(home / "archive")),
    }


def _key(layout: Layout, name: str) -> str:
    path = layout.keys / name
    if not path.exists():
        text = base64.b64encode(secrets.token_bytes(32)).decode()
        layout.write(path, text + "\n", 0o600, service=True)
    return str(path)
