"""Tokens and roles: what a token may is what its principal may, narrowed, for as long as it may."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from checker import typeid_uuid
from client import Client, until
from issuer import Issuer, Issuers, key
from stacks import admin_client, running

pytestmark = pytest.mark.promises("S1.1", "S1.6")

ROOT = Path(__file__).resolve().parents[2]
SEEN_S = 60
FAR = "2099-01-01T00:00:00Z"
LATER = {"kind": "noop", "input": {}, "run_at": FAR}
TENANT = "rights"
OPTIONS = {
    "identity": {"allow_http": True, "allow_networks": ["127.0.0.0/8"]},
    "producer": {"comment_ms": 1000},
}


@dataclass
class World:
    stack: Any
    http: httpx.Client
    admin: Client
    issuers: Issuers

    def key(self, **more: Any) -> dict[str, Any]:
        reply = self.admin.http.post("/v1/api-keys", json={"tenant": TENANT, **more})
        assert reply.status_code == 201, reply.text
        return reply.json()

    def user(self, name: str, *roles: str, **more: Any) -> str:
        path = f"/v1/tenants/{TENANT}/users/{name}"
        reply = self.admin.http.put(path, json={"roles": list(roles), **more})
        assert reply.status_code == 200, reply.text
        return str(reply.json()["id"])

    def token(self, api_key: str, **form: str) -> str:
        whole = {"grant_type": "client_credentials", **form}
        reply = self.http.post("/v1/auth/token", data=whole, headers=bearer(api_key))
        assert reply.status_code == 200, reply.text
        return str(reply.json()["access_token"])

    def register(self, **more: Any) -> tuple[Issuer, str]:
        """An issuer of this tenant's, and its id once it is believed."""
        one = self.issuers.issuer(TENANT, key("EdDSA"))
        whose = {"tenant": TENANT, "issuer": one.iss, "audience": one.audience}
        reply = self.admin.http.post("/v1/issuers", json={**whose, "jwks_url": one.url, **more})
        assert reply.status_code == 201, reply.text
        until("it is believed", lambda: self.get("/v1/jobs", one.token()) != 401, SEEN_S)
        return one, str(reply.json()["id"])

    def submit(self, token: str, body: Any = LATER) -> str:
        reply = self.http.post("/v1/jobs", json=body, headers=bearer(token))
        assert reply.status_code == 202, reply.text
        return str(reply.json()["id"])

    def get(self, path: str, token: str) -> int:
        return self.http.get(path, headers=bearer(token)).status_code

    def post(self, token: str, **body: Any) -> int:
        whole = {**LATER, **body}
        return self.http.post("/v1/jobs", json=whole, headers=bearer(token)).status_code


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with running("token-rights", lite=True, config_overrides=OPTIONS) as stack:
        admin, issuers = admin_client(stack), Issuers()
        http = httpx.Client(base_url=stack.env["LONGHAUL_URL"], timeout=60)
        assert admin.http.post("/v1/tenants", json={"name": TENANT}).status_code == 201
        yield World(stack, http, admin, issuers)
        http.close()
        admin.close()
        issuers.close()


# ---- roles ----


def test_a_token_may_what_its_user_may_just_now(world: World) -> None:
    world.user("ada", "submitter")
    token = world.token(world.key(user="ada")["key"])
    own, anothers = world.submit(token), world.submit(world.key()["key"])
    assert world.get(f"/v1/jobs/{own}", token) == 200
    assert world.get(f"/v1/jobs/{anothers}", token) == 404
    assert world.get("/v1/usage", token) == 403
    world.user("ada", "submitter", "reader")
    until("ada reads all", lambda: world.get(f"/v1/jobs/{anothers}", token) == 200, SEEN_S)
    world.user("ada", "submitter", disabled=True)
    until("ada is out", lambda: world.get(f"/v1/jobs/{own}", token) == 403, SEEN_S)


def test_another_issuers_people_hold_what_their_roles_are_called_here(world: World) -> None:
    one, _ = world.register(roles={"engineers": "submitter", "auditors": "reader"})
    nobody, engineer = one.token(), one.token(roles=["engineers", "unheard-of"])
    assert world.get("/v1/jobs", nobody) == 403
    own, anothers = world.submit(engineer), world.submit(world.key()["key"])
    assert world.get(f"/v1/jobs/{own}", engineer) == 200
    assert world.get(f"/v1/jobs/{anothers}", engineer) == 404
    # the same person with other roles is somebody who holds other roles
    assert world.get(f"/v1/jobs/{anothers}", one.token(roles=["auditors"])) == 200
    assert world.get(f"/v1/jobs/{own}", nobody) == 403
    # and what the role allows is asked for as it stands now
    path = f"/v1/tenants/{TENANT}/roles/late"
    late, _ = world.register(roles={"*": "late"})
    assert world.get("/v1/usage", late.token()) == 403
    rules = {"rules": ["allow usage:read"]}
    assert world.admin.http.put(path, json=rules).status_code == 200
    until("the role is there", lambda: world.get("/v1/usage", late.token()) == 200, SEEN_S)


@pytest.mark.parametrize("role", ["operator", "observer"])
def test_no_issuer_makes_an_operator(world: World, role: str) -> None:
    """Not even by a map from a version that took it."""
    one, issuer = world.register(roles={"more": "guest"})
    roles = json.dumps({"*": role, "more": "guest", "news": "reader"})
    with psycopg.connect(world.stack.env["LONGHAUL_PG_URL"]) as record:
        change = "update issuer set roles = %s where issuer_id = %s"
        record.execute(change, [roles, typeid_uuid(issuer)])
        record.execute("update access_sequence set seq = seq + 1")
    until(
        "the map is read", lambda: world.get("/v1/usage", one.token(roles=["news"])) == 200, SEEN_S
    )
    token = one.token(roles=["more"])
    assert world.get("/v1/jobs", token) == 200
    assert world.get("/v1/usage", token) == 403
    url = world.stack.env["LONGHAUL_ADMIN_URL"]
    assert httpx.get(f"{url}/v1/tenants", headers=bearer(token)).status_code == 403


def test_a_limit_of_any_role_counts(world: World) -> None:
    """Be it the last of as many as a token may name, and named by two of its words."""
    names = [f"r{i}" for i in range(30)]
    for name in names:
        body = {"rules": ["allow job:read"], "parents": []}
        path = f"/v1/tenants/{TENANT}/roles/{name}"
        assert world.admin.http.put(path, json=body).status_code == 200
    one, _ = world.register(roles={**{name: name for name in names}, "again": "r29"})
    token = one.token(roles=[*names, "again"])
    limit = {"requests": 2, "window_s": 86400, "burst": 2}
    try:
        reply = world.admin.http.put("/v1/limits/many/role:r29", json=limit)
        assert reply.status_code == 200, reply.text
        plan = world.admin.http.put(f"/v1/tenants/{TENANT}/plan", json={"plan": "many"})
        assert plan.status_code == 200, plan.text

        def is_counted() -> bool:
            reply = world.http.get("/v1/jobs", headers=bearer(token))
            assert reply.status_code == 200, reply.text
            return "RateLimit-Policy" in reply.headers

        until("the limit holds", is_counted, SEEN_S)
        assert [world.get("/v1/jobs", token) for _ in range(2)] == [200, 429]
        assert world.get("/v1/jobs", one.token(roles=names[:29])) == 200
    finally:
        world.admin.http.put(f"/v1/tenants/{TENANT}/plan", json={"plan": None})


def test_nobody_gives_beyond_their_scopes(world: World) -> None:
    world.user("chief", "tenant-admin")
    chief = world.key(user="chief")["key"]
    narrow = world.token(chief, scope="user:write role:write user:read")

    def put(path: str, body: Any, token: str = narrow) -> int:
        return world.http.put(path, json=body, headers=bearer(token)).status_code

    assert put("/v1/users/mallory", {"roles": ["tenant-admin"]}) == 403
    assert put("/v1/users/mallory", {"roles": ["guest"]}) == 403
    assert put("/v1/roles/wide", {"rules": ["allow job:read"]}) == 403
    assert put("/v1/roles/narrow", {"rules": ["allow user:read"]}) == 200
    assert put("/v1/users/mallory", {"roles": ["narrow"]}) == 200
    assert put("/v1/users/mallory", {"roles": ["guest"]}, chief) == 200
    # nor is more taken away
    assert put("/v1/users/mallory", {"disabled": True}) == 403


def test_scopes_are_names_of_permissions(world: World) -> None:
    made = world.key()["key"]
    hook = {"url": "https://hooks.example/x"}
    origins = {"origins": ["https://hooks.example"]}
    path = f"/v1/tenants/{TENANT}/callback-origins"
    assert world.admin.http.put(path, json=origins).status_code == 200
    assert world.post(made, callback=hook) == 202
    submits = world.token(made, scope="job:submit")
    assert world.post(submits) == 202
    assert world.get("/v1/jobs", submits) == 403
    assert world.post(submits, callback=hook) == 403
    assert world.post(submits, subject="somebody-else") == 403
    assert world.post(world.token(made, scope="job:submit callback:use"), callback=hook) == 202
    jobs = world.token(made, scope="job:*")
    assert world.post(jobs) == 202 and world.get("/v1/jobs", jobs) == 200
    assert world.get("/v1/usage", jobs) == 403
    # what is changed and not to be read is not shown
    job = world.submit(jobs)
    cancels = world.token(made, scope="job:cancel")
    reply = world.http.post(f"/v1/jobs/{job}/cancel", headers=bearer(cancels))
    assert reply.status_code == 204 and not reply.content
    # a scope opens nothing that no role allows
    world.user("bob", "guest")
    beyond = world.token(world.key(user="bob")["key"], scope="job:submit job:read")
    assert world.post(beyond) == 403 and world.get("/v1/jobs", beyond) == 200


# ---- at claim ----


def test_jobs_of_who_was_revoked_fail_when_they_are_claimed(world: World) -> None:
    put = {"leaver": world.user("leaver", "service"), "stayer": world.user("stayer", "service")}
    keys = {name: world.key(user=name) for name in put}
    turned, gone = world.key(), world.key()
    path = "/v1/queues/rights-wait"
    assert world.admin.http.patch(path, json={}).status_code in (200, 201)
    assert world.admin.http.post(f"{path}/pause").status_code == 200
    body = {"kind": "noop", "input": {}, "queue": "rights-wait"}
    stays = keys["stayer"]["key"]
    until("the queue is known", lambda: world.post(stays, queue="rights-wait") == 202, SEEN_S)
    jobs = {name: world.submit(made["key"], body) for name, made in keys.items()}
    jobs["turned"], jobs["gone"] = (
        world.submit(turned["key"], body),
        world.submit(gone["key"], body),
    )
    shut = {"tenant": TENANT, "user": put["leaver"]}
    assert world.admin.http.post("/v1/revocations", json=shut).status_code == 201
    for made in (turned, gone):  # a key whose successor is good is still somebody
        path_of = f"/v1/api-keys/{made['id']}/rotate"
        reply = world.admin.http.post(path_of, json={"overlap_s": 0})
        assert reply.status_code == 201
        made["next"] = reply.json()["id"]
    assert world.admin.http.delete(f"/v1/api-keys/{gone['next']}").status_code == 204
    jobs["later"] = world.submit(world.key(user="leaver")["key"], body)
    assert world.admin.http.post(f"{path}/resume").status_code == 200
    reader = Client(world.stack.env["LONGHAUL_URL"], stays)
    ends = {name: reader.wait(job) for name, job in jobs.items()}
    codes = {name: (job["error"] or {}).get("code") for name, job in ends.items()}
    want = {"leaver": "forbidden", "gone": "forbidden"}
    assert codes == {name: want.get(name) for name in jobs}
    reader.close()


# ---- open streams ----


@dataclass
class Stream:
    """An event stream of a job that waits; read by a line at a time."""

    reply: httpx.Response
    lines: Iterator[str]

    def until_end(self) -> str:
        """By the server's hand: one that goes on for two minutes of comments fails."""
        said: list[str] = []
        for line in self.lines:
            said.append(line)
            assert sum(one.startswith(":") for one in said) < 2 * SEEN_S, "it goes on"
        return "\n".join(said)

    def comments(self, n: int) -> None:
        while n:
            n -= next(self.lines).startswith(":")


@pytest.fixture
def listen(world: World) -> Iterator[Callable[..., Stream]]:
    opened: list[Any] = []

    def open_one(token: str, job: str) -> Stream:
        manager = world.http.stream("GET", f"/v1/jobs/{job}/events", headers=bearer(token))
        reply = manager.__enter__()
        opened.append(manager)
        assert reply.status_code == 200
        one = Stream(reply, reply.iter_lines())
        assert next(one.lines)
        return one

    yield open_one
    for manager in opened:
        manager.__exit__(None, None, None)


def test_a_stream_ends_with_who_listens_and_outlives_a_credential_that_ran_out(
    world: World, listen: Callable[..., Stream]
) -> None:
    owner = world.key()["key"]
    job = world.submit(owner)
    one, issuer = world.register(roles={"*": "reader"})
    world.user("cleo", "reader")
    world.user("dora", "reader")
    short = world.key(expires_in_s=2)["key"]
    stays = listen(short, job)
    ending = {
        "its issuer is believed no more": listen(one.token(), job),
        "its user is disabled": listen(world.key(user="cleo")["key"], job),
        "its user may not read any more": listen(world.token(world.key(user="dora")["key"]), job),
        "its signing key leaked": listen(world.token(owner), job),
    }
    until("the key has run out", lambda: world.get("/v1/jobs", short) == 401, SEEN_S)
    assert world.admin.http.delete(f"/v1/issuers/{issuer}").status_code == 204
    world.user("cleo", "reader", disabled=True)
    world.user("dora", "guest")
    emergency = world.admin.http.post("/v1/signing-keys/rotate", json={"emergency": True})
    assert emergency.status_code == 201
    for why, stream in ending.items():
        assert "job.cancelled" not in stream.until_end(), why
    stays.comments(7)  # a second apart: it was judged after its key had run out
    cancel = world.http.post(f"/v1/jobs/{job}/cancel", headers=bearer(owner))
    assert cancel.status_code == 200
    assert "job.cancelled" in stays.until_end()


def test_who_waited_for_an_answer_is_judged_again_when_it_comes(world: World) -> None:
    owner = world.key()["key"]
    job = world.submit(owner)
    world.user("erin", "reader")
    one, issuer = world.register(roles={"*": "reader"})
    path = f"/v1/jobs/{job}"

    def poll(token: str) -> int:
        reply = world.http.get(f"{path}?wait=50", headers=bearer(token), timeout=120)
        return reply.status_code

    def watchers() -> int:
        found = re.search(r"^longhaul_watchers (\d+)", world.admin.http.get("/metrics").text, re.M)
        return int(found[1]) if found else 0

    before = watchers()
    erin = world.token(world.key(user="erin")["key"])
    ada = one.token()
    with ThreadPoolExecutor(3) as pool:
        polls = [pool.submit(poll, token) for token in (erin, ada, owner)]
        until("they wait", lambda: watchers() == before + 3, SEEN_S)
        world.user("erin", "guest")
        assert world.admin.http.delete(f"/v1/issuers/{issuer}").status_code == 204
        until("erin is out", lambda: world.get(path, erin) == 404, SEEN_S)
        until("ada is out", lambda: world.get(path, ada) == 401, SEEN_S)
        cancel = world.http.post(f"{path}/cancel", headers=bearer(owner))
        assert cancel.status_code == 200
        assert [one.result() for one in polls] == [403, 401, 200]


# ---- at rest ----


def test_secrets_of_ours_rest_sealed(world: World) -> None:
    secret = "correct horse battery staple, and then some"
    body = {"tenant": TENANT, "issuer": "https://sealed.test", "audience": "longhaul"}
    reply = world.admin.http.post("/v1/issuers", json={**body, "secret": secret, "kid": "s"})
    assert reply.status_code == 201 and secret not in reply.text
    rows = world.stack.psql(
        "select encode(secret, 'hex') from signing_key"
        " union all select encode(secret, 'hex') from issuer where secret is not null"
    )
    assert len(rows) >= 2
    for (stored,) in rows:
        assert stored.startswith("01") and secret.encode().hex() not in stored
    own = world.stack.psql(
        "select count(*) from subject_key where tenant_id = '00000000-0000-0000-0000-000000000000'"
    )
    assert [tuple(row) for row in own] == [("1",)]


# ---- the command line ----


@pytest.fixture
def longhaul(world: World) -> Callable[..., str]:
    def run(*words: str, code: int = 0) -> str:
        environment = {"LONGHAUL_PROFILE": str(world.stack.profile), "PATH": os.environ["PATH"]}
        done = subprocess.run(
            [ROOT / "build/release/longhaul", *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    return run


def test_the_command_line_of_who_may_come(
    world: World, longhaul: Callable[..., str], tmp_path: Path
) -> None:
    url = "https://idp.test/jwks.json"
    whose = ("--tenant", TENANT, "--audience", "longhaul", "--jwks-url", url)
    longhaul("issuer", "add", "https://cli.test", *whose, "--role", "*=reader")
    listed = longhaul("issuer", "list", "--tenant", TENANT)
    assert "https://cli.test" in listed and url in listed
    row = next(line for line in listed.splitlines() if "https://cli.test" in line)
    longhaul("issuer", "remove", row.split()[0])
    assert "https://cli.test" not in longhaul("issuer", "list")
    made = world.key(name="turning")
    file = tmp_path / "next"
    longhaul("api-key", "rotate", made["id"], "--overlap", "1h", "--key-file", str(file))
    assert world.get("/v1/jobs", file.read_text().strip()) == 200
    token = world.token(made["key"])
    longhaul("revoke", "--tenant", TENANT, "--user", made["id"])
    until("it is refused", lambda: world.get("/v1/jobs", token) == 401, SEEN_S)


def test_the_command_line_of_keys_that_sign(
    world: World, longhaul: Callable[..., str], tmp_path: Path
) -> None:
    longhaul("signing-key", "rotate")
    both = longhaul("signing-key", "list")
    assert {"token", "webhook"} <= {line.split()[0] for line in both.splitlines()[1:]}
    tokens = longhaul("signing-key", "list", "--kind", "token")
    assert "next" in tokens and "webhook" not in tokens and TENANT not in tokens
    assert TENANT in longhaul("signing-key", "list", "--kind", "webhook")
    longhaul("signing-key", "rotate", "--overlap", "1h", code=2)
    secret = tmp_path / "secret"
    longhaul("signing-key", "rotate", TENANT, "--webhook-secret-file", str(secret))
    assert secret.read_text().startswith("whsec_")
    owner = world.key()["key"]
    token = world.token(owner)
    assert world.get("/v1/jobs", token) == 200
    assert "nothing that older keys signed is believed" in longhaul(
        "signing-key", "emergency-rotate"
    )
    until("what it signed is refused", lambda: world.get("/v1/jobs", token) == 401, SEEN_S)
    until("a new one is believed", lambda: world.get("/v1/jobs", world.token(owner)) == 200, SEEN_S)
    signs = longhaul("signing-key", "list", "--kind", "token").splitlines()[1:]
    assert [line.split()[2] for line in signs if "ended" not in line] == ["signs"]
