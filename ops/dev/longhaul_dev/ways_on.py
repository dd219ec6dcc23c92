"""What to type next: a stack that runs, a command that reaches it, a call, its end."""

import shlex
from pathlib import Path

from longhaul_dev.layout import REPOSITORY
from longhaul_dev.stack import Stack
from longhaul_dev.upstream import chosen_model, is_chosen


def ways_on(stack: Stack) -> list[str]:
    """Lines that work as they stand, from the clone's folder."""
    longhaul, env = (
        shown(REPOSITORY / "build" / "release" / "longhaul"),
        shown(stack.layout.stack_env),
    )
    other = "" if stack.var == REPOSITORY / "var" else f" VAR={shown(stack.var)}"
    model = chosen_model() if is_chosen() else "sim"
    return [
        f"export LONGHAUL_PROFILE={shown(stack.profile)}",
        f"{longhaul} submit --watch 'Tell me about queues'",
        f'. {env}; curl -s -H "Authorization: Bearer $LONGHAUL_API_KEY" $LONGHAUL_URL/v1/jobs'
        f' -d \'{{"kind": "chat", "input": {{"model": "{model}",'
        ' "messages": [{"role": "user", "content": "hello"}]}}\'',
        f"make down{other}",
    ]


def shown(path: Path) -> str:
    """A path as a person would type it from the clone."""
    for real in (REPOSITORY, REPOSITORY.resolve()):
        if path.is_relative_to(real):
            return shlex.quote(str(path.relative_to(real)))
    return shlex.quote(str(path))
