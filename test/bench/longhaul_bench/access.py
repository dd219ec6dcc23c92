"""What it costs to know who comes, and how soon somebody is known no longer."""

import json
import time
import urllib.parse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from longhaul_dev.fault import Fault

from longhaul_bench.figure import Sample, benchmark
from longhaul_bench.load import share
from longhaul_bench.native import Native
from longhaul_bench.process import Meter
from longhaul_bench.stage import QUEUE, Play, Stage
from longhaul_bench.submit import BODY_BYTES, chat_of, limits_set, submit_load

TOKENS = 20_000  # more than a producer remembers: each is new whenever it comes
MINTERS = 8
PARTS = ("producer-1", "redis-limits")  # who comes is no matter of the others
REVOKED, AT_ONCE = 60, 4
LOOK_S = 0.01
REFUSED_S = 30.0


@benchmark("authenticated", "us", "<= 200 us with EdDSA, <= 30 us from the cache", "-")
def authenticated(stage: Stage, runs: int) -> Iterator[Sample]:
    """Processor time of the producer and of Redis that a submit costs more when its bearer shows a
    token nobody has seen yet, and is asked for at limits of five levels: over the same by API keys
    that are known, without limits. `cached`: the same by 100 tokens that are known."""
    with stage.play(workers=1) as play:
        play.queue(QUEUE, "pause")
        body = play.file("body", chat_of(BODY_BYTES).decode())
        tokens = minted(play)
        new = play.file("tokens", "\n".join(tokens))
        known = play.file("known-tokens", "\n".join(tokens[: len(play.keys)]))
        submit_load(play, body)
        for _ in range(runs):
            limits_set(play, False)
            bare = spent(play, body, play.keys_file())
            limits_set(play, True)
            cached, unseen = spent(play, body, known), spent(play, body, new)
            more = {"cached": round(cached - bare, 1), "bare": bare}
            yield Sample(round(unseen - bare, 1), more)


def minted(play: Play) -> list[str]:
    form = urllib.parse.urlencode({"grant_type": "client_credentials"}).encode()
    media = "application/x-www-form-urlencoded"

    def one(number: int) -> str:
        client = play.clients[number % len(play.clients)]
        reply = client.call("POST", "/v1/auth/token", form, media=media)
        return str(json.loads(reply)["access_token"])

    with ThreadPoolExecutor(MINTERS) as pool:
        return list(pool.map(one, range(TOKENS)))


def spent(play: Play, body: Path, bearers: Path) -> float:
    """Microseconds of PARTS a submit."""
    play.stack.psql("checkpoint")
    meter = Meter(play.stack)
    load = submit_load(play, body, bearers)
    each = meter.us_each(load.requests)
    return round(sum(each.get(part, 0.0) for part in PARTS), 1)


@benchmark("revocation", "s", "p99 <= 5 s", "-")
def revocation(stage: Stage, runs: int) -> Iterator[Sample]:
    """From the answer to a revocation of a user until the last of two producers refuses a token of
    theirs that both knew: p99."""
    for _ in range(runs):
        with (
            stage.play(tenants=REVOKED, workers=0, producers=2) as play,
            ThreadPoolExecutor(AT_ONCE) as pool,
        ):
            took = sorted(pool.map(partial(refused_after, play), range(REVOKED)))
        yield Sample(share(took, 0.99), {"p50_s": share(took, 0.5), "revoked": REVOKED})


def refused_after(play: Play, number: int) -> float:
    tenant = f"bench{number}"
    key = play.admin.json("POST", "/v1/api-keys", {"tenant": tenant})
    form = urllib.parse.urlencode({"grant_type": "client_credentials"}).encode()
    media = "application/x-www-form-urlencoded"
    reply = Native(play.url, key["key"]).call("POST", "/v1/auth/token", form, media=media)
    token = str(json.loads(reply)["access_token"])
    ports = json.loads(play.stack.layout.state.read_text())["ports"]
    bearers = [Native(f"http://127.0.0.1:{ports[f'producer-{n}']}", token) for n in (1, 2)]
    for bearer in bearers:
        bearer.call("GET", "/v1/jobs")
    play.admin.json("POST", "/v1/revocations", {"tenant": tenant, "user": key["id"]})
    began = time.monotonic()
    for bearer in bearers:
        refused(bearer, began + REFUSED_S)
    return time.monotonic() - began


def refused(bearer: Native, end: float) -> None:
    while time.monotonic() < end:
        try:
            bearer.call("GET", "/v1/jobs")
        except Fault as fault:
            if ": 401 " in str(fault):
                return
            raise
        time.sleep(LOOK_S)
    raise Fault(f"a revoked token is still believed after {REFUSED_S:g} s")
