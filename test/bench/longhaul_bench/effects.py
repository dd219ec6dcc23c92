"""How soon an operator's word holds everywhere."""

import itertools
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import quote

from checker import typeid_uuid
from longhaul_dev.fault import Fault

from longhaul_bench.figure import Sample, benchmark
from longhaul_bench.native import Native
from longhaul_bench.sharing import hung
from longhaul_bench.stage import Play, Stage

ROUNDS = 5  # in a run
WORKERS, PRODUCERS = 2, 2
WATCH_S = 1.5  # what still happens after a word is looked for so long
SEEN_S = 20.0  # what is to begin must begin by then
LOOK_S = 0.1
TINY_S = 1e-6  # more than nothing, which means: look again
SETTLE_S = 2.0
PACE_S = 0.008  # between two submits of each producer
WIDE, NARROW = 20, 4  # concurrency of the queue under load
MANY = 40  # jobs that are started anew, or cancelled, at once
CALLS = 5
QUIET_S = 0.5  # a failing upstream that gets calls further apart is left alone

LOADED, BLOCKED, DOWN = "loaded", "blocked", "down"  # queues, and
MODELS = {
    LOADED: "sim-loaded?ttft_ms=40&tokens=2",
    BLOCKED: "sim-blocked?ttft_ms=20&tokens=2",
    DOWN: "sim-down?fail=503",
}
REDRIVEN, CANCELLED = "redriven", "cancelled"

Effects = dict[str, list[float]]


class Claim(NamedTuple):
    worker: str
    began: float
    ended: float


@benchmark("effect", "s", "<= 2 s", "-")
def effect(stage: Stage, runs: int) -> Iterator[Sample]:
    """From the answer to an operator's call until the last effect of it is seen anywhere, two
    workers and two producers under load: the longest of all rounds of all calls; beside it p50 and
    the longest of each."""
    shape = {"workers": WORKERS, "producers": PRODUCERS}
    with stage.play(tenants=2, **shape) as play:
        scene = Scene(play)
        with scene.load():
            for _ in range(runs):
                yield run(scene)


def run(scene: "Scene") -> Sample:
    found: Effects = defaultdict(list)
    tracks = (queue_round, breaker_round, jobs_round)
    with ThreadPoolExecutor(len(tracks)) as pool:
        for done in [pool.submit(rounds, scene, track, found) for track in tracks]:
            done.result()
    rounds(scene, worker_round, found)
    each = {
        name: {"p50": round(median(took), 3), "max": round(max(took), 3), "rounds": len(took)}
        for name, took in found.items()
    }
    return Sample(max(one["max"] for one in each.values()), each)


def rounds(scene: "Scene", track: Callable[["Scene", Effects], None], found: Effects) -> None:
    for _ in range(ROUNDS):
        track(scene, found)


class Scene:
    """The stack under load, and what happened in it."""

    def __init__(self, play: Play) -> None:
        self.play = play
        ports = json.loads(play.stack.layout.state.read_text())["ports"]
        self._urls = [f"http://127.0.0.1:{ports[f'producer-{n + 1}']}" for n in range(PRODUCERS)]
        for queue in (*MODELS, REDRIVEN, CANCELLED):
            self.patch(queue, {"concurrency": WIDE if queue == LOADED else 0})
        time.sleep(SETTLE_S)  # every process has heard of them
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._calls: list[dict[str, Any]] = []
        self.taken: list[tuple[float, int]] = []  # when a submit began that was accepted, and where

    # Words.

    def word(self, method: str, path: str, body: Any = None) -> float:
        """Says it; the moment of the answer."""
        self.play.admin.call(method, path, body)
        return time.time()

    def patch(self, queue: str, settings: dict[str, Any]) -> float:
        return self.word("PATCH", f"/v1/queues/{queue}", settings)

    def breaker(self, model: str, mode: str) -> float:
        path = f"/v1/upstreams/simulator/models/{quote(model, safe='')}/breaker"
        return self.word("PUT", path, {"mode": mode})

    # What goes on meanwhile.

    @contextmanager
    def load(self) -> Iterator[None]:
        with ThreadPoolExecutor(PRODUCERS) as pool:
            going = [pool.submit(self._submit, n) for n in range(PRODUCERS)]
            try:
                yield
            finally:
                self._over.set()
                for done in going:
                    done.result()

    def _submit(self, number: int) -> None:
        """Most for the queue under load, some for the others; a refusal is none of ours."""
        client = Native(self._urls[number], self.play.keys[number])
        turn = 0
        while not self._over.wait(PACE_S):
            queue = (BLOCKED, DOWN)[turn // 4 % 2] if turn % 4 == 3 else LOADED
            turn += 1
            began = time.time()
            try:
                client.call("POST", "/v1/jobs", job(queue))
            except Fault as fault:
                if "queue_" not in str(fault):
                    raise
                continue
            if queue == LOADED:
                self.taken.append((began, number))

    # What was seen.

    def calls(self, since: float, model: str) -> list[dict[str, Any]]:
        """What the simulator was asked for that model since then."""
        with self._lock:
            after = self._calls[-1]["number"] + 1 if self._calls else 0
            self._calls += self.play.calls(after=after)
            return [
                call
                for call in self._calls
                if call["at_us"] >= since * 1e6 and call["model"] == model
            ]

    def claims(self, since: float, queue: str = "") -> list[Claim]:
        """Of a queue, or of all: those that began since then or had not ended by then."""
        where = f"where name = '{queue}'" if queue else ""
        rows = self.play.stack.psql(
            "select c.worker_id, extract(epoch from c.started_at),"
            " extract(epoch from coalesce(c.ended_at, now() + interval '1 hour')) from"
            " (select a.worker_id, a.started_at, a.ended_at, j.queue_id from attempt a"
            f"  join job j using (tenant_id, job_id) where a.ended_at >= to_timestamp({since!r})"
            "  union all select worker_id, started_at, null, queue_id from job_lease) c"
            f" join queue using (queue_id) {where} order by 2"
        )
        return [Claim(worker, float(began), float(ended)) for worker, began, ended in rows]

    def seen(self, look: Callable[[], Any], what: str) -> Any:
        """What look gives as soon as that is true."""
        end = time.monotonic() + SEEN_S
        while not (found := look()):
            if time.monotonic() > end:
                raise Fault(f"not within {SEEN_S:g} s: {what}")
            time.sleep(LOOK_S)
        return found


def job(queue: str) -> dict[str, Any]:
    message = {"role": "user", "content": "Say something."}
    body = {"kind": "chat", "queue": queue, "max_attempts": 1}
    return body | {"input": {"model": MODELS[queue], "messages": [message]}}


def last_after(said: float, times: list[float]) -> float:
    """How long after a word the last of them was; 0: none was."""
    return max([0.0, *(at - said for at in times)])


# Queues: paused, resumed, drained, let in again, narrowed, widened.


def queue_round(scene: Scene, found: Effects) -> None:
    found["pause"].append(paused(scene))
    found["resume"].append(resumed(scene))
    found["drain"].append(drained(scene))
    found["resume a drained queue"].append(let_in(scene))
    found["narrow"].append(narrowed(scene))
    found["widen"].append(widened(scene))


def paused(scene: Scene) -> float:
    """Until the last claim anywhere."""
    said = scene.word("POST", f"/v1/queues/{LOADED}/pause")
    time.sleep(WATCH_S)
    return last_after(said, [claim.began for claim in scene.claims(said, LOADED)])


def resumed(scene: Scene) -> float:
    """Until the first claim."""
    said = scene.word("POST", f"/v1/queues/{LOADED}/resume")

    def first() -> float:
        return min(
            (c.began - said for c in scene.claims(said, LOADED) if c.began > said), default=0.0
        )

    return scene.seen(first, "claims after a resume")


def drained(scene: Scene) -> float:
    """Until the last submit began that any producer accepted."""
    said = scene.word("POST", f"/v1/queues/{LOADED}/drain")
    time.sleep(WATCH_S)
    return last_after(said, [began for began, _ in scene.taken])


def let_in(scene: Scene) -> float:
    """Until every producer has accepted a submit."""
    said = scene.word("POST", f"/v1/queues/{LOADED}/resume")

    def all_took() -> float:
        first: dict[int, float] = {}
        for began, producer in scene.taken:
            if began >= said:
                first.setdefault(producer, began)
        return max(first.values()) - said if len(first) == PRODUCERS else 0.0

    return scene.seen(all_took, "submits taken by all producers")


def narrowed(scene: Scene) -> float:
    """Until the last claim that made more run than may."""
    said = scene.patch(LOADED, {"concurrency": NARROW})
    time.sleep(WATCH_S)
    claims = scene.claims(said, LOADED)
    return last_after(said, [one.began for one in claims if running(claims, one) > NARROW])


def widened(scene: Scene) -> float:
    """Until more run than might before."""
    said = scene.patch(LOADED, {"concurrency": WIDE})

    def wide() -> float:
        claims = scene.claims(said, LOADED)
        more = [c.began - said for c in claims if c.began > said and running(claims, c) > NARROW]
        return min(more, default=0.0)

    return scene.seen(wide, "more running than before")


def running(claims: list[Claim], at: Claim) -> int:
    return sum(one.began <= at.began < one.ended for one in claims)


# Breakers: blocked, set free; of a dead upstream allowed, set free.


def breaker_round(scene: Scene, found: Effects) -> None:
    found["block"].append(blocked(scene))
    found["auto after block"].append(called_again(scene, BLOCKED, "auto"))
    found["allow"].append(called_again(scene, DOWN, "allow"))
    found["auto after allow"].append(left_alone(scene))


def blocked(scene: Scene) -> float:
    """Until the last call."""
    said = scene.breaker(MODELS[BLOCKED], "block")
    time.sleep(WATCH_S)
    return last_after(said, [c["at_us"] / 1e6 for c in scene.calls(said, MODELS[BLOCKED])])


def called_again(scene: Scene, queue: str, mode: str) -> float:
    """Until it was called some times: once might be a probe."""
    said = scene.breaker(MODELS[queue], mode)

    def called() -> float:
        times = sorted(call["at_us"] / 1e6 for call in scene.calls(said, MODELS[queue]))
        return times[CALLS - 1] - said if len(times) >= CALLS else 0.0

    return scene.seen(called, f"calls after {mode}")


def left_alone(scene: Scene) -> float:
    """Until the last call of a failing upstream that another one followed soon."""
    said = scene.breaker(MODELS[DOWN], "auto")
    time.sleep(WATCH_S)
    times = sorted(c["at_us"] / 1e6 for c in scene.calls(said, MODELS[DOWN]))
    soon = [a for a, b in itertools.pairwise(times) if b - a < QUIET_S]
    return last_after(said, soon)


# Jobs by filter: started anew, cancelled.


def jobs_round(scene: Scene, found: Effects) -> None:
    found["redrive"].append(redriven(scene))
    found["cancel by filter"].append(cancelled(scene))


def redriven(scene: Scene) -> float:
    """Until the last of many failed jobs is called for again."""
    client, model = scene.play.clients[0], "sim-redriven?fail=400&fail_times=1&tokens=2"
    message = {"role": "user", "content": "Say something."}
    failing = {"kind": "chat", "queue": REDRIVEN, "max_attempts": 1}
    failing |= {"input": {"model": model, "messages": [message]}}
    began = time.time()
    ids = set(client.bulk([json.dumps(failing).encode()] * MANY))
    scene.seen(lambda: failed(client) == MANY, "jobs that failed")
    change(client, "retry", {"queue": REDRIVEN, "state": "failed"})
    said = time.time()

    def all_called() -> float:
        times: dict[str, list[float]] = defaultdict(list)
        for call in scene.calls(began, model):
            times[call["job"]].append(call["at_us"] / 1e6)
        again = [one[1] for job, one in times.items() if job in ids and len(one) > 1]
        return last_after(said, again) + TINY_S if len(again) == MANY else 0.0

    return scene.seen(all_called, "jobs called for again")


def cancelled(scene: Scene) -> float:
    """Until the last of many calls is hung up."""
    client = scene.play.clients[0]
    began = time.time()
    ids = set(client.bulk([hung(n, CANCELLED) for n in range(MANY)]))

    def calls() -> list[dict[str, Any]]:
        return [c for c in scene.play.calls() if c["job"] in ids and c["at_us"] >= began * 1e6]

    scene.seen(lambda: len(calls()) == MANY, "calls that hang")
    change(client, "cancel", {"queue": CANCELLED})
    said = time.time()
    scene.seen(lambda: all(call["ended_us"] for call in calls()), "calls that are hung up")
    return last_after(said, [call["ended_us"] / 1e6 for call in calls()])


def failed(client: Native) -> int:
    which = {"queue": REDRIVEN, "state": "failed", "dry_run": True}
    return int(client.json("POST", "/v1/jobs/retry", which)["matched"])


def change(client: Native, verb: str, which: dict[str, Any]) -> None:
    while client.json("POST", f"/v1/jobs/{verb}", which)["has_more"]:
        pass


# Workers.


def worker_round(scene: Scene, found: Effects) -> None:
    """Until the last claim of a worker that was told to drain; then another takes its place."""
    stack, name = scene.play.stack, f"worker-{WORKERS}"
    pid = stack.pid(name)
    told = next(w["id"] for w in workers(scene) if w["pid"] == pid)
    said = scene.word("POST", f"/v1/workers/{told}/drain")
    scene.seen(lambda: stack.pid(name) is None, "the worker's end")
    mine = [c.began for c in scene.claims(said) if c.worker == typeid_uuid(told)]
    found["drain a worker"].append(last_after(said, mine))
    pid = stack.start(name)
    scene.seen(lambda: pid in {w["pid"] for w in workers(scene)}, "another worker")


def workers(scene: Scene) -> list[dict[str, Any]]:
    return [w for w in scene.play.admin.json("GET", "/v1/workers")["data"] if w["state"] == "live"]
