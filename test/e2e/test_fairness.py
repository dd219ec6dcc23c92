"""Who is next: tenants by weight, queues beside queues that hang, and what overload answers.

Each test runs on both ways that work takes: through Kafka, and claimed from the tables alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from checker import typeid_uuid
from client import Client, chat, until
from stacks import admin_client, running

SLOTS = 8
NOOP = {"kind": "noop", "input": {}}


class Place:
    """A stack with one small worker, and tenants made on the spot."""

    def __init__(self, stack: Any) -> None:
        self.stack = stack
        self.admin = admin_client(stack)
        self.clients: dict[str, Client] = {}

    def tenant(self, name: str, **limits: int) -> Client:
        self.admin.http.post("/v1/tenants", json={"name": name}).raise_for_status()
        reply = self.admin.http.post("/v1/api-keys", json={"tenant": name})
        self.clients[name] = Client(self.stack.env["LONGHAUL_URL"], reply.json()["key"])
        if limits:
            path = f"/v1/tenants/{name}/limits"
            self.admin.http.patch(path, json=limits).raise_for_status()
        return self.clients[name]

    def queue(self, name: str, verb: str = "", **settings: Any) -> None:
        path = f"/v1/queues/{name}"
        self.admin.http.patch(path, json={"weight": 1, **settings}).raise_for_status()
        if verb:
            self.admin.http.post(f"{path}/{verb}").raise_for_status()

        def known() -> bool:
            reply = self.clients[next(iter(self.clients))].http.post(
                "/v1/jobs", json={**NOOP, "queue": name, "run_at": "2099-01-01T00:00:00Z"}
            )
            return reply.status_code != 422

        until(f"queue {name} is known", known)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.stack.env["LONGHAUL_PG_URL"]) as record:
            return record.execute(sql, values).fetchall()

    def number(self, sql: str, *values: Any) -> int:
        return int(self.rows(sql, *values)[0][0] or 0)

    def drained(self, queue: str) -> bool:
        sql = (
            "select (select count(*) from job_ready join queue using (queue_id) where name = %s)"
            " + (select count(*) from job_lease join queue using (queue_id) where name = %s)"
        )
        return self.number(sql, queue, queue) == 0

    def close(self) -> None:
        for client in (self.admin, *self.clients.values()):
            client.close()


@pytest.fixture(scope="module", params=["kafka", "lite"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    how = {"worker": {"slots": SLOTS}}
    name = f"fair-{request.param}"
    with running(name, lite=request.param == "lite", config_overrides=how) as stack:
        one = Place(stack)
        one.tenant("first")
        yield one
        one.close()


def cancel_all(client: Client, queue: str) -> int:
    """Cancels what is left of a queue, page after page."""
    changed, more = 0, True
    while more:
        reply = client.http.post("/v1/jobs/cancel", json={"queue": queue})
        reply.raise_for_status()
        changed += reply.json()["changed"]
        more = reply.json()["has_more"]
    return changed


@pytest.mark.promises("C12")
def test_five_thousand_jobs_delay_anothers_one_by_less_than_a_job(place: Place) -> None:
    crowd, single = place.tenant("crowd"), place.tenant("single")
    place.queue("crowded")
    job = chat("x", model="sim?ttft_ms=300&tokens=1", queue="crowded")
    answers = crowd.bulk([job] * 5000)
    assert all("id" in answer for answer in answers)
    full = "select count(*) from job_lease join queue using (queue_id) where name = 'crowded'"
    until("every slot is taken", lambda: place.number(full) >= SLOTS - 2)

    def passed_by() -> int:
        one = single.submit(job)["id"]
        assert single.wait(one)["state"] == "completed"
        return place.number(
            "select count(*) from job a join tenant t using (tenant_id), job b"
            " where t.name = 'crowd' and b.job_id = %s"
            " and a.started_at > b.created_at and a.started_at < b.started_at",
            typeid_uuid(one),
        )

    def quick() -> bool:
        """Whoever is held up in between lets some more pass by that were on their way, not all."""
        found = passed_by()
        assert found <= 5 * SLOTS
        return found <= SLOTS

    until("it waits for less than a job", quick)
    assert cancel_all(crowd, "crowded") > 1000


@pytest.mark.promises("C12")
def test_weights_three_to_one_give_shares_of_three_to_one(place: Place) -> None:
    heavy, light = place.tenant("heavy", weight=3), place.tenant("light")
    place.queue("weighed", "pause")
    job = {**NOOP, "queue": "weighed"}
    heavy.bulk([job] * 400)
    light.bulk([job] * 400)
    place.queue("weighed", "resume")
    until("the queue is empty", lambda: place.drained("weighed"))
    shares = dict(
        place.rows(
            "select t.name, count(*) from (select tenant_id from job join queue using (queue_id)"
            " where queue.name = 'weighed' and started_at is not null"
            " order by started_at limit 240) j join tenant t using (tenant_id) group by 1"
        )
    )
    assert 160 <= shares["heavy"] <= 200


def most_at_once(place: Place, tenant: str) -> int:
    return place.number(
        "with mine as (select a.* from attempt a join tenant t using (tenant_id) where t.name = %s)"
        " select max((select count(*) from mine b where b.started_at <= a.started_at"
        " and b.ended_at > a.started_at)) from mine a",
        tenant,
    )


@pytest.mark.promises("C12")
def test_a_tenant_runs_no_more_than_its_cap_and_others_go_on(place: Place) -> None:
    capped, free = place.tenant("capped", max_running=2), place.tenant("free")
    place.queue("capping", "pause")
    job = chat("x", model="sim?ttft_ms=150&tokens=1", queue="capping")
    mine = [capped.submit(job)["id"] for _ in range(10)]
    other = free.submit(job)
    place.queue("capping", "resume")
    assert free.wait(other["id"])["state"] == "completed"
    for one in mine:
        assert capped.wait(one)["state"] == "completed"
    assert most_at_once(place, "capped") == 2


@pytest.mark.promises("C12")
def test_a_tenant_at_its_own_cap_is_told_429_and_another_is_not(place: Place) -> None:
    greedy, modest = place.tenant("greedy", max_queued=10), place.tenant("modest")
    place.queue("filling", "pause")
    job = {**NOOP, "queue": "filling"}

    def refused() -> Any:
        reply = greedy.http.post("/v1/jobs", json=job)
        return reply if reply.status_code != 202 else None

    reply = until("the tenant is at its cap", refused)
    assert (reply.status_code, reply.json()["code"]) == (429, "tenant_full")
    assert int(reply.headers["retry-after"]) >= 1
    modest.submit(job)
    place.admin.http.patch("/v1/tenants/greedy/limits", json={"max_queued": None})
    greedy.submit(job)


@pytest.mark.promises("C12")
def test_a_retry_or_a_move_does_not_pass_a_cap_or_a_drain(place: Place) -> None:
    owner, other = place.tenant("returning"), place.tenant("moving")
    place.queue("returned-to", "pause")
    job = {**NOOP, "queue": "returned-to"}
    mine = [owner.submit(job)["id"] for _ in range(12)]
    assert cancel_all(owner, "returned-to") >= len(mine)

    def code(reply: Any, status: int) -> str:
        assert reply.status_code == status, reply.text
        assert ("retry-after" in reply.headers) == (status != 409)
        return str(reply.json()["code"])

    dry = {"queue": "returned-to", "dry_run": True}
    place.queue("returned-to", "drain")
    tried = owner.http.post("/v1/jobs/retry", json=dry).json()
    assert tried["left"]["queue_draining"] == tried["matched"] >= 12 and tried["changed"] == 0
    many = owner.http.post("/v1/jobs/retry", json={"queue": "returned-to"}).json()
    assert many["changed"] == 0 and many["left"]["queue_draining"] == many["matched"] >= 12
    assert code(owner.http.post(f"/v1/jobs/{mine[0]}/retry"), 409) == "queue_draining"
    later = {**NOOP, "queue": "default", "run_at": "2099-01-01T00:00:00Z"}
    moved = other.submit(later)["id"]
    move = {"queue": "returned-to"}
    assert code(other.http.patch(f"/v1/jobs/{moved}", json=move), 409) == "queue_draining"
    place.queue("returned-to", "resume")
    place.queue("returned-to", "pause")
    limits = "/v1/tenants/returning/limits"
    place.admin.http.patch(limits, json={"max_queued": 5}).raise_for_status()
    many = owner.http.post("/v1/jobs/retry", json={"queue": "returned-to"}).json()
    assert many["changed"] <= 5
    assert many["left"]["tenant_full"] == many["matched"] - many["changed"] >= 7
    until("its cap is counted", lambda: owner.http.post("/v1/jobs", json=job).status_code == 429)
    last = owner.http.post(f"/v1/jobs/{mine[-1]}/retry")
    assert code(last, 429) == "tenant_full"
    tried = owner.http.post("/v1/jobs/retry", json=dry).json()
    assert tried["left"]["tenant_full"] == tried["matched"] >= 7 and tried["dry_run"]
    place.admin.http.patch("/v1/queues/returned-to", json={"max_queued": 3}).raise_for_status()

    def full() -> bool:
        return other.http.post("/v1/jobs", json=job).status_code == 503

    until("the queue's cap is counted", full)
    assert code(other.http.patch(f"/v1/jobs/{moved}", json=move), 503) == "queue_full"


@pytest.mark.promises("C12")
def test_jobs_that_wait_for_their_time_count_for_the_tenants_cap(place: Place) -> None:
    early = place.tenant("early", max_queued=5)
    later = {**NOOP, "queue": "default", "run_at": "2099-01-01T00:00:00Z"}

    def refused() -> Any:
        reply = early.http.post("/v1/jobs", json=later)
        return reply if reply.status_code != 202 else None

    assert until("the tenant is at its cap", refused).json()["code"] == "tenant_full"


@pytest.mark.promises("C12", "C4")
def test_a_full_queue_is_503_and_says_how_long_its_drain_takes(place: Place) -> None:
    client = place.clients["first"]
    place.queue("measured", max_queued=400, concurrency=2)
    job = chat("x", model="sim?ttft_ms=100&tokens=1", queue="measured")
    client.bulk([job] * 600)

    def state() -> Any:
        return place.admin.http.get("/v1/queues/measured").json()

    until("the rate was measured", lambda: state()["drain_rate"] > 1)
    expected: list[float] = []  # by what was seen before, meanwhile and behind

    def look() -> None:
        seen = state()
        expected.append(seen["queued"] / seen["drain_rate"])

    def refused() -> Any:
        look()
        client.bulk([job] * 100)
        reply = client.http.post("/v1/jobs", json=job)
        look()
        return reply if reply.status_code != 202 else None

    reply = until("the queue is full", refused)
    assert (reply.status_code, reply.json()["code"]) == (503, "queue_full")
    least, most = min(expected) / 3, min(300, max(expected) * 3 + 1)
    assert least <= int(reply.headers["retry-after"]) <= most
    cancel_all(client, "measured")


@pytest.mark.promises("C12")
def test_a_queue_whose_oldest_job_waits_too_long_takes_no_more(place: Place) -> None:
    client = place.clients["first"]
    place.queue("aging", "pause", max_age_s=1)
    client.submit({**NOOP, "queue": "aging"})

    def refused() -> Any:
        reply = client.http.post("/v1/jobs", json={**NOOP, "queue": "aging"})
        return reply if reply.status_code != 202 else None

    reply = until("new jobs are refused", refused)
    assert (reply.status_code, reply.json()["code"]) == (503, "queue_full")
    assert reply.headers["retry-after"] == "300"
    place.queue("aging", "resume", max_age_s=0)
    until("it is worked off", lambda: place.drained("aging"))
    client.submit({**NOOP, "queue": "aging"})


@pytest.mark.promises("C4")
def test_a_queues_own_times_hold_whatever_a_job_asks_for(place: Place) -> None:
    client = place.clients["first"]
    place.queue("timed", attempt_timeout_s=1, deadline_s=60)
    job = chat("x", model="sim?hang_after=1&tokens=5", queue="timed", attempt_timeout_s=500)
    sent = client.submit({**job, "max_attempts": 1, "deadline_s": 3000})
    done = client.wait(sent["id"])
    assert done["state"] == "failed"
    lasts = place.number(
        "select extract(epoch from j.deadline_at - j.created_at) from job j join queue q"
        " using (queue_id) where q.name = 'timed' and j.kind = 'chat'"
    )
    assert lasts == 60


def hang(place: Place, client: Client, queue: str) -> Callable[[], int]:
    """Fills a queue with calls that never end, until nothing more of it starts."""
    job = chat("x", model="sim?hang_after=1&tokens=5", queue=queue, attempt_timeout_s=600)
    client.bulk([job] * (4 * SLOTS))
    sql = "select count(*) from job_lease join queue using (queue_id) where name = %s"

    def held() -> int:
        return place.number(sql, queue)

    until("the hanging queue holds what it may", lambda: held() >= SLOTS // 2)
    return held


@pytest.mark.promises("C4")
def test_a_queue_whose_upstream_hangs_for_ever_stops_no_other(place: Place) -> None:
    client = place.clients["first"]
    place.queue("hanging")
    place.queue("living")
    held = hang(place, client, "hanging")
    jobs = [client.submit(chat("x", queue="living"))["id"] for _ in range(3 * SLOTS)]
    for job in jobs:
        assert client.wait(job)["state"] == "completed"
    assert SLOTS // 2 <= held() < SLOTS
    cancel_all(client, "hanging")
    until("the slots are free again", lambda: place.drained("hanging"))


@pytest.mark.promises("C4")
def test_a_new_concurrency_counts_for_what_starts_next(place: Place) -> None:
    client = place.clients["first"]
    place.queue("resized", concurrency=1)
    job = chat("x", model="sim?ttft_ms=100&tokens=1", queue="resized")
    for one in [client.submit(job)["id"] for _ in range(4)]:
        client.wait(one)
    sql = (
        "with mine as (select a.* from attempt a join job j using (tenant_id, job_id)"
        " join queue q using (queue_id) where q.name = 'resized')"
        " select max((select count(*) from mine b where b.started_at <= a.started_at"
        " and b.ended_at > a.started_at)) from mine a"
    )
    assert place.number(sql) == 1
    place.queue("resized", concurrency=4)

    def wider() -> bool:
        for one in [client.submit(job)["id"] for _ in range(8)]:
            client.wait(one)
        return place.number(sql) > 1

    until("more run at once", wider)
    assert place.number(sql) <= 4


@pytest.mark.promises("C12")
def test_a_cap_that_is_taken_away_leaves_no_grants_behind(place: Place) -> None:
    """A later, smaller cap would be passed by what was granted under the old one."""
    place.queue("uncapped", concurrency=5)
    until("grants are given", lambda: place.number("select count(*) from worker_grant") > 0)
    for (name,) in place.rows("select name from queue where concurrency > 0"):
        place.queue(name, concurrency=0)
    until("no grants are left", lambda: place.number("select count(*) from worker_grant") == 0)
