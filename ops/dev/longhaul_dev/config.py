"""longhaul.yaml for a stack, and one file per program where several run side by side."""

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longhaul_dev.layout import Layout
from longhaul_dev.upstream import Upstream
from longhaul_dev.yaml import dump

Tree = dict[str, Any]


@dataclass(frozen=True)
class Addresses:
    """Where this stack's services listen; an empty string means there is none."""

    database: str
    passfile: Path
    kafka: str
    redis_limits: str
    redis_cache: str
    producers: tuple[tuple[str, str], ...]
    simulator: str


def base_config(at: Addresses, layout: Layout, other: Upstream | None) -> Tree:
    """What all programs of the stack share."""
    upstreams: list[Tree] = [
        {"name": "simulator", "base_url": f"http://{at.simulator}/v1", "models": ["sim*"]}
    ]
    if other:
        upstreams.append(other.to_config())
    listen, admin = at.producers[0]
    return {
        "database": {"url": at.database, "passfile": str(at.passfile)},
        "kafka": {"brokers": at.kafka, "topic_prefix": "longhaul"},
        "redis": {"limits_url": at.redis_limits, "cache_url": at.redis_cache},
        "producer": {"listen": listen, "admin_listen": admin},
        "worker": {"state_dir": str(layout.data / "worker-1")},
        "webhook": {"allow_http": True, "allow_networks": ["127.0.0.0/8"]},
        "upstreams": upstreams,
        "log": {"level": "info"},
    }


def program_config(base: Tree, at: Addresses, layout: Layout, name: str) -> Tree:
    """The base with the addresses and folders of one program, say `producer-2`."""
    tree = deepcopy(base)
    kind, _, number = name.partition("-")
    if kind == "producer":
        listen, admin = at.producers[int(number) - 1]
        tree["producer"]["listen"] = listen
        tree["producer"]["admin_listen"] = admin
    if kind == "worker":
        tree["worker"]["state_dir"] = str(layout.data / name)
    return tree


def merged(base: Tree, overrides: Tree) -> Tree:
    """`base` with `overrides` laid over it, map by map; lists and scalars are replaced."""
    tree = deepcopy(base)
    for key, value in overrides.items():
        if isinstance(value, dict) and isinstance(tree.get(key), dict):
            tree[key] = merged(tree[key], value)
        else:
            tree[key] = deepcopy(value)
    return tree


def write_config(layout: Layout, path: Path, tree: Tree) -> bool:
    """Writes one file; False when it already said this."""
    return layout.write(path, "# Written by `make up`; change it there.\n" + dump(tree))
