"""What tests of audit rows share: a stack's rows, and things to be changed or read in it."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import httpx
from client import Client, chat, until
from stacks import another_operator

CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
FAR = "2099-01-01T00:00:00Z"


def uuid_of(typeid: str) -> str:
    """job_01h... as Postgres shows it."""
    number = 0
    for char in typeid.rpartition("_")[2]:
        number = number * 32 + CROCKFORD.index(char)
    return str(UUID(int=number))


class Scene:
    def __init__(self, stack: Any, client: Client, admin: Client) -> None:
        self.stack, self.client, self.admin = stack, client, admin

    def rows(self, reply: httpx.Response) -> list[dict[str, str]]:
        """The audit rows of one request."""
        names = ["action", "object", "actor", "credential", "source"]
        names += ["actor_kind", "outcome", "reason", "count"]
        request = uuid_of(reply.headers["x-request-id"])
        found = self.stack.psql(
            f"select {', '.join(names)} from audit where request = '{request}' order by row_id"
        )
        return [dict(zip(names, row, strict=True)) for row in found]

    def waiting(self) -> str:
        return self.client.submit(chat("later", run_at=FAR))["id"]

    def ended(self) -> str:
        job = self.waiting()
        self.client.http.post(f"/v1/jobs/{job}/cancel").raise_for_status()
        return job

    def done(self, text: str = "now", **more: Any) -> str:
        job = self.client.submit(chat(text, **more))["id"]
        until("it ends", lambda: self.state(job) == "completed")
        return job

    def state(self, job: str) -> str:
        return self.stack.psql(f"select state from job where job_id = '{uuid_of(job)}'")[0][0]

    def tenant(self) -> str:
        name = self.stack.psql("select 't' || substr(gen_random_uuid()::text, 1, 8)")[0][0]
        self.admin.http.post("/v1/tenants", json={"name": name}).raise_for_status()
        return name

    def key(self) -> str:
        reply = self.admin.http.post("/v1/api-keys", json={"tenant": self.tenant()})
        reply.raise_for_status()
        return str(reply.json()["id"])

    def issuer(self) -> httpx.Response:
        name = self.tenant()
        body = {"tenant": name, "issuer": f"https://{name}.test", "audience": "longhaul"}
        body["jwks_url"] = f"https://{name}.test/jwks.json"
        return self.admin.http.post("/v1/issuers", json=body)

    def unrevoked(self) -> httpx.Response:
        row = self.admin.http.post("/v1/revocations", json={"tenant": self.tenant()}).json()
        return self.admin.http.delete(f"/v1/revocations/{row['id']}")

    def token(self) -> httpx.Response:
        form = {"grant_type": "client_credentials", "scope": "offline_access"}
        return self.client.http.post("/v1/auth/token", data=form)

    def queue(self) -> str:
        self.admin.http.patch("/v1/queues/audited", json={"weight": 1}).raise_for_status()
        return "/v1/queues/audited"

    def role(self) -> str:
        """A role that ann has, and its path."""
        path = "/v1/tenants/demo/roles/watcher"
        self.admin.http.put(path, json={"rules": ["allow job:read"]}).raise_for_status()
        self.user("watcher").raise_for_status()
        return path

    def user(self, *roles: str) -> httpx.Response:
        return self.admin.http.put("/v1/tenants/demo/users/ann", json={"roles": list(roles)})

    def free_role(self) -> str:
        path = self.role()
        self.user().raise_for_status()
        return path

    def second(self) -> Client:
        """Another operator."""
        return Client(self.stack.env["LONGHAUL_ADMIN_URL"], another_operator(self.stack)["key"])

    def asked(self) -> tuple[str, str]:
        """A tenant, and an approval that pends there."""
        base = f"/v1/tenants/{self.tenant()}"
        reply = self.admin.http.put(f"{base}/two-people", json={"required": True})
        found = re.search("apr_[0-9a-z]{26}", reply.json()["detail"])
        assert found, reply.text
        return base, found[0]

    def decided(self, verb: str) -> httpx.Response:
        base, approval = self.asked()
        return self.second().http.post(f"{base}/approvals/{approval}/{verb}")

    def two_people(self) -> httpx.Response:
        base, approval = self.asked()
        self.second().http.post(f"{base}/approvals/{approval}/approve").raise_for_status()
        return self.admin.http.put(f"{base}/two-people", json={"required": True})

    def worker(self) -> str:
        return str(self.admin.http.get("/v1/workers").json()["data"][0]["id"])
