"""What the command line adds to a server's answer, or says instead of asking."""

from __future__ import annotations

from scripted import Reply, problem
from shell import Shell


def test_an_operator_who_is_refused_as_a_user_is_told_of_the_tenant(longhaul: Shell) -> None:
    longhaul.server.on("PUT /v1/users/ada", problem(403, "forbidden", "this needs user:write"))
    done = longhaul("user", "set", "ada", "--disable")
    assert done.returncode == 4 and "  an operator says --tenant NAME\n" in done.stderr


def test_an_issuer_is_listed_with_the_roles_that_it_gives(longhaul: Shell) -> None:
    issuer = {"id": "iss_1", "roles": {"engineers": "submitter", "chiefs": "analyst"}}
    longhaul.server.on("GET /v1/issuers", Reply(body={"data": [issuer], "has_more": False}))
    assert "engineers=submitter, chiefs=analyst" in longhaul("issuer", "list").stdout


def test_days_in_the_wrong_order_are_a_slip_and_no_empty_list(longhaul: Shell) -> None:
    done = longhaul("usage", "--from", "2026-02-01", "--until", "2026-01-01")
    assert done.returncode == 2 and "--from has to be before --until" in done.stderr
    assert not longhaul.server.asked


def test_a_new_signing_key_tells_when_it_signs(longhaul: Shell) -> None:
    key = {"id": "kid_1", "signs_at": "2026-01-31T12:00:00.000Z"}
    longhaul.server.on("POST /v1/signing-keys/rotate", Reply(201, key))
    said = longhaul("signing-key", "rotate").stdout
    assert said == f"key kid_1 is published; it signs from {key['signs_at']}\n"


def test_a_revoked_network_is_named(longhaul: Shell) -> None:
    made = {"kind": "network", "network": "10.0.0.0/8", "before": "2026-01-31T12:00:00.000Z"}
    longhaul.server.on("POST /v1/revocations", Reply(201, made))
    said = longhaul("revoke", "--network", "10.0.0.0/8").stdout
    assert said.startswith("revoked: network 10.0.0.0/8, given before 2026-01-31")


def test_a_tenant_without_origins_is_told_what_that_means(longhaul: Shell) -> None:
    longhaul.server.on("GET /v1/tenants/acme/callback-origins", Reply(body={"origins": []}))
    done = longhaul("tenant", "callback-origins", "acme")
    assert done.returncode == 0 and "every callback is refused" in done.stderr
