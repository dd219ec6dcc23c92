"""What the time of a 404 tells: somebody else's thing, or nobody's?"""

import gc
import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from time import perf_counter_ns
from typing import Any
from urllib.parse import urlsplit

from longhaul_dev.fault import Fault

from longhaul_bench.figure import Sample, benchmark
from longhaul_bench.load import share
from longhaul_bench.sharing import hung
from longhaul_bench.stage import QUEUE, Play, Stage
from longhaul_bench.work import noop

ASKS = 5_000  # of each side at each door
THINGS = 200
RUNNING = 50
ISSUERS = 20
VICTIM, STRANGER = 0, 1  # tenants
LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
CHANCE = 12  # the last letters of an id: all of them by chance
REPLY_MAX = 64 << 10


@dataclass(frozen=True)
class Door:
    """A call that takes an id; it is asked by the key named, for what `things` names."""

    name: str
    key: str
    things: str
    method: str
    path: str
    headers: str = ""
    body: str = ""


DOORS = (
    Door("job", "stranger", "jobs", "GET", "/v1/jobs/{}"),
    Door("job-tag", "stranger", "jobs", "GET", "/v1/jobs/{}", 'If-None-Match: "1"\r\n'),
    Door("job-whole", "stranger", "jobs", "GET", "/v1/jobs/{}?expand=input,attempts,events"),
    Door("events", "stranger", "jobs", "GET", "/v1/jobs/{}/events"),
    Door("cancel", "stranger", "jobs", "POST", "/v1/jobs/{}/cancel"),
    Door("change", "stranger", "jobs", "PATCH", "/v1/jobs/{}", body='{"priority":5}'),
    Door("delete", "stranger", "jobs", "DELETE", "/v1/jobs/{}"),
    Door("key-end", "stranger", "keys", "DELETE", "/v1/api-keys/{}"),
    Door("key-rotate", "stranger", "keys", "POST", "/v1/api-keys/{}/rotate", body="{}"),
    Door("issuer", "stranger", "issuers", "DELETE", "/v1/issuers/{}"),
    Door("revocation", "stranger", "revocations", "DELETE", "/v1/revocations/{}"),
    Door("user", "stranger", "users", "GET", "/v1/users/{}"),
    # of the same tenant, by a key that sees its own jobs alone
    Door("job-of-another", "guest", "jobs", "GET", "/v1/jobs/{}"),
    Door("cancel-of-another", "guest", "jobs", "POST", "/v1/jobs/{}/cancel"),
)


@benchmark("not-found", "AUC from 0.5", "<= 0.02 at every door", "-")
def not_found(stage: Stage, runs: int) -> Iterator[Sample]:
    """404 for what another has against 404 for what nobody has, in random turns by one connection:
    the chance that their times put one of each in the right order (area under the ROC curve, with
    its 95 % interval), as its distance from 0.5, which tells nothing; the door where it is
    largest."""
    with stage.play(tenants=2, workers=1) as play:
        keys = keys_of(play)
        theirs = things_of(play)
        for _ in range(runs):
            doors = {door.name: told(play, door, keys[door.key], theirs) for door in DOORS}
            worst = max(doors, key=lambda name: abs(doors[name]["auc"] - 0.5))
            more = {"asks": ASKS, "worst": worst, "doors": doors}
            yield Sample(abs(doors[worst]["auc"] - 0.5), more)


def keys_of(play: Play) -> dict[str, str]:
    roles = {"stranger": (STRANGER, "tenant-admin"), "guest": (VICTIM, "submitter")}
    return {
        name: play.admin.json(
            "POST", "/v1/api-keys", {"tenant": f"bench{tenant}", "roles": [role]}
        )["key"]
        for name, (tenant, role) in roles.items()
    }


def things_of(play: Play) -> dict[str, list[str]]:
    """What the victim has: jobs that are over, wait and run, and all else that has a name."""
    client, tenant = play.clients[VICTIM], f"bench{VICTIM}"
    jobs = client.bulk([noop(n) for n in range(THINGS)])
    play.wait_ended()
    jobs += client.bulk([hung(n, QUEUE) for n in range(RUNNING)])
    play.wait(lambda: play.number("select count(*) from job_lease") == RUNNING, "the calls", 30)
    play.queue(QUEUE, "pause")
    jobs += client.bulk([noop(n) for n in range(THINGS)])
    keys, users, issuers = [], [], []
    admin = play.admin
    for n in range(THINGS):
        users.append(f"person{n}")
        admin.call("PUT", f"/v1/tenants/{tenant}/users/{users[-1]}", {"roles": ["guest"]})
        keys.append(admin.json("POST", "/v1/api-keys", {"tenant": tenant})["id"])
        admin.call("POST", "/v1/revocations", {"tenant": tenant, "user": keys[-1]})
    for n in range(ISSUERS):
        secret = "".join(random.choices(LETTERS, k=40))
        issuer = {"tenant": tenant, "issuer": f"https://idp{n}.example.org", "audience": "longhaul"}
        issuers.append(
            admin.json("POST", "/v1/issuers", issuer | {"secret": secret, "kid": "1"})["id"]
        )
    listed = admin.json("GET", f"/v1/revocations?tenant={tenant}")["data"]
    return {
        "jobs": jobs,
        "keys": keys,
        "users": users,
        "issuers": issuers,
        "revocations": [row["id"] for row in listed],
    }


def told(play: Play, door: Door, key: str, theirs: dict[str, list[str]]) -> dict[str, Any]:
    """What the times at one door tell. All questions are made before the first is asked."""
    line = Line(play.url, key)
    things = {True: theirs[door.things], False: [nobodys(one) for one in theirs[door.things]]}
    sides = [True, False] * ASKS
    random.shuffle(sides)
    asked = [(side, line.question(door, random.choice(things[side]))) for side in sides]
    times: dict[bool, list[float]] = {True: [], False: []}
    gc.disable()
    try:
        for side, question in asked:
            times[side].append(line.ask(question))
    finally:
        gc.enable()
        line.close()
    auc, half = area(times[True], times[False])
    return {
        "auc": round(auc, 4),
        "interval": [round(auc - half, 4), round(auc + half, 4)],
        "anothers_ms": marks(times[True]),
        "nobodys_ms": marks(times[False]),
    }


def nobodys(thing: str) -> str:
    """As old and as long as that one, and of nobody."""
    chance = "".join(random.choices(LETTERS, k=CHANCE))
    return thing[:-CHANCE] + chance if "_" in thing else f"nobody{thing.removeprefix('person')}"


def marks(times: list[float]) -> list[float]:
    ordered = sorted(times)
    return [round(share(ordered, part), 3) for part in (0.5, 0.9, 0.99)]


def area(ones: list[float], others: list[float]) -> tuple[float, float]:
    """The chance that one of the first is greater than one of the others (half of it where they
    are equal), and half of its 95 % interval (Hanley and McNeil, Radiology 143, 1982)."""
    ranked = sorted([(time, True) for time in ones] + [(time, False) for time in others])
    above, n = 0.0, len(ranked)
    at = below = 0
    while at < n:
        end = at
        while end < n and ranked[end][0] == ranked[at][0]:
            end += 1
        same = sum(mine for _, mine in ranked[at:end])
        above += same * (below + (end - at - same) / 2)
        below += end - at - same
        at = end
    a = above / (len(ones) * len(others))
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    spread = a * (1 - a) + (len(ones) - 1) * (q1 - a * a) + (len(others) - 1) * (q2 - a * a)
    return a, 1.96 * sqrt(spread / (len(ones) * len(others)))


class Line:
    """One connection, and as little between the question and the clock as there can be."""

    def __init__(self, url: str, key: str) -> None:
        at = urlsplit(url)
        self._host, self._key = at.netloc, key
        self._socket = socket.create_connection((at.hostname, at.port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        self._socket.close()

    def question(self, door: Door, thing: str) -> bytes:
        head = f"{door.method} {door.path.format(thing)} HTTP/1.1\r\nHost: {self._host}\r\n"
        head += f"Authorization: Bearer {self._key}\r\n{door.headers}"
        if door.body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(door.body)}\r\n"
        return f"{head}\r\n{door.body}".encode()

    def ask(self, question: bytes) -> float:
        """Milliseconds until the whole refusal was here."""
        began = perf_counter_ns()
        self._socket.sendall(question)
        reply = self._socket.recv(REPLY_MAX)
        while not whole(reply):
            reply += self._socket.recv(REPLY_MAX)
        took = perf_counter_ns() - began
        if not reply.startswith(b"HTTP/1.1 404 "):
            raise Fault(f"no 404: {question[:80]!r} {reply[:300]!r}")
        return took / 1e6


def whole(reply: bytes) -> bool:
    head, blank, body = reply.partition(b"\r\n\r\n")
    if not reply or not blank:
        return not reply
    length = next(
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    return len(body) >= length
