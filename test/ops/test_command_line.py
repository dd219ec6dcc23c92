"""The command line on its own, and before a server that answers as a script says."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from scripted import Reply, problem
from shell import JOB, KEY, LONGHAUL, OTHER, ROOT, Shell, job

COMMANDS = {
    "access explain", "api-key create", "api-key list", "api-key revoke", "api-key rotate",
    "approval approve", "approval list", "approval refuse", "audit anomalies", "audit export",
    "audit key", "audit verify", "bootstrap", "cancel", "check-config", "completion", "demo",
    "epoch activate", "epoch destroy", "epoch escrow", "epoch list", "epoch make", "epoch restore",
    "get", "help", "history list", "issuer add", "issuer list", "issuer remove", "limit list",
    "limit plan", "limit remove", "limit set", "list", "migrate", "queue drain", "queue list",
    "queue pause", "queue resume", "queue set", "retry", "review cancel", "review list",
    "review release", "revocation list", "revocation remove", "revoke", "role list", "role move",
    "role remove", "role set", "role show", "sealing status", "signing-key emergency-rotate",
    "signing-key list", "signing-key rotate", "submit", "tenant callback-origins", "tenant create",
    "tenant limits", "tenant list", "top", "two-people off", "two-people on", "two-people show",
    "upstream allow", "upstream auto", "upstream block", "upstream list", "upstream show", "usage",
    "user list", "user set", "version", "wait", "watch", "why", "worker drain", "worker list",
}  # fmt: skip


def test_the_reference_page_is_what_the_program_prints(longhaul: Shell) -> None:
    assert longhaul("help", "--markdown").stdout == (ROOT / "docs/cli.md").read_text()


def test_the_table_names_every_command(longhaul: Shell) -> None:
    table = json.loads(longhaul("help", "--json").stdout)["data"]
    assert {" ".join(filter(None, (c.get("noun"), c["verb"]))) for c in table} == COMMANDS


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_explains_itself(longhaul: Shell, command: str) -> None:
    for words in ((*command.split(), "--help"), ("help", *command.split())):
        done = longhaul(*words)
        assert done.returncode == 0 and not done.stderr
        assert done.stdout.startswith(f"usage: longhaul {command}")
        assert "--json" in done.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "usage: longhaul COMMAND"),
        (("queue",), "longhaul COMMAND"),
        (("sumbit", "x"), 'did you mean "submit"?'),
        (("foo",), 'see "longhaul help"'),
        (("submit", "x", "--timeout", "5"), "--timeout goes with"),
        (("tenant", "create", "acme"), "--webhook-secret-file FILE, or --show"),
        (("submit", "x", "--priority", "12"), "from 0 to 9"),
        (("submit", "x", "--colour"), "no option --colour"),
        (("submit",), "give a prompt"),
        (("submit", "x", "--wait", "--watch"), "not both"),
        (("submit", "--ndjson", "f", "x"), "no prompt"),
        (("get",), "JOB... is missing; usage: longhaul get JOB..."),
        (("get", "7"), "not a job's id"),
        (("cancel",), "name jobs, or a filter such as --state failed"),
        (("retry", "--tenant", "t"), "name jobs, or a filter such as --state failed"),
        (("cancel", JOB, "--state", "failed"), "not both"),
        (("list", "--created-after", "noon"), "takes a time"),
        (("api-key", "create"), "--tenant NAME is needed"),
        (("api-key", "create", "--tenant", "t"), "--key-file FILE, or --show"),
        (("revoke", "--issuer", "https://idp"), "--issuer and --sub go together"),
        (("revoke", "--tenant", "t", "--sub", "ada"), "--issuer and --sub go together"),
        (("revoke", "--sub", "ada"), "--tenant NAME is needed"),
        (("revoke", "--own", "--tenant", "t"), "--tenant goes without it"),
        (("approval", "list", "--state", "bogus"), "all"),
        (("migrate",), "LONGHAUL_CONFIG"),
        (("completion", "tcsh"), "bash, zsh and fish"),
    ],
)
def test_a_wrong_command_line_sends_nothing_and_exits_2(
    longhaul: Shell, words: tuple[str, ...], sentence: str
) -> None:
    done = longhaul(*words)
    assert done.returncode == 2 and not done.stdout
    assert sentence in done.stderr
    assert not longhaul.server.asked


def test_a_key_is_sent_from_its_file_and_stands_nowhere_else(longhaul: Shell) -> None:
    longhaul.server.on(f"GET /v1/jobs/{JOB}", Reply(body=job()))
    done = longhaul("get", JOB)
    assert done.returncode == 0 and KEY not in done.stdout + done.stderr
    assert longhaul.server.asked[0].headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("name", "words", "sentence"),
    [
        *(
            ("admin_key_file", tuple(words.split()), "or --own with the key of api_key_file")
            for words in (
                "api-key list",
                "api-key revoke key_1",
                "api-key rotate key_1 --show",
                "issuer list",
                "issuer remove iss_1",
                "revocation list",
                "revocation remove rev_1",
                "revoke --tenant t",
            )
        ),
        ("admin_key_file", ("tenant", "list"), "this needs an operator's key\n"),
        ("api_key_file", ("approval", "list"), "an operator says --tenant NAME\n"),
        ("api_key_file", ("get", JOB), "names no api_key_file\n"),
    ],
)
def test_who_has_the_other_key_is_told_with_what_it_goes(
    longhaul: Shell, name: str, words: tuple[str, ...], sentence: str
) -> None:
    kept = [line for line in longhaul.profile.read_text().splitlines() if name not in line]
    longhaul.profile.write_text("\n".join(kept) + "\n")
    done = longhaul(*words)
    assert done.returncode == 2 and sentence in done.stderr
    assert not longhaul.server.asked


def test_a_key_file_that_others_may_read_is_refused(longhaul: Shell) -> None:
    longhaul.key_file.chmod(0o644)
    done = longhaul("get", JOB)
    assert done.returncode == 2 and str(longhaul.key_file) in done.stderr
    assert not longhaul.server.asked


def test_a_key_in_the_profile_is_refused(longhaul: Shell) -> None:
    longhaul.profile.write_text(longhaul.profile.read_text() + f"api_key={KEY}\n")
    done = longhaul("get", JOB)
    assert done.returncode == 2 and "keys stand in files" in done.stderr and KEY not in done.stderr


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (problem(422, "invalid_field", "no"), 1),
        (problem(404, "not_found", "no"), 3),
        (problem(401, "unauthorized", "no"), 4),
        (problem(403, "forbidden", "no"), 4),
        (problem(409, "conflict", "no"), 7),
        (problem(429, "queue_full", "no"), 5),
        (problem(429, "keys_full", "no"), 1),
        (problem(429, "revocations_full", "no"), 1),
        (problem(503, "unavailable", "no"), 5),
        (Reply(500, b"<html>oh"), 1),
        (Reply(200, b"not json"), 5),
        (Reply(200, b"{}", cut=True), 5),
    ],
)
def test_exit_codes_say_what_the_server_said(longhaul: Shell, reply: Reply, code: int) -> None:
    longhaul.server.on(f"GET /v1/jobs/{JOB}", reply)
    done = longhaul("get", JOB)
    assert done.returncode == code and not done.stdout and done.stderr.startswith("longhaul get: ")


def test_no_server_at_all_exits_5(longhaul: Shell) -> None:
    longhaul.server.close()
    done = longhaul("list")
    assert done.returncode == 5 and "did not answer" in done.stderr


def test_a_refusal_is_told_with_its_pointers(longhaul: Shell) -> None:
    errors = [{"pointer": "/queue", "detail": "no queue has this name"}]
    refusal = problem(422, "unknown_queue", "no queue has this name", errors=errors)
    refusal.body["title"] = "a field has a wrong value"
    refusal.headers["Retry-After"] = "7"
    longhaul.server.on("POST /v1/jobs", refusal)
    done = longhaul("submit", "hi", "--queue", "q")
    assert done.returncode == 1
    assert done.stderr == (
        "longhaul submit: a field has a wrong value (unknown_queue)\n"
        "  /queue: no queue has this name\n"
        "  try again in 7 s\n"
    )


def test_submit_prints_the_id_and_sends_what_was_typed(longhaul: Shell) -> None:
    longhaul.server.on("POST /v1/jobs", Reply(202, job("queued")))
    done = longhaul(
        "submit", "say", "-", "--idempotency-key", "k", "--priority", "1", stdin="hello"
    )
    assert done.stdout == f"{JOB}\n" and done.returncode == 0
    asked = longhaul.server.asked[0]
    assert asked.headers["Idempotency-Key"] == "k"
    assert json.loads(asked.body) == {
        "kind": "chat",
        "priority": 1,
        "input": {"model": "sim", "messages": [{"role": "user", "content": "say hello"}]},
    }


@pytest.mark.promises("C10")
def test_a_submit_that_was_cut_is_tried_again_as_the_same_one(longhaul: Shell) -> None:
    longhaul.server.on(
        "POST /v1/jobs",
        Reply(202, b"{", cut=True),
        problem(503, "unavailable", "away"),
        Reply(202, job("queued"), {"Idempotent-Replayed": "true"}),
    )
    done = longhaul("submit", "once")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{JOB}\n", "")
    keys = {one.headers["Idempotency-Key"] for one in longhaul.server.asked}
    assert len(longhaul.server.asked) == 3 and len(keys) == 1


def test_a_submit_of_unknown_fate_says_how_to_settle_it(longhaul: Shell) -> None:
    longhaul.server.on("POST /v1/jobs", Reply(202, b"{", cut=True))
    done = longhaul("submit", "once")
    assert done.returncode == 5 and "may have been accepted: --idempotency-key cli-" in done.stderr


def test_wait_outlives_a_server_that_is_away_for_a_moment(longhaul: Shell) -> None:
    longhaul.server.on(
        f"GET /v1/jobs/{JOB}",
        problem(503, "unavailable", "away"),
        Reply(body=job("running")),
        Reply(body=b"{", cut=True),
        Reply(body=job()),
    )
    done = longhaul("wait", JOB)
    assert (done.returncode, done.stdout) == (0, "forty-two\n")
    assert done.stderr == f"{JOB} running\n"


def test_wait_ends_when_its_time_is_over(longhaul: Shell) -> None:
    longhaul.server.on(f"GET /v1/jobs/{JOB}", Reply(body=job("running")))
    done = longhaul("wait", JOB, "--timeout", "1")
    assert done.returncode == 6 and not done.stdout and "it goes on" in done.stderr


def test_waiting_for_several_prints_a_line_each_and_fails_when_one_failed(longhaul: Shell) -> None:
    longhaul.server.on(f"GET /v1/jobs/{JOB}", Reply(body=job()))
    longhaul.server.on(f"GET /v1/jobs/{OTHER}", Reply(body=job("failed", OTHER)))
    done = longhaul("wait", JOB, OTHER)
    assert (done.returncode, done.stdout) == (1, f"{JOB} completed\n{OTHER} failed\n")
    assert longhaul("wait", JOB, OTHER, "--json").stdout.count("\n") == 2


def test_a_failed_job_says_why_and_exits_1(longhaul: Shell) -> None:
    error = {"code": "upstream_auth", "message": "the upstream refused our key"}
    longhaul.server.on(f"GET /v1/jobs/{JOB}", Reply(body=job("failed", error=error)))
    done = longhaul("wait", JOB)
    assert done.returncode == 1
    assert done.stderr == f"{JOB} failed: the upstream refused our key (upstream_auth)\n"


def events(*rows: tuple[int, str, dict[str, object]]) -> bytes:
    return "".join(f"id: {n}\nevent: {e}\ndata: {json.dumps(d)}\n\n" for n, e, d in rows).encode()


STREAM = {"Content-Type": "text/event-stream"}


@pytest.mark.promises("C2")
def test_watch_takes_a_cut_stream_up_behind_the_last_event(longhaul: Shell) -> None:
    first = events((1, "job.queued", {}), (2, "job.running", {}), (3, "job.delta", {"text": "for"}))
    half = first + b"id: 4\nevent: job.delta\ndata: {"
    rest = events((3, "job.delta", {"text": "for"}), (4, "job.delta", {"text": "ty-two"}))
    rest += events((5, "job.completed", {}))
    longhaul.server.on(
        f"GET /v1/jobs/{JOB}/events",
        Reply(body=half, headers=STREAM, cut=True),
        problem(503, "unavailable", "away"),
        Reply(body=rest, headers=STREAM),
    )
    done = longhaul("watch", JOB)
    assert (done.returncode, done.stdout) == (0, "forty-two\n")
    assert done.stderr == f"{JOB} queued\n{JOB} running\n"
    asked = [one.headers.get("Last-Event-ID") for one in longhaul.server.asked]
    assert asked == [None, "3", "3"]


def test_watch_prints_events_as_json_lines(longhaul: Shell) -> None:
    stream = events(
        (1, "job.queued", {}), (2, "job.delta", {"text": "x"}), (3, "job.completed", {})
    )
    longhaul.server.on(f"GET /v1/jobs/{JOB}/events", Reply(body=stream, headers=STREAM))
    lines = [json.loads(line) for line in longhaul("watch", JOB, "--json").stdout.splitlines()]
    assert [(line["id"], line["event"]) for line in lines] == [
        (1, "job.queued"),
        (2, "job.delta"),
        (3, "job.completed"),
    ]
    assert lines[1]["data"] == {"text": "x"}


def test_watch_of_a_job_that_fails_says_why(longhaul: Shell) -> None:
    stream = events((1, "job.delta", {"text": "abc"}), (2, "job.failed", {}))
    error = {"code": "deadline", "message": "the job's deadline passed"}
    longhaul.server.on(f"GET /v1/jobs/{JOB}/events", Reply(body=stream, headers=STREAM))
    longhaul.server.on(f"GET /v1/jobs/{JOB}", Reply(body=job("failed", error=error)))
    done = longhaul("watch", JOB)
    assert (done.returncode, done.stdout) == (1, "abc\n")
    assert "deadline passed (deadline)" in done.stderr


def test_watch_behind_the_last_text_prints_no_text(longhaul: Shell) -> None:
    stream = events((9, "job.completed", {}))
    longhaul.server.on(f"GET /v1/jobs/{JOB}/events", Reply(body=stream, headers=STREAM))
    longhaul.server.on(f"GET /v1/jobs/{JOB}", Reply(body=job()))
    assert longhaul("watch", JOB, "--after", "8").stdout == ""
    assert longhaul("watch", JOB).stdout == "forty-two\n"


def test_watch_of_a_foreign_job_is_not_tried_again(longhaul: Shell) -> None:
    done = longhaul("watch", JOB)
    assert done.returncode == 3 and len(longhaul.server.asked) == 1


def test_the_wrong_address_for_operators_is_named(longhaul: Shell) -> None:
    away = problem(404, "not_found", "nothing is served at this path")
    longhaul.server.on("GET /v1/queues", away)
    done = longhaul("queue", "list")
    assert done.returncode == 3 and "is not the operators' address" in done.stderr


def test_lists_are_read_page_by_page(longhaul: Shell) -> None:
    longhaul.server.on(
        "GET /v1/jobs",
        Reply(body={"object": "list", "data": [job()], "has_more": True, "next": "c1"}),
        Reply(body={"object": "list", "data": [job("failed", OTHER)], "has_more": False}),
    )
    done = longhaul("list", "--queue", "a b", "--dead", "--limit", "50")
    assert done.returncode == 0
    head, *rows = done.stdout.splitlines()
    assert head.split()[:2] == ["JOB", "STATE"]
    assert [row.split()[:2] for row in rows] == [[JOB, "completed"], [OTHER, "failed"]]
    paths = [one.path for one in longhaul.server.asked]
    assert paths[0] == "/v1/jobs?queue=a%20b&dead=true&limit=50"
    assert paths[1] == "/v1/jobs?queue=a%20b&dead=true&limit=49&after=c1"


def test_personal_filters_travel_in_the_body(longhaul: Shell) -> None:
    empty = Reply(body={"object": "list", "data": [], "has_more": False, "next": None})
    longhaul.server.on("POST /v1/jobs/search", empty)
    done = longhaul("list", "--subject", "user-7", "--metadata", "k=v", "--json")
    assert json.loads(done.stdout) == {
        "object": "list",
        "data": [],
        "has_more": False,
        "next": None,
    }
    asked = longhaul.server.asked[0]
    assert "user-7" not in asked.path
    assert json.loads(asked.body) == {"subject": "user-7", "metadata": {"k": "v"}, "limit": 20}


def test_a_filter_is_worked_off_to_its_end(longhaul: Shell) -> None:
    step = {"object": "change", "matched": 500, "changed": 499, "dry_run": False}
    longhaul.server.on(
        "POST /v1/jobs/cancel",
        Reply(body=step | {"has_more": True}),
        Reply(body=step | {"has_more": False}),
    )
    done = longhaul("cancel", "--queue", "q", "--metadata", "k=v")
    assert (done.returncode, done.stdout) == (0, "998 jobs changed\n")
    bodies = [json.loads(one.body) for one in longhaul.server.asked]
    body = {"queue": "q", "metadata": {"k": "v"}, "dry_run": False, "limit": 2000}
    assert bodies == [body] * 2
    assert done.stderr == "499 jobs changed so far\n"


def test_a_retry_says_what_it_left_for_want_of_room_and_does_not_ask_again(longhaul: Shell) -> None:
    left = {"queue_full": 0, "queue_draining": 2, "tenant_full": 5}
    step = {"object": "change", "matched": 10, "changed": 3, "dry_run": False, "left": left}
    longhaul.server.on("POST /v1/jobs/retry", Reply(body=step | {"has_more": True}))
    done = longhaul("retry", "--state", "failed")
    queue, tenant = "the queue takes no more jobs", "the tenant has as many jobs waiting as it may"
    assert done.returncode == 0
    assert done.stdout == f"3 jobs changed\n2 left: {queue}\n5 left: {tenant}\n"
    assert len(longhaul.server.asked) == 1
    assert json.loads(longhaul("retry", "--state", "failed", "--json").stdout)["left"] == left
    dry = longhaul("retry", "--state", "failed", "--dry-run").stdout
    assert dry.endswith(f"\n2 would be left: {queue}\n5 would be left: {tenant}\n")


def test_a_tenant_alone_means_all_that_has_not_ended(longhaul: Shell) -> None:
    count = {"object": "change", "matched": 9, "changed": 0, "dry_run": True, "has_more": False}
    longhaul.server.on("POST /v1/tenants/acme/jobs/cancel", Reply(body=count))
    done = longhaul("cancel", "--tenant", "acme", "--dry-run")
    assert (done.returncode, done.stdout) == (0, "9 jobs match; nothing was changed\n")
    body = {"state": "queued,waiting,running", "dry_run": True, "limit": 2000}
    assert json.loads(longhaul.server.asked[0].body) == body


def test_a_dry_run_changes_nothing_and_counts(longhaul: Shell) -> None:
    count = {"object": "change", "matched": 7, "changed": 0, "dry_run": True, "has_more": False}
    longhaul.server.on("POST /v1/jobs/retry", Reply(body=count))
    done = longhaul("retry", "--dead", "--dry-run")
    assert done.stdout == "7 jobs match; nothing was changed\n"
    body = {"dead": True, "dry_run": True, "limit": 2000}
    assert json.loads(longhaul.server.asked[0].body) == body
    assert json.loads(longhaul("retry", "--dead", "--dry-run", "--json").stdout)["matched"] == 7


def test_a_new_key_goes_to_a_private_file_and_nowhere_else(longhaul: Shell, tmp_path: Path) -> None:
    made = {"id": "key_1", "object": "api_key", "tenant": "t", "key": KEY}
    longhaul.server.on("POST /v1/api-keys", Reply(201, made))
    path = tmp_path / "new.key"
    done = longhaul("api-key", "create", "--tenant", "t", "--key-file", str(path), "--json")
    assert done.returncode == 0 and KEY not in done.stdout
    assert path.read_text() == KEY + "\n" and stat.S_IMODE(path.stat().st_mode) == 0o600
    again = longhaul("api-key", "create", "--tenant", "t", "--key-file", str(path))
    assert again.returncode == 2 and "only written to a new file" in again.stderr
    assert len(longhaul.server.asked) == 1
    shown = longhaul("api-key", "create", "--tenant", "t", "--show")
    # a script takes the key alone, and who reads sees by what it ends
    assert (shown.stdout, shown.stderr) == (KEY + "\n", "key key_1 is made\n")


def test_nothing_is_left_of_a_key_that_was_not_made(longhaul: Shell, tmp_path: Path) -> None:
    longhaul.server.on("POST /v1/api-keys", problem(403, "forbidden", "no"))
    path = tmp_path / "new.key"
    assert longhaul("api-key", "create", "--tenant", "t", "-k", str(path)).returncode == 4
    assert not path.exists()


def test_bash_completes_commands_options_and_words(longhaul: Shell, tmp_path: Path) -> None:
    script = tmp_path / "completion"
    script.write_text(longhaul("completion", "bash").stdout)

    def completes(*words: str) -> set[str]:
        quoted = " ".join(f"'{word}'" for word in words)
        ask = f"source {script}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _longhaul; "
        ask += 'printf "%s\\n" "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True)
        return set(done.stdout.split())

    assert completes("longhaul", "wa") == {"wait", "watch"}
    assert completes("longhaul", "queue", "") == {"list", "set", "pause", "resume", "drain"}
    assert "--concurrency" in completes("longhaul", "queue", "set", "--c")
    assert completes("longhaul", "submit", "--kind", "c") == {"chat"}
    assert completes("longhaul", "submit", "--file", f"{tmp_path}/comp") == {str(script)}
    assert completes("longhaul", "completion", "") == {"bash", "zsh", "fish"}
    assert completes("longhaul", "--pro") == {"--profile"}
    assert completes("longhaul", "--profile", f"{tmp_path}/comp") == {str(script)}
    assert completes("longhaul", "--profile", "p", "queue", "dr") == {"drain"}
    assert completes("longhaul", "help", "au") == {"audit"}
    assert completes("longhaul", "help", "audit", "ver") == {"verify"}
    assert completes("longhaul", "help", "--mark") == {"--markdown"}
    assert completes("longhaul", "check-config", f"{tmp_path}/comp") == {str(script)}
    assert completes("longhaul", "audit", "verify", "a", f"{tmp_path}/comp") == {str(script)}
    assert completes("longhaul", "audit", "verify", "--check") == {"--checkpoint"}
    assert completes("longhaul", "list", "--state", "queued,ru") == {"queued,running"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_that_its_shell_reads(
    longhaul: Shell, tmp_path: Path, shell: str
) -> None:
    done = longhaul("completion", shell)
    assert done.returncode == 0
    for name in COMMANDS:
        assert name.split()[-1] in done.stdout
    if shutil.which(shell):
        script = tmp_path / "script"
        script.write_text(done.stdout)
        subprocess.run([shell, "-n", str(script)], check=True)


def test_a_closed_pipe_is_a_failure_and_not_silence(longhaul: Shell) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [LONGHAUL, "help"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=120
        )
    assert done.returncode == 1 and "could not be written" in done.stderr


def test_an_upstreams_breaker_is_set_by_hand(longhaul: Shell) -> None:
    path = "/v1/upstreams/main/models/org%2Fbig/breaker"
    longhaul.server.on(
        f"PUT {path}", Reply(200, {"mode": "block", "until": "2026-01-31T12:10:00Z"})
    )
    done = longhaul("upstream", "block", "main", "org/big", "--for", "10m")
    assert (done.returncode, done.stdout) == (
        0,
        "model org/big of upstream main is not called until 2026-01-31T12:10:00Z\n",
    )
    assert json.loads(longhaul.server.asked[-1].body) == {"mode": "block", "ttl_s": 600}


def test_an_upstream_is_shown_as_all_workers_see_it(longhaul: Shell) -> None:
    moved = {"at": "2026-01-31T12:00:00.000Z", "state": "open", "reason": "failures"}
    breaker = {"model": "big", "state": "open", "mode": "auto", "failed": 9, "history": [moved]}
    upstream = {"name": "main", "base_url": "https://m", "shared": True, "breakers": [breaker]}
    listed = {"object": "list", "data": [upstream], "has_more": False}
    longhaul.server.on("GET /v1/upstreams", Reply(200, listed))
    done = longhaul("upstream", "show", "main")
    assert done.returncode == 0, done.stderr
    words = done.stdout.split()
    assert {"big", "open", "auto", "failures", "2026-01-31T12:00:00.000Z"} <= set(words)
    assert longhaul("upstream", "show", "other").returncode == 3
