"""stack.env: a stack's addresses and keys for scripts, in shell syntax, mode 0600."""

import shlex
from pathlib import Path

from longhaul_dev.layout import Layout
from longhaul_dev.plan import Plan
from longhaul_dev.postgres import Postgres
from longhaul_dev.tenants import Tenants


def stack_values(layout: Layout, ports: dict[str, int], plan: Plan) -> dict[str, str]:
    """What the file says of a stack of this shape; empty where a service is left out."""
    values = {
        "LONGHAUL_PG_URL": Postgres(layout, ports).url,
        "LONGHAUL_KAFKA": "" if plan.lite else f"127.0.0.1:{ports['kafka']}",
        "LONGHAUL_REDIS_LIMITS": "" if plan.lite else redis_url(ports, "redis-limits"),
        "LONGHAUL_REDIS_CACHE": "" if plan.lite else redis_url(ports, "redis-cache"),
    }
    if plan.programs and plan.producers:
        values |= _program_values(layout, ports)
    return values


def _program_values(layout: Layout, ports: dict[str, int]) -> dict[str, str]:
    keys = Tenants(layout, {}).keys()
    return {
        "LONGHAUL_URL": url(ports, "producer-1"),
        "LONGHAUL_ADMIN_URL": url(ports, "producer-1-admin"),
        "LONGHAUL_API_KEY": keys.tenants[0],
        "LONGHAUL_API_KEY_2": keys.tenants[1],
        "LONGHAUL_ADMIN_KEY": keys.admin,
        "LONGHAUL_WEBHOOK_SECRET": keys.webhook_secret,
        "LONGHAUL_SIM_URL": url(ports, "simulator"),
        "LONGHAUL_CONFIG": str(layout.config),
        "LONGHAUL_PROFILE": str(layout.profile),
    }


def url(ports: dict[str, int], name: str) -> str:
    """Where an HTTP server of the stack is reached."""
    return f"http://127.0.0.1:{ports[name]}"


def redis_url(ports: dict[str, int], name: str) -> str:
    return f"redis://127.0.0.1:{ports[name]}"


def write_stackfile(layout: Layout, values: dict[str, str]) -> None:
    """Writes the file; it belongs to the caller alone. Its last line exports what is above, so
    that the command sees it, and leaves the others NAME=VALUE for who reads them without a shell.
    """
    text = "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
    text += f"export {' '.join(values)}\n"
    layout.write(layout.stack_env, text, 0o600)


def read_stackfile(path: Path) -> dict[str, str]:
    """Its values again."""
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("=", 1) for line in lines if "=" in line)
    return {name: "".join(shlex.split(value)) for name, value in pairs}
