"""The schemas are whole, their vectors agree with them, and no call of the API is missing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
import yaml
from client import Client, chat
from roles_world import made, put_user

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas"
ROUTE = re.compile(r'^\s*\{"(?P<method>[A-Z]+)",\s*"(?P<path>/[^"]*)"', re.MULTILINE)


PARTS = ("input", "partial_output", "attempts", "events", "deliveries", "place")


def read_json(name: str) -> Any:
    return json.loads((SCHEMAS / name).read_text())


def read_yaml(name: str) -> Any:
    return yaml.safe_load((SCHEMAS / name).read_text())


@pytest.mark.promises("C1", "C3")
@pytest.mark.parametrize("name", ["job-submit", "webhook"])
def test_vectors_are_answered_as_they_say(name: str) -> None:
    check = fastjsonschema.compile(read_json(f"{name}.schema.json"))
    vectors = read_json(f"vectors/{name}.json")
    for vector in vectors["valid"]:
        check(vector["body"])
    for vector in vectors["invalid"]:
        try:
            check(vector["body"])
        except fastjsonschema.JsonSchemaException:
            continue
        assert vector.get("schema") == "accepts", vector["name"]


def references(node: Any) -> Iterator[str]:
    """Every $ref below a node."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


@pytest.mark.parametrize("name", ["openapi.yaml", "asyncapi.yaml"])
def test_references_lead_somewhere(name: str) -> None:
    document = read_yaml(name)
    for reference in references(document):
        file, _, pointer = reference.partition("#")
        node = read_json(file) if file else document
        for part in pointer.split("/")[1:]:
            node = node[part.replace("~1", "/").replace("~0", "~")]


@pytest.mark.promises("C2")
def test_every_route_is_described_and_every_description_has_a_route() -> None:
    served = {
        (route["method"], re.sub(r"\{\w+\}", "{}", route["path"]))
        for source in (ROOT / "producer").rglob("*.c")
        for route in ROUTE.finditer(source.read_text())
    }
    described = {
        (method.upper(), re.sub(r"\{\w+\}", "{}", path))
        for path, calls in read_yaml("openapi.yaml")["paths"].items()
        for method in calls
        if method != "parameters"
    }
    assert served - described == set()
    assert described - served == set()


@pytest.mark.promises("C2")
def test_every_call_has_a_name_and_says_how_it_refuses() -> None:
    calls = [
        call
        for path in read_yaml("openapi.yaml")["paths"].values()
        for method, call in path.items()
        if method != "parameters"
    ]
    names = [call["operationId"] for call in calls]
    assert len(set(names)) == len(names)
    for call in calls:
        needs = {"401", "403", "503"} if call.get("security") != [] else set()
        assert needs <= set(call["responses"]), call["operationId"]


def component(name: str) -> Any:
    """A check of one schema of the OpenAPI document."""
    components = read_yaml("openapi.yaml")["components"]
    schema = {**components["schemas"][name], "components": components}
    return fastjsonschema.compile(schema, handlers={"": read_json})


@pytest.mark.promises("C2")
def test_replies_are_as_described(client: Client, admin: Client) -> None:
    job = component("Job")
    submitted = client.submit(chat("a text", metadata={"k": "v"}))
    job(submitted)
    job(client.wait(submitted["id"]))
    failed = client.submit(chat("a text", model="sim?fail=400"))
    job(client.wait(failed["id"]))
    for one in (submitted, failed):
        more = client.get(one["id"], expand=",".join(PARTS))
        job(more)
        assert set(PARTS) <= set(more)
    page = client.http.get("/v1/jobs", params={"limit": 5}).json()
    component("Page")(page)
    for entry in page["data"]:
        job(entry)
    for path in ("/v1/queues", "/v1/workers", "/v1/upstreams", "/v1/tenants", "/v1/api-keys"):
        component("Page")(admin.http.get(path).json())
    for path, name in (("/v1/workers", "Worker"), ("/v1/tenants", "Tenant")):
        rows = admin.http.get(path).json()["data"]
        assert rows
        for row in rows:
            component(name)(row)


def only(name: str, body: Any) -> Any:
    """It is as described, and has no member that is not."""
    described = read_yaml("openapi.yaml")["components"]["schemas"][name]["properties"]
    assert set(body) - set(described) == set()
    return component(name)(body)


@pytest.mark.promises("C2")
def test_keys_issuers_and_revocations_are_as_described(admin: Client) -> None:
    made(admin.http.post("/v1/tenants", json={"name": "described"}), 201)
    put_user(admin, "someone", "reader", tenant="described")
    of: Any = {"tenant": "described"}
    keys: list[Any] = [
        of,
        {**of, "user": "someone", "scope": "job:read"},
        {"roles": ["observer"], "expires_in_s": 60},
    ]
    key = ""
    for body in keys[::-1]:
        key = only("ApiKey", made(admin.http.post("/v1/api-keys", json=body), 201))["id"]
    iss = {**of, "audience": "longhaul", "roles": {"*": "reader"}}
    whose: list[Any] = [
        {**iss, "issuer": "https://described.test", "jwks_url": "https://described.test/keys"},
        {**iss, "issuer": "https://secret.test", "secret": "s" * 32, "kid": "k"},
    ]
    ids = []
    for body in whose:
        entry = only("Issuer", made(admin.http.post("/v1/issuers", json=body), 201))
        ids.append(entry["id"])
    somebody = {"issuer": "https://described.test", "sub": "ada"}
    jti = "tok_01h455vb4pex5vsknk084sn02q"
    revokes: list[Any] = [
        somebody,
        {**of, "token": jti},
        {**of, "user": key},
        {**of, "network": "203.0.113.0/24"},
        {"network": "203.0.113.0/24"},
    ]
    for body in revokes:
        dry = admin.http.post("/v1/revocations", json=body, params={"dry_run": "true"})
        only("ShutOut", made(dry, 200))
        entry = only("Revocation", made(admin.http.post("/v1/revocations", json=body), 201))
        if "token" not in body:
            made(admin.http.delete(f"/v1/revocations/{entry['id']}"), 204)
    ends = [f"/v1/issuers/{ids[0]}", f"/v1/api-keys/{key}"]
    for path in ends:
        only("ShutOut", made(admin.http.delete(path, params={"dry_run": "true"}), 200))
    made(admin.http.delete(ends[1]), 204)
    lists = {"/v1/api-keys": "ApiKey", "/v1/issuers": "Issuer", "/v1/revocations": "Revocation"}
    for path, name in lists.items():
        page = made(admin.http.get(path, params=of), 200)
        assert page["data"]
        for row in page["data"]:
            only(name, row)


@pytest.mark.promises("C1")
def test_refusals_are_as_described(client: Client) -> None:
    problem = fastjsonschema.compile(read_json("problem.schema.json"))
    replies = [
        client.http.post("/v1/jobs", content=b"{"),
        client.http.post("/v1/jobs", json={"kind": "chat"}),
        client.http.post("/v1/jobs", json={**chat("x"), "kind": "purge"}),
        client.http.get("/v1/jobs/job_01h455vb4pex5vsknk084sn02q"),
        client.http.get("/v1/jobs", params={"limit": 0}),
        client.http.get("/v1/nothing"),
        client.http.put("/v1/jobs"),
    ]
    for reply in replies:
        assert reply.headers["content-type"] == "application/problem+json"
        problem(reply.json())
        assert reply.json()["status"] == reply.status_code
