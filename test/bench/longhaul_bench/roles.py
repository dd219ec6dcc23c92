"""Many people of one tenant change role at once: how long it takes, and who notices."""

import json
import time
import urllib.parse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from longhaul_dev.fault import Fault

from longhaul_bench.figure import Sample, benchmark
from longhaul_bench.native import Native
from longhaul_bench.stage import Play, Stage
from longhaul_bench.submit import BODY_BYTES, chat_of
from longhaul_bench.wrk import Load, press

USERS = 100_000
WATCHED = 10  # of them, spread evenly: by their tokens it is seen when the change holds
LOOK_S = 0.02
ALONE_S = 10.0
LOAD_S = 20.0  # the change, and what comes after it
HOLDS_S = 60.0
CROWD, OTHER = "bench0", 1


@benchmark("role-move", "s", "no stall", "-")
def role_move(stage: Stage, runs: int) -> Iterator[Sample]:
    """100,000 users of a tenant change role (`longhaul role move`, pages of 2,000). Beside the time
    that takes: from its end until live tokens of all ten that are watched may what the new role
    may, at another producer (`holds_s`); and another tenant's polls of the one that makes the
    change, one after the other: the longest meanwhile (`stall_ms`), and of the ten seconds before
    (`alone_ms`)."""
    for _ in range(runs):
        with stage.play(tenants=2, workers=0, producers=2) as play:
            yield moved(play)


def moved(play: Play) -> Sample:
    tokens = [token_of(play, name) for name in crowd(play)]
    job = play.clients[OTHER].json("POST", "/v1/jobs", chat_of(BODY_BYTES))["id"]
    polls = play.file("polls", f"{play.keys[OTHER]} /v1/jobs/{job} -\n")

    def poll(seconds: float) -> Load:
        return press("poll", play.url, [polls], connections=1, seconds=seconds).check()

    poll(2.0)
    alone = poll(ALONE_S)
    ports = json.loads(play.stack.layout.state.read_text())["ports"]
    second = f"http://127.0.0.1:{ports['producer-2']}"
    with ThreadPoolExecutor(WATCHED + 1) as pool:
        load = pool.submit(poll, LOAD_S)
        seen = [pool.submit(when_allowed, second, token) for token in tokens]
        began = time.monotonic()
        calls = move(play.admin)
        ended = time.monotonic()
        holds = max(one.result() for one in seen) - ended
        over = load.done()
        meanwhile = load.result()
    if over:
        raise Fault(f"the change took longer than the {LOAD_S:g} s of polls beside it")
    return Sample(
        ended - began,
        {
            "holds_s": round(holds, 2),
            "calls": calls,
            "stall_ms": meanwhile.max_us / 1000,
            "p99_ms": meanwhile.p99_us / 1000,
            "alone_ms": alone.max_us / 1000,
            "alone_p99_ms": alone.p99_us / 1000,
            "polls_s": round(meanwhile.rate),
        },
    )


def crowd(play: Play) -> list[str]:
    """USERS of CROWD, guests all of them; the names of those that are watched."""
    tenant = f"(select tenant_id from tenant where name = '{CROWD}')"
    play.stack.psql(
        "with u as (insert into app_user (tenant_id, user_id, name)"
        f" select {tenant}, gen_random_uuid(), 'user' || i from generate_series(1, {USERS}) i"
        " returning tenant_id, user_id)"
        " insert into user_role select tenant_id, user_id, 'guest' from u",
        timeout_s=120.0,
    )
    play.stack.psql("vacuum analyze app_user, user_role", timeout_s=120.0)
    play.stack.psql("checkpoint", timeout_s=120.0)
    step = USERS // WATCHED
    rows = play.stack.psql(
        "select name from (select name, row_number() over (order by user_id) n from app_user) u"
        f" where n % {step} = 0"
    )
    return [row[0] for row in rows]


def token_of(play: Play, user: str) -> str:
    key = play.admin.json("POST", "/v1/api-keys", {"tenant": CROWD, "user": user})["key"]
    form = urllib.parse.urlencode({"grant_type": "client_credentials"}).encode()
    media = "application/x-www-form-urlencoded"
    reply = Native(play.url, key).call("POST", "/v1/auth/token", form, media=media)
    return str(json.loads(reply)["access_token"])


def when_allowed(url: str, token: str) -> float:
    """The moment from which its bearer sees the tenant's usage, which no guest does."""
    client = Native(url, token)
    end = time.monotonic() + HOLDS_S
    while time.monotonic() < end:
        if allowed(client):
            return time.monotonic()
        time.sleep(LOOK_S)
    raise Fault(f"a token does not know of its role after {HOLDS_S:g} s")


def allowed(client: Native) -> bool:
    try:
        client.call("GET", "/v1/usage")
    except Fault as refused:
        if ": 403 " not in str(refused):
            raise
        return False
    return True


def move(admin: Native) -> int:
    """guest to reader, as the command does it; how many calls it took."""
    calls, more = 0, True
    while more:
        step: dict[str, Any] = admin.json(
            "POST", f"/v1/tenants/{CROWD}/roles/guest/move", {"to": "reader"}
        )
        calls, more = calls + 1, step["has_more"]
    return calls
