"""Who may take back what was revoked: not whom it shuts out, and no tenant what an operator did."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from client import Client
from own_world import TENANT, Own, own_world, refused, revoke, standing, take_back
from roles_world import made, make_key

pytestmark = pytest.mark.promises("S1.1", "S1.11")


@pytest.fixture(scope="module")
def own() -> Iterator[Own]:
    with own_world("taking-back") as one:
        yield one


def test_what_an_operator_revoked_is_an_operators_to_take_back(own: Own) -> None:
    user, key = own.person("barred", "reader")
    body = {"tenant": TENANT, "user": user}
    entry = revoke(own.admin, **body)
    own.everywhere(key, 401)
    assert standing(own.chief)[entry["id"]]["by"] == "operator"
    # nor does it become theirs by being asked for once more
    again = revoke(own.chief, user=user)
    assert (again["id"], again["by"]) == (entry["id"], "operator")
    assert again["by_credential"] == entry["by_credential"]
    refused(take_back(own.chief, entry["id"]), 403, "ask an operator")
    own.everywhere(key, 401)
    made(take_back(own.admin, entry["id"]), 204)
    own.everywhere(key, 200)
    # once it was taken back, who asks next is who revoked; an operator who joins has it again
    assert revoke(own.chief, user=user)["by"] == "user"
    made(take_back(own.chief, entry["id"]), 204)
    revoke(own.chief, user=user)
    assert revoke(own.admin, **body)["by"] == "operator"
    refused(take_back(own.chief, entry["id"]), 403, "ask an operator")
    made(take_back(own.admin, entry["id"]), 204)


def test_whoever_is_shut_out_does_not_let_himself_in_again(own: Own) -> None:
    """By a key that was made afterwards, by hand of a colleague or of an operator."""
    user, key = own.person("boss", "tenant-admin")
    mine = revoke(own.chief, user=user)
    own.everywhere(key, 401)
    later = Client(
        own.urls[0], made(own.chief.http.post("/v1/api-keys", json={"user": "boss"}), 201)["key"]
    )
    refused(take_back(later, mine["id"]), 403, "shuts you out")
    made(take_back(own.chief, mine["id"]), 204)
    # what is meant for another is taken back by anybody who may
    other, _ = own.person("bossed", "reader")
    made(take_back(later, revoke(own.chief, user=other)["id"]), 204)
    # a whole tenant lets itself in no more
    first, beside = own.tenant("own-whole")
    entry = revoke(first, everybody=True)
    chief = make_key(own.admin, own.urls[1], tenant="own-whole", user="chief")
    refused(take_back(chief, entry["id"]), 403, "shuts you out")
    made(take_back(own.admin, entry["id"]), 204)
    for client in (later, first, beside, chief):
        client.close()
