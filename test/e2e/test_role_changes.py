"""Roles as they are written, changed, asked about, and what follows for those who hold them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from client import Client, until
from roles_world import LATER, NOOP, TENANT, World, made, make_key, people, put_user

pytestmark = [pytest.mark.usefixtures("stack"), pytest.mark.promises("S1.11")]

ROOT = Path(__file__).resolve().parents[2]
LONGHAUL = ROOT / "build" / os.environ.get("LONGHAUL_MODE", "release") / "longhaul"
ROLES = ("guest", "submitter", "reader", "analyst", "service")


@pytest.fixture(scope="module")
def world(stack: Any, admin: Client) -> Iterator[World]:
    with people(stack, admin, ROLES) as all_of_them:
        for role in ROLES:
            put_user(admin, f"{role}@example.org", role)
        yield all_of_them


# ---- conditions ----


@pytest.fixture
def custom(world: World) -> Iterator[Callable[..., Client]]:
    """A user with a role of these rules and parents, and its key."""
    made_here = 0

    def make(*rules: str, parents: tuple[str, ...] = ()) -> Client:
        nonlocal made_here
        made_here += 1
        role = {"rules": list(rules), "parents": list(parents)}
        path = f"/v1/tenants/{TENANT}/roles/custom-{made_here}"
        made(world.admin.http.put(path, json=role), 200)
        put_user(world.admin, f"custom-{made_here}", f"custom-{made_here}")
        return make_key(world.admin, world.url, tenant=TENANT, user=f"custom-{made_here}")

    yield make
    for i in range(1, made_here + 1):
        put_user(world.admin, f"custom-{i}")
        made(world.admin.http.delete(f"/v1/tenants/{TENANT}/roles/custom-{i}"), 204)


def status(client: Client, **job: Any) -> int:
    body = {"model": job.pop("model", "small-1"), "messages": [{"role": "user", "content": "x"}]}
    whole = {"kind": "chat", "input": body, "run_at": LATER, **job}
    return client.http.post("/v1/jobs", json=whole).status_code


def test_queue_model_priority_callback_and_subject_are_permissions(
    world: World, custom: Callable[..., Client]
) -> None:
    made(world.admin.http.patch("/v1/queues/roles-slow", json={}), 200, 201)
    rules = "allow job:submit queue=default model=small-* priority>=4", "allow job:change owner=own"
    client = custom(*rules, "allow job:read owner=own")
    until("the queue is known", lambda: status(world.keys["service"], queue="roles-slow") == 202)
    assert status(client) == 202
    assert status(client, queue="roles-slow") == 403
    assert status(client, model="large-1") == 403
    assert status(client, fallback=[{"model": "small-2"}]) == 202
    assert status(client, fallback=[{"model": "large-1"}]) == 403
    assert status(client, priority=3) == 403
    assert status(client, subject="somebody-else") == 403
    assert status(client, callback={"url": "https://hooks.example/x"}) in (403, 422)
    # a key of the tenant may name anybody, and is told what is wrong with the address instead
    assert status(world.keys["service"], subject="somebody-else") == 202
    assert status(world.keys["service"], callback={"url": "https://hooks.example/x"}) == 422
    # nor is a job moved to where it could not be handed in
    job = client.submit(
        {"kind": "chat", "input": {"model": "small-1", "messages": []}, "run_at": LATER}
    )
    for change, want in (
        ({"queue": "roles-slow"}, 403),
        ({"priority": 0}, 403),
        ({"priority": 9}, 200),
    ):
        assert client.http.patch(f"/v1/jobs/{job['id']}", json=change).status_code == want
    line = "".join(json.dumps({**NOOP, "priority": p}) + "\n" for p in (0, 5))
    reply = client.http.post(
        "/v1/jobs/bulk", content=line, headers={"Content-Type": "application/x-ndjson"}
    )
    lines = [json.loads(row) for row in reply.text.splitlines()]
    assert [row.get("code") for row in lines] == ["forbidden", "forbidden"]


def test_a_deny_wins_and_a_list_asks_for_what_its_rule_asks(
    world: World, custom: Callable[..., Client]
) -> None:
    client = custom("allow job:read queue=default", "deny job:read model=secret-*")
    assert client.http.get("/v1/jobs").status_code == 403
    params = {"queue": "default", "model": "small-1"}
    assert client.http.get("/v1/jobs", params=params).status_code == 200
    assert client.http.get("/v1/jobs", params={**params, "model": "secret-1"}).status_code == 403
    owner = world.owner
    jobs = {}
    for model in ("small-1", "secret-1"):
        body = {"model": model, "messages": [{"role": "user", "content": "x"}]}
        jobs[model] = owner.submit({"kind": "chat", "input": body, "run_at": LATER})["id"]
    assert client.http.get(f"/v1/jobs/{jobs['small-1']}").status_code == 200
    assert client.http.get(f"/v1/jobs/{jobs['secret-1']}").status_code == 404


def test_who_may_not_read_is_shown_nothing(world: World, custom: Callable[..., Client]) -> None:
    client = custom("allow job:submit", "allow job:cancel", "allow job:change")
    job = client.submit(NOOP, key="shown-nothing")["id"]
    again = client.http.post("/v1/jobs", json=NOOP, headers={"Idempotency-Key": "shown-nothing"})
    assert again.headers["Idempotent-Replayed"] == "true" and again.json()["id"] == job
    assert client.http.get(f"/v1/jobs/{job}").status_code == 403
    for method, path, body in (
        ("PATCH", f"/v1/jobs/{job}", {"priority": 7}),
        ("POST", f"/v1/jobs/{job}/cancel", None),
    ):
        reply = client.http.request(method, path, json=body)
        assert (reply.status_code, reply.content) == (204, b"")
    assert world.owner.get(job)["state"] == "cancelled"


# ---- writing roles ----


def test_cycles_and_contradictions_are_refused_with_their_path(world: World) -> None:
    at = f"/v1/tenants/{TENANT}/roles"
    put = world.admin.http.put
    made(put(f"{at}/low", json={"rules": ["allow job:read"]}), 200)
    made(put(f"{at}/mid", json={"parents": ["low"]}), 200)
    reply = put(f"{at}/low", json={"parents": ["mid"]})
    assert reply.status_code == 422 and "is a cycle" in reply.json()["detail"]
    reply = put(f"{at}/mid", json={"rules": ["allow job:read", "deny job:read"]})
    assert reply.status_code == 422 and "contradicts" in reply.json()["detail"]
    made(put(f"{at}/strict", json={"rules": ["deny job:read"]}), 200)
    both = {"roles": ["low", "strict"]}
    reply = world.admin.http.put(f"/v1/tenants/{TENANT}/users/both", json=both)
    assert reply.status_code == 422 and 'strict: "deny job:read"' in reply.json()["detail"]
    # and a role is not changed into what contradicts another that is held beside it
    made(put(f"{at}/strict", json={"rules": ["deny job:delete"]}), 200)
    put_user(world.admin, "both", "low", "strict")
    reply = put(f"{at}/strict", json={"rules": ["deny job:read"]})
    assert reply.status_code == 422 and "contradicts" in reply.json()["detail"]
    assert world.admin.http.delete(f"{at}/strict").status_code == 409
    assert put(f"{at}/low", json={"rules": ["allow operator:read"]}).status_code == 422
    assert put(f"{at}/low", json={"parents": ["operator"]}).status_code == 422
    assert put(f"{at}/reader", json={"rules": []}).status_code == 403


def test_a_graph_beyond_its_bounds_is_refused_with_the_path(world: World) -> None:
    at = f"/v1/tenants/{TENANT}/roles"
    put = world.admin.http.put
    made(put(f"{at}/level1", json={}), 200)
    for i in range(2, 17):
        made(put(f"{at}/level{i}", json={"parents": [f"level{i - 1}"]}), 200)
    reply = put(f"{at}/level17", json={"parents": ["level16"]})
    assert reply.status_code == 422
    assert "more than 16 levels: level17 > level16" in reply.json()["detail"]
    # with 64 rules of each of 16 levels there is room for no other beside them
    rules = [f"allow job:read queue=q{i}" for i in range(64)]
    for i in range(1, 17):
        parents = [f"level{i - 1}"] if i > 1 else []
        made(put(f"{at}/level{i}", json={"parents": parents, "rules": rules}), 200)
    put_user(world.admin, "all-of-it", "level16")
    made(put(f"{at}/one-more", json={"rules": ["allow job:read queue=q"]}), 200)
    reply = world.admin.http.put(
        f"/v1/tenants/{TENANT}/users/all-of-it", json={"roles": ["level16", "one-more"]}
    )
    assert reply.status_code == 422 and "more than 1024 rules" in reply.json()["detail"]
    reply = put(f"{at}/level16", json={"parents": ["level15", "one-more"], "rules": rules})
    assert reply.status_code == 422 and "more than 1024 rules" in reply.json()["detail"]


def test_nobody_gives_what_they_do_not_have(custom: Callable[..., Client]) -> None:
    client = custom("allow role:*", "allow user:*", "allow job:read owner=own")
    http = client.http
    assert http.put("/v1/users/friend", json={"roles": ["tenant-admin"]}).status_code == 403
    assert http.put("/v1/users/friend", json={"roles": ["reader"]}).status_code == 403
    assert http.put("/v1/users/friend", json={"roles": ["guest"]}).status_code == 200
    assert http.put("/v1/roles/wide", json={"rules": ["allow job:read"]}).status_code == 403
    # nor do they take away what is above them
    assert http.put("/v1/users/service@example.org", json={"roles": []}).status_code == 403
    assert http.put("/v1/users/service@example.org", json={"disabled": True}).status_code == 403
    assert http.put("/v1/users/friend", json={"disabled": True}).status_code == 200


def test_a_change_reaches_live_keys(world: World) -> None:
    """The producer that wrote it knows at once; others hear of it, as the next test shows."""
    client = world.keys["guest"]
    assert client.http.post("/v1/jobs", json=NOOP).status_code == 403
    put_user(world.admin, "guest@example.org", "submitter")
    until("may submit", lambda: client.http.post("/v1/jobs", json=NOOP).status_code == 202)
    disabled = world.admin.http.put(
        f"/v1/tenants/{TENANT}/users/guest@example.org", json={"disabled": True}
    )
    made(disabled, 200)
    until("is out", lambda: client.http.get("/v1/jobs").status_code == 403)
    path = f"/v1/tenants/{TENANT}/users/guest@example.org"
    made(world.admin.http.put(path, json={"disabled": False, "roles": ["guest"]}), 200)
    until("is back", lambda: client.http.get("/v1/jobs").status_code == 200)


def test_a_change_by_another_process_is_heard(world: World, pg_url: str) -> None:
    """Written behind the producer's back, as another producer writes it."""
    client = world.keys["reader"]
    assert client.http.get("/v1/usage").status_code == 200
    change = (
        "update user_role r set role = 'guest' from app_user u where u.user_id = r.user_id"
        " and u.name = 'reader@example.org'",
        "update access_version v set version = v.version + 1,"
        " changed_by = pg_current_xact_id()::text::int8"
        " from tenant t where t.tenant_id = v.tenant_id and t.name = 'roles-a'",
    )
    with psycopg.connect(pg_url) as record:
        for line in change:
            record.execute(line)
    until("is a guest", lambda: client.http.get("/v1/usage").status_code == 403)
    put_user(world.admin, "reader@example.org", "reader")


def test_why_is_answered_with_the_rule(world: World) -> None:
    def ask(**query: str) -> Any:
        path = f"/v1/tenants/{TENANT}/access/explain"
        return made(world.admin.http.get(path, params=query), 200)

    job = world.owner.submit(NOOP)["id"]
    said = ask(user="submitter@example.org", action="job:read", job=job)
    assert not said["allowed"] and said["reason"] == "no rule allows it"
    said = ask(user="owner@example.org", action="job:read", job=job)
    assert said["allowed"] and said["rule"] == "allow job:*" and said["path"] == "service"
    said = ask(user="analyst@example.org", action="job:cancel", owner="own")
    assert (said["rule"], said["path"]) == ("allow job:cancel owner=own", "analyst > submitter")


def test_all_who_hold_a_role_move_and_a_dry_run_only_counts(world: World) -> None:
    path = f"/v1/tenants/{TENANT}/roles"
    made(world.admin.http.put(f"{path}/crew", json={"parents": ["guest"]}), 200)
    for i in range(3):
        put_user(world.admin, f"crew-{i}", "crew")
    move = f"{path}/crew/move"
    dry = made(world.admin.http.post(move, params={"dry_run": "true"}, json={"to": "guest"}), 200)
    assert (dry["matched"], dry["changed"]) == (3, 0)
    done = made(world.admin.http.post(move, json={"to": "guest"}), 200)
    assert (done["changed"], done["has_more"]) == (3, False)
    assert made(world.admin.http.get(f"/v1/tenants/{TENANT}/users/crew-1"), 200)["roles"] == [
        "guest"
    ]
    made(world.admin.http.delete(f"{path}/crew"), 204)


# ---- at claim ----


def test_jobs_of_who_was_sent_away_fail_when_they_are_claimed(
    world: World, admin: Client, record_now: Callable[[float], str]
) -> None:
    made(admin.http.patch("/v1/queues/roles-wait", json={}), 200, 201)
    made(admin.http.post("/v1/queues/roles-wait/pause"), 200)
    put_user(admin, "leaver", "service")
    put_user(admin, "stayer", "service")
    clients = [make_key(admin, world.url, tenant=TENANT, user=n) for n in ("leaver", "stayer")]
    bare = made(admin.http.post("/v1/api-keys", json={"tenant": TENANT}), 201)
    clients.append(Client(world.url, bare["key"]))
    body = {"kind": "noop", "input": {}, "queue": "roles-wait"}
    until(
        "the queue is known",
        lambda: clients[1].http.post("/v1/jobs", json=body).status_code == 202,
    )
    jobs = [client.submit(body)["id"] for client in clients]
    path = f"/v1/tenants/{TENANT}/users/leaver"
    made(admin.http.put(path, json={"roles": ["reader"]}), 200)
    made(admin.http.delete(f"/v1/api-keys/{bare['id']}"), 204)
    made(admin.http.post("/v1/queues/roles-wait/resume"), 200)
    ends = [world.owner.wait(job) for job in jobs]
    assert [job["state"] for job in ends] == ["failed", "completed", "failed"]
    assert [job["error"] and job["error"]["code"] for job in ends] == [
        "forbidden",
        None,
        "forbidden",
    ]
    assert {job["error"]["message"] for job in ends if job["error"]} == {
        "who handed it in was revoked, disabled or may do so no more"
    }


# ---- the command line ----


@pytest.fixture
def longhaul(stack: Any) -> Callable[..., str]:
    def run(*words: str, code: int = 0) -> str:
        environment = {"LONGHAUL_PROFILE": str(stack.profile), "PATH": os.environ["PATH"]}
        done = subprocess.run(
            [LONGHAUL, *words], env=environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    return run


def test_roles_and_users_by_command(world: World, longhaul: Callable[..., str]) -> None:
    of = ("--tenant", TENANT)
    longhaul("role", "set", "night", *of, "--parents", "guest", "allow job:submit queue=bulk")
    assert "allow job:submit queue=bulk" in longhaul("role", "show", "night", *of)
    assert "night" in longhaul("role", "list", *of) and "tenant-admin" in longhaul(
        "role", "list", *of
    )
    longhaul("user", "set", "nora", *of, "night")
    dry = longhaul("role", "set", "night", *of, "--parents", "guest", "--dry-run")
    assert "1 user and 0 keys" in dry and "job:submit" in dry.split("lost")[1]
    dry = longhaul("user", "set", "nora", *of, "guest", "-n")
    assert "nothing was changed: 0 API keys" in dry and "lost    job:submit" in dry
    said = longhaul("access", "explain", "nora", "job:submit", "queue=bulk", *of)
    assert "is allowed" in said and "allow job:submit queue=bulk" in said
    said = longhaul("access", "explain", "nora", "job:submit", "queue=other", *of)
    assert "not allowed" in said and "nearest allow job:submit queue=bulk" in said
    assert "queue=bulk, and it is other" in said
    assert "contradicts" in longhaul(
        "role", "set", "night", *of, "allow job:read", "deny job:read", code=1
    )
    longhaul("role", "move", "night", "reader", *of)
    longhaul("role", "set", "dusk", *of, "--parents", "night")
    assert "dusk builds upon it" in longhaul("role", "remove", "night", *of, code=7)
    for role in ("dusk", "night"):
        longhaul("role", "remove", role, *of)
    longhaul("user", "set", "nora", *of, "--disable")
    assert "reader" in longhaul("user", "list", *of)
    assert "disabled" in longhaul("access", "explain", "nora", "job:read", *of)
