"""How many requests come in: four producers, one limit, five levels; what Redis may lose."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import openai
import pytest
from client import until
from limits_world import (
    FROM,
    HOUR,
    KEYS,
    PRODUCERS,
    Crowd,
    LimitsWorld,
    Tenants,
    bearer,
    producers,
    redis_now,
    refused_late,
    shared,
    two,
    used_up,
)
from roles_world import made
from stacks import admin_client, running

pytestmark = pytest.mark.promises("S1.6")

# Redis is waited for: a slow machine shall not make producers count their shares.
CONFIG = {
    "producer": {"trusted_proxies": ["127.0.0.0/8"]},
    "redis": {"command_timeout_ms": 20_000},
    "request_limits": {"deadline_ms": 3_000},
}


@pytest.fixture(scope="module")
def world() -> Iterator[LimitsWorld]:
    shape = {"producers": PRODUCERS, "workers": 0, "schedulers": 0}
    with running("request-limits", config_overrides=CONFIG, **shape) as stack:
        admin = admin_client(stack)
        yield LimitsWorld(stack, admin)
        admin.close()


@pytest.fixture
def place(world: LimitsWorld) -> Iterator[LimitsWorld]:
    yield world
    world.clear()


@pytest.fixture
def tenants(world: LimitsWorld) -> Tenants:
    return Tenants(world.stack, world.admin)


def test_four_producers_let_in_what_one_limit_allows(place: LimitsWorld, tenants: Tenants) -> None:
    """By Redis' own clock: never more than burst + rate x time, and when demand never ceases within
    1 % of it. A refusal later than a moment proves that everything until then was handed out."""
    rate, burst = 50, 100
    tenant = tenants.tenant()
    keys = [tenants.key(tenant) for _ in range(3)]
    place.limit("crowd", "tenant", 2 * rate, 2, burst=burst)
    begun = place.now()
    place.plan(tenant, "crowd")
    place.in_force(keys[0], '"tenant";q=100;w=2')
    with Crowd(place.urls, keys, 24) as crowd:
        until("the burst is used up", crowd.refused_anew())
        counted = crowd.asked.admitted
        first = place.now()
        until("much was let in", lambda: crowd.asked.admitted >= counted + 4 * rate, 120)
        last = place.now()
        until("somebody is refused", crowd.refused_anew())
    ended = place.now()
    asked = crowd.asked
    assert not asked.faults
    assert asked.admitted <= burst + rate * (ended - begun) + 1
    assert asked.admitted - counted >= 0.99 * rate * (last - first) - 1


# ---- levels ----


# level: what the first key's requests have used up for: itself elsewhere, its neighbour, a stranger
LEVELS = {
    "user": (True, False, False),
    "tenant": (True, True, False),
    "role:submitter": (True, True, False),
    "ip": (False, False, False),
}


@pytest.mark.parametrize("level", LEVELS)
def test_each_level_counts_its_own(place: LimitsWorld, tenants: Tenants, level: str) -> None:
    place.limit("leveled", level, 3, HOUR)
    keys, stranger = two(place, tenants)
    place.known(tenants, "level")
    assert place.ask(0, keys[0], 4, **FROM[0]).admitted == 3
    one = place.ask(1, keys[0], 1, **FROM[1]), place.ask(2, keys[1], 1, **FROM[2])
    other = place.ask(3, stranger, 1, **FROM[2])
    assert tuple(bool(a.refused) for a in (*one, other)) == LEVELS[level]
    if level == "ip":
        assert place.ask(1, stranger, 1, **FROM[0]).refused == 1


def test_the_whole_installation_has_a_limit_too(place: LimitsWorld, tenants: Tenants) -> None:
    keys = [tenants.key(tenants.tenant()) for _ in range(2)]
    place.limit("default", "global", 40, HOUR)
    place.in_force(keys[0], '"global";q=40;w=3600')
    before = sum(place.told("longhaul_request_limit_refused_total", level="global"))
    done = sum(place.ask(at, keys[at % 2], 15).admitted for at in range(PRODUCERS))
    assert done < 40
    assert place.ask(2, keys[1]).refused == 1
    refused = sum(place.told("longhaul_request_limit_refused_total", level="global"))
    assert refused - before == PRODUCERS * 15 - done + 1

    def told_now() -> bool:
        """By the producer that the operator asks, of its own refusals within a minute."""
        place.ask_all(keys[1], 1)
        rows = place.admin.http.get("/v1/limits/now").json()["data"]
        return any(r["level"] == "global" and r["refused_per_minute"] >= 1 for r in rows)

    until("it is told that the limit is reached", told_now)


def test_who_is_refused_at_one_level_is_charged_at_none(
    place: LimitsWorld, tenants: Tenants
) -> None:
    tenant = tenants.tenant()
    keys = [tenants.key(tenant) for _ in range(3)]
    place.limit("both", "tenant", 5, HOUR)
    place.limit("both", "user", 2, HOUR)
    place.plan(tenant, "both")
    place.known(tenants, "both")
    # had the two refusals of the first been charged to the tenant, one would be left for the others
    assert [place.ask(at, keys[at], 4).admitted for at in range(3)] == [2, 2, 1]
    assert place.ask(3, keys[2]).refused == 1


def test_a_plan_wins_over_the_default_one_and_may_be_free(
    place: LimitsWorld, tenants: Tenants
) -> None:
    poor, rich = tenants.tenant(), tenants.tenant()
    place.limit("default", "user", 2, HOUR)
    place.limit("rich", "user", 0, HOUR)
    place.plan(rich, "rich")
    place.known(tenants, "default")
    assert place.ask(0, tenants.key(poor), 3).admitted == 2
    assert place.ask(0, tenants.key(rich), 9).admitted == 9
    place.plan(rich, None)
    place.known(tenants, "none")
    assert place.ask(1, tenants.key(rich), 3).admitted == 2


# ---- who is the client ----


# What a client behind the proxy sends, in which {n} differs; whether it has one bucket then.
SEEN = {
    "{n}.2.3.4, 192.0.2.10": True,  # what stands left of the client is its own word
    "192.0.2.20, 127.0.0.{n}": True,  # a proxy behind a proxy
    "2001:db8:1:2::{n}": True,  # one /64
    "2001:db8:1:{n}::1": False,
    "192.0.2.{n}": False,
    "192.0.2.30, not-an-address-{n}": True,  # the proxy itself
}


def test_a_client_is_known_by_what_trusted_proxies_say(
    place: LimitsWorld, tenants: Tenants
) -> None:
    key = tenants.key(tenants.tenant())
    place.limit("default", "ip", 3, HOUR)
    place.known(tenants, "proxies")
    found = {}
    for seen in SEEN:
        asked = [
            place.ask(n % 4, key, 1, **{"X-Forwarded-For": seen.format(n=n)}) for n in range(40, 46)
        ]
        found[seen] = sum(a.admitted for a in asked)
    assert found == {seen: 3 if one else 6 for seen, one in SEEN.items()}


def test_who_guesses_keys_is_limited_by_address(place: LimitsWorld, tenants: Tenants) -> None:
    place.limit("default", "ip", 3, HOUR)
    place.known(tenants, "guesses")
    headers = {"X-Forwarded-For": "192.0.2.99", "Authorization": "Bearer lh_guessed"}
    told = [httpx.get(f"{url}/v1/jobs", headers=headers) for url in place.urls]
    assert [reply.status_code for reply in told] == [401, 401, 401, 429]


def test_who_guesses_keys_for_tokens_is_limited_by_address(
    place: LimitsWorld, tenants: Tenants
) -> None:
    place.limit("default", "ip", 3, HOUR)
    place.known(tenants, "token-guesses")
    headers = {"X-Forwarded-For": "192.0.2.98", "Authorization": "Basic bGg6Z3Vlc3NlZA=="}
    form = {"grant_type": "client_credentials"}
    told = [httpx.post(f"{url}/v1/auth/token", headers=headers, data=form) for url in place.urls]
    assert [reply.status_code for reply in told] == [401, 401, 401, 429]
    assert told[3].json()["violated-policies"] == ["ip"]


# ---- what clients are told ----


def test_headers_say_how_much_is_left(place: LimitsWorld, tenants: Tenants) -> None:
    tenant = tenants.tenant()
    key = tenants.key(tenant)
    place.limit("headers", "user", 4, HOUR)
    place.limit("headers", "tenant", 100, HOUR)
    place.plan(tenant, "headers")
    place.known(tenants, "headers")
    for left in (3, 2, 1):
        reply = httpx.get(f"{place.urls[0]}/v1/jobs", headers=bearer(key))
        assert reply.headers["ratelimit-policy"] == '"user";q=4;w=3600'
        policy, r, t = re.fullmatch(r'"(\w+)";r=(\d+);t=(\d+)', reply.headers["ratelimit"]).groups()
        assert (policy, int(r)) == ("user", left)
        # all of them again, when what was used has come back at one in a quarter of an hour
        assert 0 < (4 - left) * 900 - int(t) + 1 <= 900
    place.ask(1, key)
    reply = httpx.get(f"{place.urls[1]}/v1/jobs", headers=bearer(key))
    assert reply.status_code == 429
    assert reply.headers["content-type"] == "application/problem+json"
    body = reply.json()
    assert body["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert body["violated-policies"] == ["user"] and body["code"] == "rate_limited"
    policy, r, t = re.fullmatch(r'"(\w+)";r=(\d+);t=(\d+)', reply.headers["ratelimit"]).groups()
    assert (policy, r) == ("user", "0")
    assert int(reply.headers["retry-after"]) >= int(t) and 0 < int(t) <= 900


def test_the_official_sdk_sees_a_rate_limit(place: LimitsWorld, tenants: Tenants) -> None:
    tenant = tenants.tenant()
    key = tenants.key(tenant)
    place.limit("sdk", "user", 1, HOUR)
    place.plan(tenant, "sdk")
    place.known(tenants, "sdk")
    place.ask(0, key)
    sdk = openai.OpenAI(base_url=f"{place.urls[2]}/v1", api_key=key, max_retries=0)
    with pytest.raises(openai.RateLimitError) as caught:
        sdk.get("/jobs", cast_to=object)
    assert int(caught.value.response.headers["retry-after"]) > 0
    # its own paths speak its own words; who would have to wait long need not try again
    with pytest.raises(openai.RateLimitError) as caught:
        sdk.models.list()
    error, headers = caught.value, caught.value.response.headers
    assert (error.type, error.code) == ("requests", "rate_limit_exceeded")
    assert "the limit of this user is used up: 1 requests in 3600 s" in error.message
    assert int(headers["retry-after"]) > 60 and headers["x-should-retry"] == "false"
    assert headers["ratelimit-policy"] == '"user";q=1;w=3600'
    sdk.close()


def test_operators_and_health_have_no_limit(place: LimitsWorld, tenants: Tenants) -> None:
    place.limit("default", "ip", 1, HOUR)
    place.limit("default", "global", 1, HOUR)
    key = tenants.key(tenants.tenant())
    until("the limit holds", lambda: place.ask(0, key).refused)
    for path in ("/v1/limits", "/v1/limits", "/metrics"):
        assert place.admin.http.get(path).status_code == 200
    assert {httpx.get(f"{place.urls[0]}/healthz").status_code for _ in range(3)} == {200}


# ---- what Redis may do ----


def test_a_flushed_script_is_loaded_again(place: LimitsWorld, tenants: Tenants) -> None:
    _, key = used_up(place, tenants, 12, 1)
    local = place.told("longhaul_request_limit_local_total")
    with place.redis() as redis:
        redis("SCRIPT", "FLUSH")
    assert place.ask_all(key, 2).admitted == 8
    assert place.ask_all(key, 1).admitted == 0
    assert place.told("longhaul_request_limit_local_total") == local


def test_an_emptied_redis_lets_no_second_burst_by(place: LimitsWorld, tenants: Tenants) -> None:
    _, key = used_up(place, tenants, 12, 3)
    assert place.ask_all(key, 1).admitted == 0  # all of them know
    with place.redis() as redis:
        redis("FLUSHALL")
    assert place.ask_all(key, 3).admitted == 0


def test_a_clock_that_jumps_shuts_nobody_out(place: LimitsWorld, tenants: Tenants) -> None:
    """An arrival time a year ahead is what a clock that was set back by a year leaves behind."""
    tenant = tenants.tenant()
    key = tenants.key(tenant)
    place.limit("clock", "tenant", 200, 60)
    place.plan(tenant, "clock")
    place.known(tenants, "clock")
    with place.redis() as redis:
        redis("FLUSHALL")
        (bucket,) = until("a bucket", lambda: place.ask(0, key) and redis("KEYS", f"{KEYS}*"))
        year_us = 365 * 86400 * 1000000
        redis("SET", bucket, str(redis_now(redis) + year_us))
        assert place.ask(1, key).refused == 1
        assert float(redis("GET", bucket)) - redis_now(redis) <= 60_000_000
        assert 0 < int(redis("PTTL", bucket)) <= 60_000
    until("it is let in", lambda: place.ask(1, key).admitted)


def test_without_redis_each_producer_keeps_to_its_share(
    place: LimitsWorld, tenants: Tenants
) -> None:
    """Half is used when Redis goes; four producers then let the other half in and no more, and
    when it is back, emptied, they tell it so."""
    until("all producers know each other", lambda: producers(place) == PRODUCERS)
    _, key = used_up(place, tenants, 48, 6)
    place.stack.stop("redis-limits")
    until("they know", lambda: place.told("longhaul_request_limit_shared") == [0] * PRODUCERS)
    asked = [place.ask(at, key, 12) for at in range(PRODUCERS)]
    assert [a.admitted for a in asked] == [6] * PRODUCERS
    assert sum(place.told("longhaul_request_limit_local_total")) >= 12 * PRODUCERS
    place.stack.start("redis-limits")
    until("Redis decides again", lambda: shared(place))
    with place.redis() as redis:
        assert redis("KEYS", f"{KEYS}*")
    assert place.ask_all(key, 2).admitted == 0


def test_a_silent_redis_is_not_waited_for(place: LimitsWorld, tenants: Tenants) -> None:
    """Stopped, it takes connections and answers nothing."""
    _, key = used_up(place, tenants, 400, 1)
    place.stack.signal("redis-limits", signal.SIGSTOP)
    try:
        assert place.ask(0, key, 3).admitted == 3
        assert place.told("longhaul_request_limit_shared")[0] == 0
    finally:
        place.stack.signal("redis-limits", signal.SIGCONT)
    until("Redis decides again", lambda: shared(place))


def test_what_was_let_in_while_redis_was_silent_is_told_to_it(
    place: LimitsWorld, tenants: Tenants
) -> None:
    """Its line stays open, so nothing says that it was away but the answer that comes too late."""
    until("all producers know each other", lambda: producers(place) == PRODUCERS)
    _, key = used_up(place, tenants, 48, 6)
    place.stack.signal("redis-limits", signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(PRODUCERS) as pool:
            asked = list(pool.map(lambda at: place.ask(at, key, 12), range(PRODUCERS)))
        assert [a.admitted for a in asked] == [6] * PRODUCERS
    finally:
        place.stack.signal("redis-limits", signal.SIGCONT)
    until("Redis decides again", lambda: shared(place))
    assert place.ask_all(key, 2).admitted == 0


def test_a_late_refusal_is_an_answer_too(place: LimitsWorld, tenants: Tenants) -> None:
    """Silent at first, then full: who was given up is asked again all the same."""
    _, key = used_up(place, tenants, 400, 1)
    with refused_late(place):
        assert place.ask(0, key).admitted == 1
        assert place.told("longhaul_request_limit_shared")[0] == 0
    until("Redis decides again", lambda: shared(place))


def test_without_limits_redis_is_not_asked(place: LimitsWorld, tenants: Tenants) -> None:
    key = tenants.key(tenants.tenant())
    place.clear()
    place.in_force(key, None)

    def calls() -> int:
        with place.redis() as redis:
            found = re.search(r"cmdstat_evalsha:calls=(\d+)", redis("INFO", "commandstats"))
        return int(found[1]) if found else 0

    before = calls()
    assert place.ask_all(key, 3).admitted == 3 * PRODUCERS
    assert calls() == before


# ---- operators ----


def test_limits_are_written_shown_and_tried(place: LimitsWorld, tenants: Tenants) -> None:
    admin, tenant = place.admin.http, tenants.tenant()
    dry = admin.put(
        "/v1/limits/tried/user", json={"requests": 5, "window_s": 60}, params={"dry_run": "true"}
    )
    assert made(dry, 200) == {
        "object": "limit",
        "plan": "tried",
        "level": "user",
        "before": None,
        "after": {"requests": 5, "window_s": 60, "burst": 5},
        "tenants": 0,
        "dry_run": True,
    }
    rows = [row for row in admin.get("/v1/limits").json()["data"] if row["plan"] == "tried"]
    assert rows == []
    for query in ("", "?dry_run=true"):
        reply = admin.put(f"/v1/tenants/{tenant}/plan{query}", json={"plan": "tried"})
        assert reply.status_code == 409
    place.limit("tried", "role:analyst", 5, 60, burst=2)
    place.plan(tenant, "tried")
    assert admin.get(f"/v1/tenants/{tenant}/plan").json()["plan"] == "tried"
    change = made(admin.delete("/v1/limits/tried/role:analyst?dry_run=true"), 200)
    assert change["tenants"] == 1 and change["after"] is None and change["before"]["burst"] == 2
    made(admin.delete("/v1/limits/tried/role:analyst"), 200)
    assert admin.delete("/v1/limits/tried/role:analyst").status_code == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("tried/nobody", {"requests": 5, "window_s": 60}),
        ("tried/role:", {"requests": 5, "window_s": 60}),
        ("tried/global", {"requests": 5, "window_s": 60}),
        ("Tried/user", {"requests": 5, "window_s": 60}),
        ("tried/user", {"requests": 5, "window_s": 60, "burst": 6}),
        ("tried/user", {"requests": 5, "window_s": 0}),
        ("tried/user", {"requests": 100000, "window_s": 1}),
        ("tried/user", {"requests": -1, "window_s": 60}),
        ("tried/user", {"window_s": 60}),
    ],
)
def test_what_makes_no_sense_is_refused(place: LimitsWorld, path: str, body: Any) -> None:
    assert place.admin.http.put(f"/v1/limits/{path}", json=body).status_code == 422


def test_a_limit_that_contradicts_another_is_refused_with_the_path(
    place: LimitsWorld, tenants: Tenants
) -> None:
    admin = place.admin.http
    place.limit("strict", "tenant", 100, 60)
    place.limit("strict", "user", 50, 60)
    for dry in ("true", "false"):
        reply = admin.put(
            "/v1/limits/strict/role:guest",
            json={"requests": 2, "window_s": 1},
            params={"dry_run": dry},
        )
        assert reply.status_code == 422
        (problem,) = reply.json()["errors"]
        assert problem["pointer"] == "/requests"
        assert "strict/role:guest > strict/tenant: 2 in 1 s" in problem["detail"]
    lower = admin.put("/v1/limits/strict/tenant", json={"requests": 49, "window_s": 60})
    assert lower.status_code == 422
    assert "strict/user > strict/tenant" in lower.json()["errors"][0]["detail"]
    place.limit("default", "tenant", 10, 60)
    gone = admin.delete("/v1/limits/strict/tenant")
    assert gone.status_code == 409
    assert "strict/user > default/tenant" in gone.json()["detail"]
    made(admin.delete("/v1/limits/strict/user"), 200)
    made(admin.delete("/v1/limits/strict/tenant"), 200)


def test_changes_made_at_once_do_not_contradict_each_other(place: LimitsWorld) -> None:
    """Each is fine beside what stood before, both together are not: one of them comes second."""
    place.limit("race", "tenant", 100, 60)
    place.limit("race", "user", 10, 60)
    changes = {"user": 90, "tenant": 20}
    ready = threading.Barrier(2)
    told: dict[str, int] = {}

    def change(level: str) -> None:
        with httpx.Client(
            base_url=place.admin.http.base_url, headers=place.admin.http.headers, timeout=60
        ) as http:
            ready.wait()
            body = {"requests": changes[level], "window_s": 60}
            told[level] = http.put(f"/v1/limits/race/{level}", json=body).status_code

    for _ in range(10):
        threads = [threading.Thread(target=change, args=[level]) for level in changes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(told.values()) <= {200, 409, 422} and list(told.values()).count(200) <= 1
        rows = place.admin.http.get("/v1/limits").json()["data"]
        now = {row["level"]: row["requests"] for row in rows if row["plan"] == "race"}
        assert now["user"] <= now["tenant"]
        place.limit("race", "user", 10, 60)
        place.limit("race", "tenant", 100, 60)


def test_being_refused_is_no_way_around_a_limit(place: LimitsWorld, tenants: Tenants) -> None:
    """A key too narrow for the call, and an operator's at the tenants' door."""
    place.limit("default", "ip", 3, HOUR)
    place.known(tenants, "refused")
    narrow = tenants.key(tenants.tenant(), scope="job:submit")
    keys = {"192.0.2.97": narrow, "192.0.2.96": place.stack.env["LONGHAUL_ADMIN_KEY"]}
    for address, key in keys.items():
        headers = {"X-Forwarded-For": address, "Authorization": f"Bearer {key}"}
        told = [httpx.get(f"{url}/v1/jobs", headers=headers) for url in place.urls]
        assert [reply.status_code for reply in told] == [403, 403, 403, 429]
