"""longhaul.yaml for a stack, and one file per program where several run side by side."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

from longhaul_dev.audit import audit_config
from longhaul_dev.fault import Fault
from longhaul_dev.layout import Layout
from longhaul_dev.plan import Plan, metrics_port, serves_metrics
from longhaul_dev.postgres import Postgres
from longhaul_dev.upstream import chosen_upstream
from longhaul_dev.yaml import dump
from longhaul_dev.yaml_read import load, places

Tree = dict[str, Any]
Ports = dict[str, int]
SIMULATOR_CALLS_MAX = 20000


def planned_texts(layout: Layout, ports: Ports, plan: Plan) -> tuple[Tree, dict[Path, str]]:
    """What this plan configures without local.yaml, and every file with it."""
    base = merged(base_config(layout, ports, plan), _overrides(layout, ports, plan))
    return base, config_texts(layout, ports, base, plan.program_names())


def write_configs(layout: Layout, ports: Ports, plan: Plan) -> set[str]:
    """Writes every configuration file; names the programs whose own file changed."""
    base, texts = planned_texts(layout, ports, plan)
    layout.write(layout.base_config, json.dumps(base, indent=1) + "\n")
    changed = {path for path, text in texts.items() if layout.write(path, text)}
    return {name for name in plan.program_names() if layout.program_config(name) in changed}


def reloaded_texts(layout: Layout, ports: Ports, names: list[str]) -> dict[Path, str]:
    """The files with what the last `up` configured: local.yaml may say something else by now."""
    base = json.loads(layout.base_config.read_text(encoding="utf-8"))
    return config_texts(layout, ports, base, names)


def config_texts(layout: Layout, ports: Ports, base: Tree, names: list[str]) -> dict[Path, str]:
    """What longhaul.yaml and the programs' own files are to say."""
    whole = with_local(base, local_config(layout, base))
    heading = f"# Written by `make up` and `make reload`; your own values go to {layout.local}.\n"
    texts = {layout.config: heading + dump(whole)}
    for name in names:
        tree = program_config(whole, layout, ports, name)
        texts[layout.program_config(name)] = heading + dump(tree)
    return texts


def local_config(layout: Layout, base: Tree) -> Tree:
    """What local.yaml says, its sections maps as those of `base` are; empty without one."""
    text, name = local_text(layout), str(layout.local)
    tree = load(text, name)
    for key, value in tree.items():
        if isinstance(base.get(key), dict) and not isinstance(value, dict | None):
            line = places(text, name)[(key,)]
            raise Fault(f"{name}:{line}: {key}: is a map of keys, not {json.dumps(value)}.")
    return {key: value for key, value in tree.items() if value is not None}


def local_text(layout: Layout) -> str:
    """The file itself; empty without one. Fault: the line that is no text."""
    if not layout.local.exists():
        return ""
    raw = layout.local.read_bytes()
    try:
        return raw.decode()
    except UnicodeDecodeError as wrong:
        line = raw.count(b"\n", 0, wrong.start) + 1
        raise Fault(f"{layout.local}:{line}: a byte is no UTF-8.") from wrong


def with_local(base: Tree, local: Tree) -> Tree:
    """`local` laid over `base`. Its upstreams come first and take the place of those of their
    name; the others stay, so that the simulator goes on being there."""
    tree = merged(base, local)
    rows = local.get("upstreams")
    if isinstance(rows, list):
        mine = {row.get("name") for row in rows if isinstance(row, dict)}
        kept = [row for row in base.get("upstreams", []) if row["name"] not in mine]
        tree["upstreams"] = deepcopy(rows) + deepcopy(kept)
    return tree


def base_config(layout: Layout, ports: Ports, plan: Plan) -> Tree:
    """What all programs of the stack share; an empty address means there is no such service."""
    postgres = Postgres(layout, ports)
    full = not plan.lite
    return {
        "database": {"url": postgres.dsn, "passfile": str(postgres.passfile)},
        "kafka": {"brokers": _address(ports, "kafka") if full else "", "topic_prefix": "longhaul"},
        "redis": {
            "limits_url": f"redis://{_address(ports, 'redis-limits')}" if full else "",
            "cache_url": f"redis://{_address(ports, 'redis-cache')}" if full else "",
        },
        "producer": {
            "listen": _address(ports, "producer-1"),
            "admin_listen": _address(ports, "producer-1-admin"),
        },
        "worker": {"state_dir": str(layout.data / "worker-1")},
        "webhook": {"allow_http": True, "allow_networks": ["127.0.0.0/8"]},
        "upstreams": _upstreams(layout, ports),
        "audit": audit_config(layout),
        "keys": {"dir": str(layout.keys / "epochs")},
        "log": {"level": "info"},
    }


def program_config(base: Tree, layout: Layout, ports: Ports, name: str) -> Tree:
    """The base with the addresses and folders of one program, say `producer-2`."""
    tree = deepcopy(base)
    if name.startswith("producer-"):
        tree["producer"]["listen"] = _address(ports, name)
        tree["producer"]["admin_listen"] = _address(ports, f"{name}-admin")
    if name.startswith("worker-"):
        tree["worker"]["state_dir"] = str(layout.data / name)
    if serves_metrics(name):
        kind = name.partition("-")[0]
        tree.setdefault(kind, {})["metrics_listen"] = _address(ports, metrics_port(name))
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


def _overrides(layout: Layout, ports: Ports, plan: Plan) -> Tree:
    """A map of upstreams changes those of its names; new names are copies of the simulator."""
    tree = dict(plan.config_overrides)
    if not isinstance(tree.get("upstreams"), dict):
        return tree
    rows = {row["name"]: row for row in _upstreams(layout, ports)}
    for name, row in tree["upstreams"].items():
        rows[name] = merged({**rows.get(name, rows["simulator"]), "name": name}, row)
    first = [rows.pop(name) for name in tree["upstreams"]]
    tree["upstreams"] = first + list(rows.values())
    return tree


def _upstreams(layout: Layout, ports: Ports) -> list[Tree]:
    simulator = {
        "name": "simulator",
        "base_url": f"http://{_address(ports, 'simulator')}/v1",
        "models": ["sim*"],
        "max_in_flight": SIMULATOR_CALLS_MAX,
    }
    other = chosen_upstream(layout)
    return [simulator, other.to_config()] if other else [simulator]


def _address(ports: Ports, name: str) -> str:
    return f"127.0.0.1:{ports[name]}"
