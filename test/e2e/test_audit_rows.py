"""Every change and every read of content is a row of the audit, and holds nobody's name."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from audit_world import Scene, uuid_of
from client import Client, chat, until
from stacks import admin_client, running, tenant_client

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.promises("S1.12")


AUDIT = {"checkpoint_ms": 500, "refusals_ms": 200}


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with running("audit-rows", workers=1, config_overrides={"audit": AUDIT}) as s:
        client, admin = tenant_client(s), admin_client(s)
        yield Scene(s, client, admin)
        client.close()
        admin.close()


def by_filter(s: Scene) -> dict[str, Any]:
    s.waiting()
    return {"queue": "default", "state": "waiting"}


def cancelled(s: Scene) -> dict[str, Any]:
    s.ended()
    return {"queue": "default", "state": "cancelled"}


def limit_put(s: Scene) -> httpx.Response:
    body = {"requests": 1000000, "window_s": 60}
    return s.admin.http.put("/v1/limits/audited/user", json=body)


Ask = Callable[[Scene], httpx.Response]

# Every call that changes something: how it is made, and the actions that its rows must have.
CHANGES: dict[str, tuple[str, Ask]] = {
    "POST /v1/jobs": ("job.submit", lambda s: s.client.http.post("/v1/jobs", json=chat("a"))),
    "POST /v1/jobs/bulk": (
        "job.submit",
        lambda s: s.client.http.post(
            "/v1/jobs/bulk",
            content='{"kind":"noop","input":{}}\n' * 3,
            headers={"Content-Type": "application/x-ndjson"},
        ),
    ),
    "POST /v1/jobs/cancel": (
        "job.cancel",
        lambda s: s.client.http.post("/v1/jobs/cancel", json=by_filter(s)),
    ),
    "POST /v1/jobs/retry": (
        "job.retry",
        lambda s: s.client.http.post("/v1/jobs/retry", json=cancelled(s)),
    ),
    "PATCH /v1/jobs/{id}": (
        "job.patch",
        lambda s: s.client.http.patch(f"/v1/jobs/{s.waiting()}", json={"priority": 3}),
    ),
    "DELETE /v1/jobs/{id}": (
        "job.delete",
        lambda s: s.client.http.delete(f"/v1/jobs/{s.ended()}"),
    ),
    "POST /v1/jobs/{id}/cancel": (
        "job.cancel",
        lambda s: s.client.http.post(f"/v1/jobs/{s.waiting()}/cancel"),
    ),
    "POST /v1/jobs/{id}/retry": (
        "job.retry",
        lambda s: s.client.http.post(f"/v1/jobs/{s.ended()}/retry"),
    ),
    "PATCH /v1/queues/{name}": (
        "queue.patch",
        lambda s: s.admin.http.patch("/v1/queues/audited", json={"weight": 2}),
    ),
    "POST /v1/queues/{name}/pause": (
        "queue.patch",
        lambda s: s.admin.http.post(f"{s.queue()}/pause"),
    ),
    "POST /v1/queues/{name}/resume": (
        "queue.patch",
        lambda s: s.admin.http.post(f"{s.queue()}/resume"),
    ),
    "POST /v1/queues/{name}/drain": (
        "queue.patch",
        lambda s: s.admin.http.post(f"{s.queue()}/drain"),
    ),
    "PUT /v1/upstreams/{name}/models/{model}/breaker": (
        "breaker.set",
        lambda s: s.admin.http.put(
            "/v1/upstreams/simulator/models/other/breaker", json={"mode": "auto"}
        ),
    ),
    "PUT /v1/upstreams/{name}/keys/{label}/breaker": (
        "breaker.set",
        lambda s: s.admin.http.put(
            "/v1/upstreams/simulator/keys/default/breaker", json={"mode": "auto"}
        ),
    ),
    "POST /v1/tenants": (
        "tenant.create",
        lambda s: s.admin.http.post("/v1/tenants", json={"name": "audited"}),
    ),
    "PUT /v1/tenants/{name}/callback-origins": (
        "tenant.patch",
        lambda s: s.admin.http.put(
            f"/v1/tenants/{s.tenant()}/callback-origins", json={"origins": []}
        ),
    ),
    "POST /v1/tenants/{name}/jobs/cancel": (
        "job.cancel",
        lambda s: s.admin.http.post("/v1/tenants/demo/jobs/cancel", json=by_filter(s)),
    ),
    "POST /v1/tenants/{name}/jobs/retry": (
        "job.retry",
        lambda s: s.admin.http.post("/v1/tenants/demo/jobs/retry", json=cancelled(s)),
    ),
    "PUT /v1/limits/{plan}/{level}": ("limit.set", limit_put),
    "DELETE /v1/limits/{plan}/{level}": (
        "limit.remove",
        lambda s: limit_put(s) and s.admin.http.delete("/v1/limits/audited/user"),
    ),
    "PUT /v1/tenants/{name}/plan": (
        "tenant.plan",
        lambda s: (
            limit_put(s)
            and s.admin.http.put(f"/v1/tenants/{s.tenant()}/plan", json={"plan": "audited"})
        ),
    ),
    "PATCH /v1/tenants/{name}/limits": (
        "tenant.limits",
        lambda s: s.admin.http.patch(f"/v1/tenants/{s.tenant()}/limits", json={"weight": 2}),
    ),
    "POST /v1/api-keys": (
        "api_key.create",
        lambda s: s.admin.http.post("/v1/api-keys", json={"tenant": s.tenant()}),
    ),
    "DELETE /v1/api-keys/{id}": (
        "api_key.revoke",
        lambda s: s.admin.http.delete(f"/v1/api-keys/{s.key()}"),
    ),
    "POST /v1/api-keys/{id}/rotate": (
        "api_key.rotate",
        lambda s: s.admin.http.post(f"/v1/api-keys/{s.key()}/rotate", json={}),
    ),
    "POST /v1/signing-keys/rotate": (
        "signing_key.rotate",
        lambda s: s.admin.http.post("/v1/signing-keys/rotate", json={}),
    ),
    "POST /v1/issuers": ("issuer.create", lambda s: s.issuer()),
    "DELETE /v1/issuers/{id}": (
        "issuer.remove",
        lambda s: s.admin.http.delete(f"/v1/issuers/{s.issuer().json()['id']}"),
    ),
    "POST /v1/revocations": (
        "revocation.tenant",
        lambda s: s.admin.http.post("/v1/revocations", json={"tenant": s.tenant()}),
    ),
    "DELETE /v1/revocations/{id}": ("revocation.remove", lambda s: s.unrevoked()),
    "POST /v1/auth/token": ("refresh.begin token.give", lambda s: s.token()),
    "POST /v1/auth/revoke": (
        "refresh.end",
        lambda s: s.client.http.post(
            "/v1/auth/revoke", data={"token": s.token().json()["refresh_token"]}
        ),
    ),
    "POST /v1/tenants/{name}/webhook-secret": (
        "tenant.patch",
        lambda s: s.admin.http.post(f"/v1/tenants/{s.tenant()}/webhook-secret", json={}),
    ),
    "PUT /v1/tenants/{tenant}/roles/{name}": (
        "role.put",
        lambda s: s.admin.http.put(
            "/v1/tenants/demo/roles/watcher", json={"rules": ["allow job:read"]}
        ),
    ),
    "PUT /v1/tenants/{tenant}/users/{name}": (
        "user.put",
        lambda s: s.user("reader"),
    ),
    "POST /v1/tenants/{tenant}/roles/{name}/move": (
        "user.move_role",
        lambda s: s.admin.http.post(f"{s.role()}/move", json={"to": "reader"}),
    ),
    "DELETE /v1/tenants/{tenant}/roles/{name}": (
        "role.remove",
        lambda s: s.admin.http.delete(s.free_role()),
    ),
    "POST /v1/tenants/{tenant}/approvals/{id}/approve": (
        "approval.approve",
        lambda s: s.decided("approve"),
    ),
    "POST /v1/tenants/{tenant}/approvals/{id}/refuse": (
        "approval.refuse",
        lambda s: s.decided("refuse"),
    ),
    "PUT /v1/tenants/{tenant}/two-people": (
        "approval.use two_people.on",
        lambda s: s.two_people(),
    ),
    # the last one: it takes the worker away
    "POST /v1/workers/{id}/drain": (
        "worker.drain",
        lambda s: s.admin.http.post(f"/v1/workers/{s.worker()}/drain"),
    ),
}
EXPLAIN = "user=ann&action=job:read"
# POST, and changes nothing; OpenAI's paths are not served yet.
OPENAI = ("chat/completions", "completions", "responses", "embeddings")
LOOKS = {"POST /v1/jobs/search", *(f"POST /v1/{path}" for path in OPENAI)}
# The same statements as behind the operators' calls of these names.
TENANTS_OWN = {
    "PUT /v1/roles/{name}",
    "DELETE /v1/roles/{name}",
    "POST /v1/roles/{name}/move",
    "PUT /v1/users/{name}",
    "POST /v1/approvals/{id}/approve",
    "POST /v1/approvals/{id}/refuse",
    "PUT /v1/two-people",
}


def test_every_call_that_changes_something_is_in_the_table() -> None:
    text = (ROOT / "producer/routes.c").read_text()
    routes = {f"{m} {p}" for m, p in re.findall(r'\{"(\w+)",\s+"(/[^"]+)"', text) if m != "GET"}
    assert routes - LOOKS - TENANTS_OWN == set(CHANGES)


@pytest.mark.parametrize("call", [c for c in CHANGES if not c.endswith("/drain")])
def test_a_change_has_its_row(scene: Scene, call: str) -> None:
    shown(scene, call)


def shown(scene: Scene, call: str) -> None:
    action, ask = CHANGES[call]
    reply = ask(scene)
    assert reply.status_code < 300, reply.text
    rows = scene.rows(reply)
    assert rows and {row["action"] for row in rows} == set(action.split()), rows
    for row in rows:
        assert (row["object"] or row["count"]) and row["outcome"] == "ok"
        if call == "POST /v1/auth/revoke":
            # whoever holds a token ends it: the token is all that is known of him
            assert row["actor_kind"] == "token" and row["credential"] and not row["actor"]
            continue
        assert row["actor_kind"] == ("operator" if by_operator(call) else "key")
        assert row["credential"] and row["source"]
        # a pseudonym: not the id of the key that it stands for
        assert row["actor"] and row["actor"] != row["credential"]


def by_operator(call: str) -> bool:
    return "/v1/tenants" in call or not ("/v1/jobs" in call or "/v1/auth" in call)


def test_reading_content_is_one_row_a_minute_and_a_state_is_none(scene: Scene) -> None:
    job, waiting = scene.done(), scene.waiting()
    http = scene.client.http
    replies = [http.get(f"/v1/jobs/{job}") for _ in range(5)]
    actions = [row["action"] for reply in replies for row in scene.rows(reply)]
    # a minute may have turned in between
    assert actions.count("job.read") in (1, 2) and len(actions) == actions.count("job.read")
    same = http.get(f"/v1/jobs/{job}", headers={"If-None-Match": replies[0].headers["etag"]})
    assert same.status_code == 304 and not scene.rows(same)
    assert not scene.rows(http.get(f"/v1/jobs/{waiting}"))
    asked = http.get(f"/v1/jobs/{waiting}", params={"expand": "input"})
    assert [row["action"] for row in scene.rows(asked)] == ["job.read"]
    with http.stream("GET", f"/v1/jobs/{job}/events") as stream:
        stream.read()
    with http.stream("GET", f"/v1/jobs/{job}/events") as again:
        again.read()
    assert [row["action"] for s in (stream, again) for row in scene.rows(s)] == ["job.watch"] * 2


def test_who_reads_with_another_credential_is_a_row_of_its_own(scene: Scene) -> None:
    """A stolen one does not hide behind what its owner reads in the same minute."""
    job = scene.done()
    stolen = {"Authorization": f"Bearer {scene.token().json()['access_token']}"}
    own = scene.client.http.get(f"/v1/jobs/{job}")
    thief = scene.client.http.get(f"/v1/jobs/{job}", headers=stolen)
    assert own.status_code == thief.status_code == 200
    rows = [row for reply in (own, thief) for row in scene.rows(reply)]
    assert [row["action"] for row in rows] == ["job.read"] * 2
    assert rows[0]["actor"] == rows[1]["actor"]
    assert rows[0]["credential"] != rows[1]["credential"]


EXCHANGE = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
}


def jti(reply: httpx.Response) -> str:
    """Of the access token in it, as Postgres shows it."""
    part = reply.json()["access_token"].split(".")[1]
    return uuid_of(json.loads(base64.urlsafe_b64decode(part + "=="))["jti"])


def test_each_token_that_is_given_has_a_row_that_leads_back(scene: Scene) -> None:
    """To the key, the token or the family by which it was had."""
    post = scene.client.http.post
    given = post("/v1/auth/token", data={"grant_type": "client_credentials"})
    exchanged = post(
        "/v1/auth/token", data={**EXCHANGE, "subject_token": given.json()["access_token"]}
    )
    begun = scene.token()
    refresh = {"grant_type": "refresh_token", "refresh_token": begun.json()["refresh_token"]}
    refreshed = post("/v1/auth/token", data=refresh)
    rows = [scene.rows(reply) for reply in (given, exchanged, begun, refreshed)]
    named = {row["action"]: row for reply in rows for row in reply}
    assert [len(reply) for reply in rows] == [1, 1, 2, 1], rows
    assert rows[0][0]["object"] == jti(given) and rows[0][0]["actor"]
    assert named["token.exchange"]["object"] == jti(exchanged)
    assert named["token.exchange"]["credential"] == jti(given)
    family = named["refresh.begin"]["object"]
    assert named["token.refresh"]["object"] == jti(refreshed)
    assert named["token.refresh"]["credential"] == family
    again = scene.rows(post("/v1/auth/token", data=refresh))
    assert [(row["action"], row["object"]) for row in again] == [("refresh.reuse", family)]


def test_what_a_tenants_people_look_at_is_read(scene: Scene) -> None:
    """Users, roles, approvals, as an operator's looks are: once a minute."""
    body = {"tenant": scene.tenant(), "roles": ["tenant-admin"]}
    key = scene.admin.http.post("/v1/api-keys", json=body).raise_for_status().json()["key"]
    chief = Client(scene.stack.env["LONGHAUL_URL"], key)
    chief.http.put("/v1/users/ann", json={"roles": ["reader"]}).raise_for_status()
    text = (ROOT / "producer/routes.c").read_text()
    looks = re.findall(
        r'\{"GET",\s+"(/v1[^"]+)",\s+ROUTE_PUBLIC,\s+ROUTE_TENANT,[^}]+ROUTE_THING', text
    )
    actions = []
    for path in looks:
        path = path.replace("roles/{name}", "roles/reader").replace("{name}", "ann")
        reply = chief.http.get(path.replace("explain", f"explain?{EXPLAIN}"))
        assert reply.status_code == 200, (path, reply.text)
        rows = scene.rows(reply)
        assert all(row["actor"] and row["credential"] and row["source"] for row in rows)
        actions += [row["action"] for row in rows]
    chief.close()
    wanted = {"user.read", "role.read", "approval.read", "access.read", "two_people.read"}
    assert wanted <= set(actions)
    # a minute may have turned in between
    assert all(actions.count(action) <= 2 for action in actions)


def test_what_an_operator_looks_at_is_read(scene: Scene) -> None:
    text = (ROOT / "producer/routes.c").read_text()
    looks = re.findall(r'\{"GET",\s+"(/v1[^"]+)",\s+ROUTE_ADMIN', text)
    actions = set()
    scene.user("reader").raise_for_status()
    for path in looks:
        path = path.replace("/v1/queues/{name}", "/v1/queues/default")
        path = path.replace("{tenant}/roles/{name}", "demo/roles/reader")
        path = path.replace("{tenant}/users/{name}", "demo/users/ann")
        path = path.replace("{tenant}/access/explain", f"demo/access/explain?{EXPLAIN}")
        path = path.replace("{tenant}", "demo").replace("{name}", "demo")
        reply = scene.admin.http.get(path)
        assert reply.status_code == 200, (path, reply.text)
        actions |= {row["action"] for row in scene.rows(reply)}
    # who waits in other tests has looked at workers before
    assert {"usage.read", "queue.read", "upstream.read", "tenant.read", "api_key.read"} <= actions
    assert not scene.rows(scene.admin.http.get("/metrics"))


def refused(s: Scene, where: str) -> int:
    """Calls that rows of refusals count."""
    text = f"select coalesce(sum(count), 0) from audit where outcome = 'refused' and {where}"
    return int(s.stack.psql(text)[0][0])


def test_refused_calls_are_counted(scene: Scene) -> None:
    http = scene.client.http
    for _ in range(5):
        assert http.put("/v1/roles/x", json={"rules": [], "parents": []}).status_code == 403
        assert http.get("/v1/users").status_code == 403
    bad = {"Authorization": "Bearer lh_" + "0" * 72}
    for _ in range(7):
        assert http.get("/v1/jobs", headers=bad).status_code == 401
    known = "reason = 'forbidden' and actor_kind = 'key' and actor is not null and credential"
    for action in ("role.write", "user.read"):
        wanted = f"{known} is not null and source is not null and action = '{action}'"
        until("they are counted", lambda wanted=wanted: refused(scene, wanted) == 5)
    nobody = "reason = 'unauthorized' and actor_kind = 'nobody' and actor is null"
    wanted = f"{nobody} and credential is null and source is not null and action = 'job.read'"
    until("they are counted", lambda: refused(scene, wanted) == 7)


def test_rows_hold_words_ids_and_nothing_else(scene: Scene) -> None:
    secret = "Zanzibar"
    job = scene.done(secret, metadata={"who": secret}, subject=secret)
    scene.client.http.get(f"/v1/jobs/{job}", params={"expand": "input,events"})
    text = scene.stack.psql("select string_agg(a::text, E'\\\\n') from audit a")[0][0]
    assert secret not in text and "127.0.0.1" not in text
    bad = scene.stack.psql(
        "select action, outcome, reason, actor_kind from audit where concat(action, outcome,"
        " reason, actor_kind) !~ '^[a-z0-9_.]*$'"
    )
    assert not bad


def test_without_the_audit_nothing_changes_and_no_content_leaves(scene: Scene) -> None:
    """Health and metrics stay open."""
    job, waiting = scene.done(), scene.waiting()
    scene.stack.psql("revoke insert on audit from longhaul_producer")
    try:
        http, admin = scene.client.http, scene.admin.http
        closed = [
            http.post("/v1/jobs", json=chat("a")),
            http.post(f"/v1/jobs/{waiting}/cancel"),
            http.patch(f"/v1/jobs/{waiting}", json={"priority": 1}),
            http.get(f"/v1/jobs/{job}"),
            http.get(f"/v1/jobs/{job}/events"),
            http.get("/v1/jobs"),
            admin.patch("/v1/queues/audited", json={"weight": 3}),
            admin.get("/v1/tenants"),
        ]
        # what this minute knows already is in the audit: it may be looked at
        assert [r.status_code for r in closed[:5]] == [503] * 5
        assert closed[6].status_code == 503
        assert closed[7].status_code in (200, 503)
        assert http.get(f"/v1/jobs/{waiting}").status_code == 200
        for client in (http, admin):
            assert client.get("/healthz").status_code == 200
        assert admin.get("/metrics").status_code == 200
    finally:
        scene.stack.psql("grant insert on audit to longhaul_producer")
    assert scene.client.get(waiting)["state"] == "waiting"
    assert scene.client.http.get(f"/v1/jobs/{job}").status_code == 200


def test_all_rows_of_the_stack_prove_themselves(scene: Scene) -> None:
    path, config = str(scene.stack.layout.data / "all.audit.gz"), str(scene.stack.config)
    run = scene.stack.longhaul
    checkpoints = "select count(*) from audit_checkpoint"
    until("a checkpoint", lambda: int(scene.stack.psql(checkpoints)[0][0]) > 0)
    run("audit", "export", path, "--force", "--config", config)
    assert "are what was signed" in run("audit", "verify", path)


@pytest.mark.parametrize("call", [c for c in CHANGES if c.endswith("/drain")])
def test_a_drain_has_its_row(scene: Scene, call: str) -> None:
    shown(scene, call)
