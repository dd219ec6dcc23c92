"""What tests of request limits share: producers, plans, a look into Redis, clients that ask."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import yaml
from client import Client, until
from roles_world import made

KEYS = "lh:limit:"
# Malformed on purpose: its limits are asked, and nothing else is done for it.
NOTHING = b"{"
PROBE = "198.51.100.77"
PRODUCERS = 4
HOUR = 3600


class Wire:
    """A few commands of Redis, as it speaks."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.file = self.socket.makefile("rb")

    def __call__(self, *words: str | bytes) -> Any:
        out = b"*%d\r\n" % len(words)
        for word in words:
            told = word.encode() if isinstance(word, str) else word
            out += b"$%d\r\n%s\r\n" % (len(told), told)
        self.socket.sendall(out)
        return self.read()

    def read(self) -> Any:
        line = self.file.readline().rstrip(b"\r\n")
        kind, rest = line[:1], line[1:]
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2].decode()
        assert kind in b"+:", line
        return rest.decode()

    def close(self) -> None:
        self.file.close()
        self.socket.close()


class Tenants:
    """A tenant of its own for each test, so that no bucket is another's."""

    def __init__(self, stack: Any, admin: Client) -> None:
        self.stack, self.admin = stack, admin

    def tenant(self) -> str:
        name = str(self.stack.psql("select 't' || substr(gen_random_uuid()::text, 1, 13)")[0][0])
        made(self.admin.http.post("/v1/tenants", json={"name": name}), 201)
        return name

    def key(self, tenant: str, **more: Any) -> str:
        reply = self.admin.http.post("/v1/api-keys", json={"tenant": tenant, **more})
        return str(made(reply, 201)["key"])


@dataclass
class Asked:
    """What became of many requests."""

    admitted: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)


class LimitsWorld:
    def __init__(self, stack: Any, admin: Client) -> None:
        self.stack, self.admin = stack, admin
        names = sorted(p.stem for p in stack.layout.etc.glob("producer-*.yaml"))
        trees = {
            name: yaml.safe_load((stack.layout.etc / f"{name}.yaml").read_text()) for name in names
        }
        self.producers = names
        self.urls = [f"http://{trees[name]['producer']['listen']}" for name in names]
        self.admins = [f"http://{trees[name]['producer']['admin_listen']}" for name in names]
        self.busy: set[str] = set()  # tenants that may have jobs

    # ---- plans ----

    def limit(self, plan: str, level: str, requests: int, window_s: int, **more: int) -> None:
        body = {"requests": requests, "window_s": window_s, **more}
        made(self.admin.http.put(f"/v1/limits/{plan}/{level}", json=body), 200)

    def plan(self, tenant: str, plan: str | None) -> None:
        made(self.admin.http.put(f"/v1/tenants/{tenant}/plan", json={"plan": plan}), 200)

    def clear(self) -> None:
        for row in self.admin.http.get("/v1/limits").json()["data"]:
            if row["plan"]:
                made(self.admin.http.delete(f"/v1/limits/{row['plan']}/{row['level']}"), 200)

    def cancel_jobs(self) -> None:
        for tenant in self.busy:
            reply = self.admin.http.post(
                f"/v1/tenants/{tenant}/jobs/cancel", json={"queue": "default"}
            )
            made(reply, 200)
        self.busy.clear()

    def in_force(self, key: str, policy: str | None) -> None:
        """Until every producer says so; each asks once or a few times."""

        def is_so(url: str) -> bool:
            reply = httpx.get(
                f"{url}/v1/jobs", headers={**bearer(key), "X-Forwarded-For": PROBE}, timeout=20
            )
            return reply.headers.get("ratelimit-policy") == policy

        for url in self.urls:
            until(f"{url} limits by {policy}", lambda url=url: is_so(url))

    def known(self, tenants: Tenants, plan: str) -> None:
        """Until every producer has read what was changed before: a further change tells."""
        tenant = tenants.tenant()
        key = tenants.key(tenant)
        mark = f"{plan}-{tenant}"
        self.limit(mark, "user", 77777, 7)
        self.limit(mark, "ip", 0, 7)
        self.plan(tenant, mark)
        self.in_force(key, '"user";q=77777;w=7')

    # ---- Redis ----

    @contextlib.contextmanager
    def redis(self) -> Iterator[Wire]:
        tree = yaml.safe_load((self.stack.layout.etc / "producer-1.yaml").read_text())
        wire = Wire(int(tree["redis"]["limits_url"].rpartition(":")[2]))
        try:
            yield wire
        finally:
            wire.close()

    def now(self) -> float:
        with self.redis() as redis:
            seconds, micros = redis("TIME")
        return int(seconds) + int(micros) / 1e6

    # ---- metrics ----

    def told(self, name: str, **labels: str) -> list[float]:
        """A metric of each producer; 0 where it is not told."""
        found = []
        for url in self.admins:
            page = httpx.get(
                f"{url}/metrics", headers=dict(self.admin.http.headers), timeout=20
            ).text
            text = "".join(f'{k}="{v}"' for k, v in labels.items())
            start = f"{name}{{{text}}} " if labels else f"{name} "
            values = [
                float(line[len(start) :]) for line in page.splitlines() if line.startswith(start)
            ]
            found.append(sum(values))
        return found

    # ---- asking ----

    def ask(self, at: int, key: str, n: int = 1, **headers: str) -> Asked:
        """n requests of one key to one producer, one after the other."""
        asked = Asked()
        with httpx.Client(base_url=self.urls[at], timeout=20) as http:
            for _ in range(n):
                judge(
                    asked,
                    http.post("/v1/jobs", content=NOTHING, headers={**bearer(key), **headers}),
                )
        assert not asked.faults, asked.faults
        return asked

    def ask_all(self, key: str, n: int) -> Asked:
        """n requests to each producer, in turn."""
        whole = Asked()
        for _ in range(n):
            for at in range(len(self.urls)):
                one = self.ask(at, key)
                whole.admitted += one.admitted
                whole.refused += one.refused
        return whole


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def judge(asked: Asked, reply: httpx.Response) -> None:
    if reply.status_code == 400:
        asked.admitted += 1
    elif reply.status_code == 429:
        asked.refused += 1
    else:
        asked.faults.append(f"{reply.status_code} {reply.text[:200]}")


class Crowd:
    """Clients that never cease to ask, until they are told to."""

    def __init__(self, urls: list[str], keys: list[str], clients: int) -> None:
        self.urls, self.keys = urls, keys
        self.end = threading.Event()
        self.lock = threading.Lock()
        self.asked = Asked()
        self.rounds = [0] * clients  # refusals of each
        self.threads = [threading.Thread(target=self.run, args=[i]) for i in range(clients)]

    def run(self, i: int) -> None:
        headers = {"Authorization": f"Bearer {self.keys[i % len(self.keys)]}"}
        with httpx.Client(
            base_url=self.urls[i % len(self.urls)], timeout=60, headers=headers
        ) as http:
            while not self.end.is_set():
                self.judge(i, http.post("/v1/jobs", content=NOTHING))

    def judge(self, i: int, reply: httpx.Response) -> None:
        with self.lock:
            judge(self.asked, reply)
            self.rounds[i] += reply.status_code == 429

    def refused_anew(self) -> Callable[[], bool]:
        """Has one of them asked, from now on, and been refused? The first refusal may have been
        under way already; the second of the same client was not."""
        before = list(self.rounds)
        return lambda: any(now >= was + 2 for now, was in zip(self.rounds, before, strict=True))

    def __enter__(self) -> Crowd:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end.set()
        for thread in self.threads:
            thread.join()


def shared(place: LimitsWorld) -> bool:
    return place.told("longhaul_request_limit_shared") == [1] * PRODUCERS


def used_up(place: LimitsWorld, tenants: Tenants, requests: int, by: int) -> tuple[str, str]:
    """A tenant with a limit for an hour, of which every producer knows that by x 4 are used."""
    tenant = tenants.tenant()
    key = tenants.key(tenant)
    place.limit("redis", "tenant", requests, HOUR)
    place.plan(tenant, "redis")
    place.known(tenants, "redis")
    assert place.ask_all(key, by).admitted == by * PRODUCERS
    return tenant, key


def two(place: LimitsWorld, tenants: Tenants) -> tuple[list[str], str]:
    """Two keys of one tenant, and one of another, both of them on the plan."""
    mine, theirs = tenants.tenant(), tenants.tenant()
    for tenant in (mine, theirs):
        place.plan(tenant, "leveled")
    return [tenants.key(mine, roles=["submitter"]) for _ in range(2)], tenants.key(theirs)


FROM = [{"X-Forwarded-For": f"203.0.113.{n}"} for n in range(3)]


@contextlib.contextmanager
def refused_late(place: LimitsWorld) -> Iterator[None]:
    """Redis counts nothing meanwhile, and refuses at the end, being full, what it was asked."""

    def refusals() -> int:
        log = place.stack.layout.log / "producer-1.log"
        return log.read_text().count("Redis refused to count requests")

    told = refusals()
    with place.redis() as redis:
        assert redis("CLIENT", "PAUSE", "60000", "WRITE") == "OK"
        try:
            yield
            assert redis("CONFIG", "SET", "maxmemory", "1") == "OK"
            assert redis("CLIENT", "UNPAUSE") == "OK"
            until("it refuses", lambda: refusals() > told or shared(place))
        finally:
            redis("CLIENT", "UNPAUSE")
            redis("CONFIG", "SET", "maxmemory", "0")


def producers(place: LimitsWorld) -> int:
    return int(
        place.stack.psql(
            "select count(*) from process where program = 'producer'"
            " and seen_at > now() - interval '30 seconds'"
        )[0][0]
    )


def redis_now(redis: Wire) -> int:
    """As the script counts: microseconds since 2026."""
    seconds, micros = redis("TIME")
    return (int(seconds) - 1767225600) * 1000000 + int(micros)
