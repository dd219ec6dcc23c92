"""A producer killed at its system calls from accept to reply: what it answered is there, once.

strace ends it on its way into the nth call of one name, in whichever thread comes there first. The
client knows nothing of it and asks again with the same Idempotency-Key until it hears an answer.
"""

from __future__ import annotations

import itertools
import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from checker import typeid_uuid
from client import chat, until
from stacks import running

from .conftest import LONG, Fault

# What a trace of submits shows between accept4 and the reply's sendmsg, in any thread: the client's
# and Postgres' lines, the loops' wakes, locks, Kafka.
CALLS = (
    "accept4",
    "epoll_ctl",
    "epoll_wait",
    "futex",
    "poll",
    "read",
    "recvfrom",
    "recvmsg",
    "sendmsg",
    "sendto",
    "write",
)
REPLY = "sendmsg"
EACH = range(1, 7 if LONG else 4)
CASES = list(itertools.product(CALLS, EACH))
SHORT_CASES = 6
# Without a key a job is doubled only if its reply is what was cut off, and not another's call.
CONTROL_TRIES = 20

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")


@pytest.fixture(scope="module")
def stack() -> Iterator[Any]:
    with running("killed", workers=1) as one:
        yield one


@contextmanager
def deadly(stack: Any, call: str, nth: int) -> Iterator[subprocess.Popen[str]]:
    """strace on the producer; it ends with the producer, or with the block."""
    pid = until("a producer runs", lambda: stack.pid("producer-1"))
    inject = f"inject={call}:signal=SIGKILL:when={nth}"
    command = ["strace", "-f", "-p", str(pid), "-e", f"trace={call}", "-e", inject]
    tracer = subprocess.Popen(
        [*command, "-o", "/dev/null"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert tracer.stderr
    try:
        line = tracer.stderr.readline()
        if "not permitted" in line:
            pytest.skip("this machine lets nobody trace")
        assert re.search(r"attached|exited|killed", line), line
        yield tracer
    finally:
        tracer.terminate()
        tracer.wait(60)
        tracer.stderr.close()


def submit(stack: Any, key: str | None) -> str | None:
    """One try on a connection of its own; None: no answer, or one that says to come again."""
    headers = {"Authorization": f"Bearer {stack.env['LONGHAUL_API_KEY']}"}
    if key:
        headers["Idempotency-Key"] = key
    url = stack.env["LONGHAUL_URL"] + "/v1/jobs"
    try:
        reply = httpx.post(url, json=chat("k", model="sim"), headers=headers, timeout=60)
    except httpx.HTTPError:
        return None
    assert reply.status_code in (202, 503), reply.text
    return str(reply.json()["id"]) if reply.status_code == 202 else None


def submitted(stack: Any, key: str | None) -> str:
    return str(until("it is answered", lambda: submit(stack, key)))


def there(fault: Fault) -> set[str]:
    """Every job, whether it ended or not."""
    return {
        str(row[0]) for row in fault.ask("select job_id from job union select job_id from job_done")
    }


@pytest.mark.promises("C1", "C16")
def test_what_is_answered_is_there_and_a_key_is_one_job(stack: Any, seed: int) -> None:
    fault = Fault(stack)
    cases = CASES if LONG else random.Random(seed).sample(CASES, SHORT_CASES)
    answered: dict[str, str] = {}
    before, keys, kills = there(fault), itertools.count(), 0
    for call, nth in cases:
        with deadly(stack, call, nth) as tracer:
            for _ in range(10):
                key = f"{call}-{nth}-{next(keys)}"
                answered[key] = submitted(stack, key)
                if tracer.poll() is not None:
                    kills += 1
                    break
    assert kills > 0
    print(f"killed {kills} times at {len(cases)} places, {len(answered)} submits")
    assert {key: submitted(stack, key) for key in answered} == answered
    assert there(fault) - before == {typeid_uuid(job) for job in answered.values()}
    assert len(set(answered.values())) == len(answered)


@pytest.mark.promises("C16")
def test_without_a_key_a_killed_reply_doubles_a_job(stack: Any) -> None:
    """The control: there are places where only the key tells a job from its repetition."""
    fault = Fault(stack)

    def doubled() -> bool:
        before = there(fault)
        with deadly(stack, REPLY, 1):
            submitted(stack, None)
        return len(there(fault) - before) > 1

    assert any(doubled() for _ in range(CONTROL_TRIES))
