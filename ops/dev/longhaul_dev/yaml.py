"""Writing YAML: maps, lists and scalars, every string quoted, so that nothing is guessed."""

import json
from typing import Any


def dump(value: dict[str, Any]) -> str:
    """The document, in block style."""
    return "\n".join(_map(value, 0)) + "\n"


def _map(value: dict[str, Any], depth: int) -> list[str]:
    lines: list[str] = []
    pad = "  " * depth
    for key, part in value.items():
        if isinstance(part, dict) and part:
            lines += [f"{pad}{key}:", *_map(part, depth + 1)]
        elif isinstance(part, list) and part and isinstance(part[0], dict):
            lines.append(f"{pad}{key}:")
            for item in part:
                lines += _item(item, depth + 1)
        else:
            lines.append(f"{pad}{key}: {json.dumps(part)}")
    return lines


def _item(value: dict[str, Any], depth: int) -> list[str]:
    first, *rest = _map(value, depth + 1)
    return [f"{'  ' * depth}- {first.lstrip()}", *rest]
