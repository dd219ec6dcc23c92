"""What is not there is told by its name, and whom a default reaches is counted."""

from __future__ import annotations

from typing import Any

import pytest
from client import Client
from longhaul_dev.fault import Fault
from roles_world import made

pytestmark = pytest.mark.usefixtures("stack")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("api-key create --tenant nosuch --show", "there is no tenant called nosuch"),
        ("revoke --tenant nosuch", "there is no tenant called nosuch"),
        ("role show nosuch --tenant demo", "there is no role called nosuch"),
        ("role remove nosuch --tenant demo", "there is no role called nosuch"),
        ("role show guest --tenant nosuch", "there is no tenant called nosuch"),
        ("limit remove nosuch user", "the plan says nothing of this level"),
    ],
)
def test_what_is_not_there_is_named(stack: Any, words: str, sentence: str) -> None:
    with pytest.raises(Fault, match=sentence):
        stack.longhaul(*words.split())


@pytest.mark.promises("S1.6")
def test_a_default_counts_all_but_those_whose_own_plan_says_it(admin: Client) -> None:
    def held(level: str) -> int:
        path = f"/v1/limits/default/{level}?dry_run=true"
        return int(made(admin.http.put(path, json={"requests": 0, "window_s": 60}), 200)["tenants"])

    own, limit = "/v1/tenants/own-word/plan", {"requests": 60000, "window_s": 60}
    made(admin.http.post("/v1/tenants", json={"name": "own-word"}), 201)
    all_of_them = held("role:reader")
    made(admin.http.put("/v1/limits/own-word/role:reader", json=limit), 200)
    assert held("role:reader") == all_of_them
    made(admin.http.put(own, json={"plan": "own-word"}), 200)
    assert held("role:reader") == all_of_them - 1
    assert held("role:guest") == all_of_them
    made(admin.http.put(own, json={"plan": None}), 200)
    assert held("role:reader") == all_of_them
    made(admin.http.delete("/v1/limits/own-word/role:reader"), 200)


def test_a_key_that_has_ended_is_told_from_one_that_is_good(admin: Client) -> None:
    key = made(admin.http.post("/v1/api-keys", json={"tenant": "demo"}), 201)["id"]
    made(admin.http.delete(f"/v1/api-keys/{key}"), 204)
    refused = admin.http.post(f"/v1/api-keys/{key}/rotate", json={})
    assert refused.status_code == 404
    assert "not rotated, revoked or run out" in refused.json()["detail"]
