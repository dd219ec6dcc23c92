"""What the command line says of who would be locked out, before a server that answers as told."""

from __future__ import annotations

import json

import pytest
from scripted import Reply
from shell import Shell


def shut_out(yourself: bool = False, **more: object) -> Reply:
    counted = {"keys": 2, "users": 1, "families": 0, "yourself": yourself}
    return Reply(body={"object": "change", "dry_run": True, **counted, **more})


API_KEY = {"id": "key_1", "name": "ci", "tenant": "acme", "last_used_at": None}
TOLD = "nothing was changed: 2 API keys, 1 user, 0 families of refresh tokens would stop\n"
THEIRS = "access tokens are not counted: theirs end too\n"
HEAD = 'key      key_1 "ci" of acme\nused     never\n'
ENDS = "2026-01-31T12:00:00.000Z"
NOBODY_LEFT = "warning: no operator's key would be left; `longhaul bootstrap --another` makes one\n"
IDLE = {
    "rule": "allow job:submit priority>=5",
    "wider": "allow job:submit priority>=3",
    "path": "night > submitter",
}
UNKNOWN = {"keys": None, "users": None, "families": None, "your_address": True}
FROM_HERE = (
    "warning: you call from there: tenants' keys that are used from your address stop;"
    " an operator's key goes on\n"
)


@pytest.mark.parametrize(
    ("words", "asked", "reply", "out", "err"),
    [
        (
            ("api-key", "revoke", "key_1"),
            "DELETE /v1/api-keys/key_1",
            shut_out(key=API_KEY),
            HEAD + TOLD,
            "",
        ),
        (
            ("api-key", "revoke", "key_1"),
            "DELETE /v1/api-keys/key_1",
            shut_out(yourself=True, key=API_KEY | {"tenant": ""}, operators_left=0),
            HEAD.replace("acme", "an operator") + TOLD,
            "warning: you are among them\n" + NOBODY_LEFT,
        ),
        (
            ("api-key", "rotate", "key_1", "--overlap", "0"),
            "POST /v1/api-keys/key_1/rotate",
            shut_out(key=API_KEY, ends_at=ENDS, tokens_end=True),
            f"{HEAD}ends     {ENDS}\n{TOLD}access tokens that it bought end with it\n",
            "",
        ),
        (
            ("revoke", "--tenant", "acme"),
            "POST /v1/revocations",
            shut_out(kind="tenant"),
            TOLD + THEIRS,
            "",
        ),
        (
            ("revoke", "--tenant", "acme", "--token", "tok_1"),
            "POST /v1/revocations",
            shut_out(kind="credential"),
            TOLD + "access tokens are not counted: the one that is named ends too,"
            " and what was exchanged from it\n",
            "",
        ),
        (
            ("revoke", "--network", "10.0.0.0/8"),
            "POST /v1/revocations",
            shut_out(**UNKNOWN),
            "nothing was changed: how many would stop is not known\n"
            "API keys are not counted: they stop where they are used from there\n",
            FROM_HERE,
        ),
        (
            ("revoke", "--issuer", "https://idp", "--sub", "ursula"),
            "POST /v1/revocations",
            shut_out(keys=0, users=0, families=1, user="usr_1", issuer="https://idp"),
            "user     usr_1 of https://idp\nnothing was changed: 0 API keys, 0 users, 1 family of"
            " refresh tokens would stop\n" + THEIRS,
            "",
        ),
        (
            ("issuer", "remove", "iss_1"),
            "DELETE /v1/issuers/iss_1",
            shut_out(issuer={"issuer": "https://idp", "tenant": "acme"}, users=None),
            "issuer   https://idp of acme\nnothing was changed: 2 API keys, 0 families of refresh"
            " tokens would stop, and all of its tokens\n",
            "",
        ),
        (
            ("user", "set", "ada", "--disable"),
            "PUT /v1/users/ada",
            shut_out(
                users=None, after={"disabled": True}, gained=[], lost=["job:read", "job:submit"]
            ),
            "nothing was changed: 2 API keys, 0 families of refresh tokens would stop\n"
            "lost    job:read\n        job:submit\n",
            "",
        ),
        (
            ("role", "set", "boss", "allow job:read"),
            "PUT /v1/roles/boss",
            shut_out(yourself=True, gained=[], lost=["role:write"]),
            "nothing was changed: 1 user and 2 keys hold it\nlost    role:write\n",
            "warning: you are among them\n",
        ),
        (
            ("role", "set", "night", "--parents", "submitter", "allow job:submit priority>=5"),
            "PUT /v1/roles/night",
            shut_out(gained=[], lost=[], idle=[IDLE]),
            "nothing was changed: 1 user and 2 keys hold it\n",
            'warning: "allow job:submit priority>=5" restricts nothing: night > submitter has'
            ' "allow job:submit priority>=3"\n',
        ),
        (
            ("tenant", "limits", "acme", "--max-queued", "5"),
            "PATCH /v1/tenants/acme/limits",
            Reply(
                body={
                    "max_queued": 5,
                    "before": {"weight": 1},
                    "queued": 2,
                    "waiting": 3,
                    "running": 2,
                    "dry_run": True,
                }
            ),
            "nothing was changed: 5 of its jobs are queued or wait, 2 run\n"
            "before\nweight       1\nmax-running  -\nmax-queued   -\n"
            "after\nweight       -\nmax-running  -\nmax-queued   5\n",
            "warning: its new jobs would be refused until fewer than 5 are queued or wait\n",
        ),
        (
            ("tenant", "callback-origins", "acme", "https://b", "https://c"),
            "PUT /v1/tenants/acme/callback-origins",
            Reply(
                body={
                    "before": ["https://a", "https://b"],
                    "origins": ["https://b", "https://c"],
                    "dry_run": True,
                }
            ),
            "nothing was changed\ngained  https://c\nlost    https://a\n",
            "",
        ),
        (
            ("signing-key", "emergency-rotate"),
            "POST /v1/signing-keys/rotate",
            Reply(body={"dry_run": True, "ends": ["kid_1", "kid_2"]}),
            "nothing was changed: all tokens of 2 keys would be refused; API keys and refresh"
            " tokens get new ones\nends    kid_1\n        kid_2\n",
            "",
        ),
    ],
)
def test_a_dry_run_says_who_would_be_locked_out(
    longhaul: Shell, words: tuple[str, ...], asked: str, reply: Reply, out: str, err: str
) -> None:
    path = f"{asked}?dry_run=true"
    longhaul.server.on(asked, reply)
    done = longhaul(*words, "-n")
    assert (done.returncode, done.stdout, done.stderr) == (0, out, err)
    assert json.loads(longhaul(*words, "--dry-run", "--json").stdout) == reply.body
    assert [f"{one.method} {one.path}" for one in longhaul.server.asked] == [path] * 2


def test_a_dry_run_that_a_server_does_not_know_is_no_quiet_success(longhaul: Shell) -> None:
    longhaul.server.on("DELETE /v1/api-keys/key_1", Reply(204))
    done = longhaul("api-key", "revoke", "key_1", "--dry-run")
    assert done.returncode == 1 and not done.stdout and "IT WAS DONE" in done.stderr
