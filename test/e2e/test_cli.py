"""The command line as a person uses it, before a whole stack."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from client import Client, chat, until
from receiver import Receiver

ROOT = Path(__file__).resolve().parents[2]
LONGHAUL = ROOT / "build" / os.environ.get("LONGHAUL_MODE", "release") / "longhaul"
FAR = "2099-01-01T00:00:00Z"

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]


@pytest.fixture
def longhaul(stack: Any) -> Run:
    """Runs longhaul with the stack's profile; everything it is given is in its argv and files."""

    def run(*words: str, stdin: str = "", profile: Path | None = None) -> Done:
        environment = {
            "LONGHAUL_PROFILE": str(profile or stack.profile),
            "LONGHAUL_CONFIG": str(stack.config),
            "PATH": os.environ["PATH"],
        }
        return subprocess.run(
            [LONGHAUL, *words],
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=90,
        )

    return run


@pytest.fixture
def ok(longhaul: Run) -> Callable[..., str]:
    """The same for what must succeed: its standard output."""

    def run(*words: str, **how: Any) -> str:
        done = longhaul(*words, **how)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def as_json(ok: Callable[..., str]) -> Callable[..., Any]:
    def run(*words: str, **how: Any) -> Any:
        return json.loads(ok(*words, "--json", **how))

    return run


@pytest.mark.promises("X1", "C1")
def test_a_prompt_comes_back_as_an_answer(ok: Callable[..., str]) -> None:
    text = "Queues hold work. They are patient. Nobody waits at the counter."
    waited = ok("submit", "-m", "sim", "--wait", *text.split())
    watched = ok("submit", "-m", "sim", "--watch", text)
    piped = ok("submit", "-m", "sim", "--wait", "-", stdin=text)
    assert waited == watched == piped
    assert waited.strip() and waited.endswith("\n")


@pytest.mark.promises("C1")
def test_submit_prints_an_id_that_every_other_command_takes(ok: Callable[..., str]) -> None:
    job = ok("submit", "-m", "sim", "Say hello.", "--metadata", "who=me").strip()
    answer = ok("wait", job)
    assert ok("get", job, "--text") == answer
    shown = ok("get", job)
    assert f"job          {job}" in shown and "state        completed" in shown
    assert "metadata     who=me" in shown and shown.endswith("\n" + answer)
    assert ok("watch", job) == answer


@pytest.mark.promises("C10")
def test_an_idempotency_key_gives_the_same_job_again(longhaul: Run) -> None:
    words = ("submit", "-m", "sim", "once", "--idempotency-key", "cli-once", "--run-at", FAR)
    first, again = longhaul(*words), longhaul(*words)
    assert first.stdout == again.stdout and again.returncode == 0
    assert "it is the same job" in again.stderr
    other = longhaul("submit", "-m", "sim", "twice", "--idempotency-key", "cli-once")
    assert other.returncode == 7 and "idempotency_conflict" in other.stderr


@pytest.mark.promises("C1")
def test_bulk_takes_lines_and_names_the_refused(longhaul: Run, ok: Callable[..., str]) -> None:
    lines = [json.dumps(chat(f"Line {n}.")) for n in range(5)]
    lines.insert(2, '{"kind": "chat", "queue": "nowhere", "input": {}}')
    done = longhaul("submit", "--ndjson", "-", "--metadata", "set=cli", stdin="\n".join(lines))
    jobs = done.stdout.split()
    assert done.returncode == 1 and len(jobs) == 5
    assert "line 3: " in done.stderr and "5 accepted, 1 refused" in done.stderr
    states = ok("wait", *jobs).splitlines()
    assert states == [f"{job} completed" for job in jobs]
    listed = json.loads(ok("list", "--metadata", "set=cli", "--json"))["data"]
    assert {job["id"] for job in listed} == set(jobs)


@pytest.mark.promises("C2")
def test_watch_shows_text_as_it_comes_and_events_as_json(longhaul: Run, client: Client) -> None:
    job = client.submit(chat("slowly", model="sim?tokens=20&itl_ms=20"))["id"]
    done = longhaul("watch", job, "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert events[0]["event"] == "job.queued" and events[-1]["event"] == "job.completed"
    text = "".join(e["data"]["text"] for e in events if e["event"] == "job.delta")
    assert longhaul("get", job, "--text").stdout.rstrip("\n") == text.rstrip("\n")
    later = longhaul("watch", job, "--json", "--after", "2").stdout.splitlines()
    assert json.loads(later[0])["id"] == 3


@pytest.mark.promises("C2")
def test_a_job_that_fails_exits_1_and_says_why(longhaul: Run) -> None:
    words = ("submit", "-m", "sim?fail=400", "--max-attempts", "1", "no")
    for how in ("--wait", "--watch"):
        done = longhaul(*words, how)
        assert done.returncode == 1 and "failed" in done.stderr and "(upstream_" in done.stderr


@pytest.mark.promises("C2")
def test_waiting_can_end_before_the_job(longhaul: Run, ok: Callable[..., str]) -> None:
    job = ok("submit", "-m", "sim", "later", "--run-at", FAR).strip()
    for verb in ("wait", "watch"):
        done = longhaul(verb, job, "--timeout", "1")
        assert done.returncode == 6 and not done.stdout and "it goes on" in done.stderr
    ok("cancel", job)
    ended = longhaul("wait", job)
    assert ended.returncode == 1 and "cancelled" in ended.stderr


@pytest.mark.promises("C2", "C8")
def test_cancel_and_retry_by_id(longhaul: Run, ok: Callable[..., str]) -> None:
    ok("queue", "set", "cli-held")
    ok("queue", "pause", "cli-held")
    words = ("submit", "-q", "cli-held", "-m", "sim", "again")
    job, later = ok(*words).strip(), ok(*words, "--run-at", FAR).strip()
    assert ok("cancel", job, job, later).count(" cancelled\n") == 3
    assert ok("retry", job, later) == f"{job} queued\n{later} waiting\n"
    ok("queue", "resume", "cli-held")
    assert ok("wait", job) and ok("cancel", later)
    done = longhaul("cancel", job)
    assert done.returncode == 7 and "completed" in done.stderr


@pytest.mark.promises("C2", "C5")
def test_cancel_and_retry_by_filter(ok: Callable[..., str], as_json: Callable[..., Any]) -> None:
    ok("queue", "set", "cli-filter")
    words = ("submit", "-q", "cli-filter", "--kind", "noop", "--run-at", FAR)
    jobs = [ok(*words).strip() for _ in range(3)]
    mine = ("--queue", "cli-filter")
    assert ok("cancel", *mine, "--dry-run") == "3 jobs match; nothing was changed\n"
    assert ok("cancel", *mine) == "3 jobs changed\n"
    assert ok("cancel", *mine) == "0 jobs changed\n"
    assert as_json("retry", *mine, "--state", "cancelled")["changed"] == 3
    assert ok("list", *mine, "--state", "waiting").count("job_") == len(jobs)


@pytest.mark.promises("C2")
def test_a_filter_reaches_every_page(longhaul: Run, ok: Callable[..., str]) -> None:
    ok("queue", "set", "cli-many")
    line = json.dumps({"kind": "noop", "input": {}, "queue": "cli-many", "run_at": FAR})
    jobs = ok("submit", "--ndjson", "-", stdin=f"{line}\n" * 1200).split()
    assert len(set(jobs)) == 1200
    assert ok("list", "-q", "cli-many", "--limit", "1100").count("job_") == 1100
    mine = ("--queue", "cli-many")
    assert ok("cancel", *mine, "--dry-run") == "1200 jobs match; nothing was changed\n"
    assert ok("cancel", *mine) == "1200 jobs changed\n"
    assert ok("list", *mine, "--state", "waiting").count("job_") == 0


@pytest.mark.promises("C8", "C12")
def test_an_operator_ends_a_runaway_tenants_jobs_in_batches(
    longhaul: Run, ok: Callable[..., str], as_json: Callable[..., Any], client: Client
) -> None:
    ok("queue", "set", "cli-runaway")
    line = {"kind": "noop", "input": {}, "queue": "cli-runaway", "run_at": FAR}
    client.bulk([line] * 5000)
    theirs = ("--tenant", "demo", "--queue", "cli-runaway")
    assert ok("cancel", *theirs, "--dry-run") == "5000 jobs match; nothing was changed\n"
    assert as_json("cancel", "--tenant", "demo2", "--queue", "cli-runaway", "-n")["matched"] == 0
    done = longhaul("cancel", *theirs)
    assert (done.returncode, done.stdout) == (0, "5000 jobs changed\n")
    told = [line for line in done.stderr.splitlines() if line.endswith(" jobs changed so far")]
    assert told == ["2000 jobs changed so far", "4000 jobs changed so far"]
    assert as_json("retry", *theirs, "--state", "cancelled", "-n")["matched"] == 5000
    assert longhaul("cancel", "--tenant", "nobody", "--queue", "cli-runaway").returncode == 3
    assert longhaul("cancel", "--tenant", "nobody").returncode == 3
    assert longhaul("cancel", *theirs, "--subject", "x").returncode != 0


@pytest.mark.promises("S1.6")
def test_request_limits_are_tried_set_given_and_removed(
    ok: Callable[..., str], longhaul: Run
) -> None:
    more = "--requests", "600000", "--window", "2m", "--burst", "50"
    tried = ok("limit", "set", "cli-plan", "user", *more, "--dry-run")
    assert tried == (
        "before   nothing\n"
        "after    600000 requests in 120 s, 50 at once\n"
        "nothing was changed: it would hold for 0 tenants\n"
    )
    assert "cli-plan" not in ok("limit", "list")
    ok("tenant", "create", "cli-planned", "--show")
    for dry in ([], ["-n"]):
        assert longhaul("limit", "plan", "cli-planned", "cli-plan", *dry).returncode == 7
    ok("limit", "set", "cli-plan", "user", *more)
    ok("limit", "set", "cli-plan", "role:guest", "--requests", "0")
    listed = ok("limit", "list").splitlines()
    assert ["cli-plan", "user", "600000", "-", "120", "50"] in [row.split() for row in listed]
    free = next(row.split() for row in listed if "role:guest" in row and "cli-plan" in row)
    assert free[2:4] == ["free", "-"]
    assert ok("limit", "plan", "cli-planned", "cli-plan", "-n").endswith("nothing was changed\n")
    assert ok("limit", "plan", "cli-planned") == "none of its own\n"
    ok("limit", "plan", "cli-planned", "cli-plan")
    assert ok("limit", "plan", "cli-planned") == "cli-plan\n"
    removed = ok("limit", "remove", "cli-plan", "role:guest", "-n")
    assert removed.startswith("before   free\nafter    nothing\n") and " 1 tenants" in removed
    assert ok("limit", "plan", "cli-planned", "--none").startswith("before   cli-plan\n")
    for level in ("role:guest", "user"):
        ok("limit", "remove", "cli-plan", level)
    assert longhaul("limit", "remove", "cli-plan", "user").returncode == 3
    assert longhaul("limit", "set", "cli-plan", "nobody", "--requests", "1").returncode != 0
    assert longhaul("limit", "set", "cli-plan", "tokens", "--requests", "1").returncode == 2
    assert longhaul("limit", "set", "cli-plan", "user", "--tokens", "1").returncode == 2
    tokens = ok("limit", "set", "cli-plan", "tokens", "--tokens", "9000", "-n")
    assert "after    9000 tokens in 60 s, 9000 at once\n" in tokens
    assert longhaul("limit", "set", "cli-plan", "a/b", "--requests", "1").returncode == 2


@pytest.mark.promises("C12")
def test_a_tenants_limits_are_set_and_shown(ok: Callable[..., str], longhaul: Run) -> None:
    assert "whsec_" in ok("tenant", "create", "cli-limited", "--show")
    assert "weight       1\n" in ok("tenant", "limits", "cli-limited")
    ok("tenant", "limits", "cli-limited", "--weight", "3", "--max-running", "7")
    shown = ok("tenant", "limits", "cli-limited", "--max-queued", "9")
    assert shown == "weight       3\nmax-running  7\nmax-queued   9\n"
    ok("tenant", "limits", "cli-limited", "--max-running", "0")
    assert "max-running  -\n" in ok("tenant", "limits", "cli-limited")
    assert longhaul("tenant", "limits", "cli-limited", "--weight", "0").returncode == 2
    assert longhaul("tenant", "limits", "no-such-tenant").returncode == 3


@pytest.mark.promises("C5")
def test_dead_letters_are_counted_and_sent_again(
    ok: Callable[..., str], as_json: Callable[..., Any], client: Client
) -> None:
    ok("queue", "set", "cli-dead")
    job = chat("x", model="sim?fail=400&fail_times=1", queue="cli-dead")
    for one in [client.submit(job)["id"] for _ in range(3)]:
        assert client.wait(one)["state"] == "failed"
    dead = ("--dead", "--queue", "cli-dead", "--error-code", "upstream_rejected")
    assert as_json("retry", *dead, "--dry-run")["matched"] == 3
    assert ok("retry", *dead) == "3 jobs changed\n"
    until(
        "all are completed",
        lambda: ok("list", "-q", "cli-dead", "--state", "completed").count("job_") == 3,
    )


@pytest.mark.promises("C2")
def test_list_filters_pages_and_json(ok: Callable[..., str], as_json: Callable[..., Any]) -> None:
    ok("queue", "set", "cli-list")
    made = [ok("submit", "-q", "cli-list", "--kind", "noop").strip() for _ in range(5)]
    ok("wait", *made)
    first = as_json("list", "-q", "cli-list", "--limit", "2")
    rest = as_json("list", "-q", "cli-list", "--after", first["next"])
    assert [job["id"] for job in first["data"] + rest["data"]] == made[::-1]
    table = ok("list", "-q", "cli-list", "--state", "completed", "--created-after=-1h")
    assert [row.split()[0] for row in table.splitlines()[1:]] == made[::-1]
    assert len(ok("list", "-q", "cli-list", "--state", "failed").splitlines()) == 1
    assert ok("list", "-q", "cli-list", "--state", "failed,completed").count("job_") == 5


@pytest.mark.promises("X1", "S1.9")
def test_why_tells_the_story_and_where_the_time_went(ok: Callable[..., str]) -> None:
    job = ok("submit", "-m", "sim?fail=503&fail_times=1&ttft_ms=100", "why").strip()
    ok("wait", job)
    story = ok("why", job)
    parts = (
        "accepted and committed",
        "attempt 1 begins, on wrk_",
        "the model is called, upstream simulator",
        "upstream_unavailable, status 503",
        "-> waiting, for retry: such an error may pass: it is tried again",
        "attempt 2 begins, on wrk_",
        "after a wait for retry of",
        "-> completed: the answer is whole",
        "the job is completed",
    )
    at = [story.index(part) for part in parts]
    assert at == sorted(at)
    assert story.count("the first byte, after") == 2
    assert "waited for the model's first byte" in story and "%" in story


@pytest.mark.promises("S1.9")
def test_whys_shares_are_the_jobs_whole_life(ok: Callable[..., str], client: Client) -> None:
    job = client.submit(chat("x", model="sim?ttft_ms=300&tokens=4&itl_ms=50"))["id"]
    client.wait(job)
    told = json.loads(ok("why", job, "--json"))
    assert len(told["attempts"]) == 1
    assert [line["event"] for line in told["story"]] == [
        "accepted",
        "claimed",
        "called",
        "first_byte",
        "ended",
        "completed",
    ]
    shares = {share["stage"]: share["ms"] for share in told["shares"]}
    assert shares["first_byte"] >= 300 and shares["stream"] >= 150
    created, finished = (
        datetime.fromisoformat(told[name]) for name in ("created_at", "finished_at")
    )
    life_ms = (finished - created).total_seconds() * 1000
    assert abs(sum(shares.values()) - life_ms) <= len(shares)
    assert sum(share["share"] for share in told["shares"]) == pytest.approx(1)


@pytest.mark.promises("S1.9", "C6")
def test_why_tells_the_fallback_and_a_retry_by_hand(ok: Callable[..., str], longhaul: Run) -> None:
    words = ("submit", "-m", "sim?fail=503&seed=9", "--fallback", "sim?tokens=3", "fall back")
    job = ok(*words).strip()
    ok("wait", job)
    story = ok("why", job)
    assert "model sim?tokens=3, a fallback of the job, instead of sim?fail=503&seed=9" in story
    assert "answered by  sim?tokens=3" in ok("get", job)
    failing = ok("submit", "-m", "sim?fail=400", "--max-attempts", "1", "no").strip()
    assert longhaul("wait", failing).returncode == 1
    ok("retry", failing)
    assert longhaul("wait", failing).returncode == 1
    story = ok("why", failing)
    assert story.index("attempt 1 ends") < story.index("sent to its queue again")
    assert story.index("sent to its queue again") < story.rindex("attempt 1 begins,")


@pytest.mark.promises("C3", "S1.9")
def test_why_tells_of_the_webhook(
    ok: Callable[..., str], client: Client, receiver: Receiver
) -> None:
    url = receiver.url("/")
    job = client.submit({"kind": "noop", "input": {}, "callback": {"url": url}})["id"]
    until("the webhook is in the story", lambda: "webhook, status 2" in ok("why", job))
    assert client.get(job, expand="deliveries")["deliveries"][0]["attempts"][0]["error"] is None


@pytest.mark.promises("C4")
def test_queues_are_made_paused_and_resumed(
    ok: Callable[..., str], longhaul: Run, as_json: Callable[..., Any]
) -> None:
    made = ok("queue", "set", "cli-queue", "--concurrency", "3", "--weight", "7")
    assert made == "queue cli-queue is made\n"
    assert ok("queue", "set", "cli-queue", "--weight", "7") == "queue cli-queue is changed\n"

    def queue() -> dict[str, Any]:
        rows = as_json("queue", "list")["data"]
        return next(row for row in rows if row["name"] == "cli-queue")

    assert queue()["concurrency"] == 3 and queue()["weight"] == 7
    ok("queue", "pause", "cli-queue")
    job = ok("submit", "-q", "cli-queue", "--kind", "noop").strip()
    assert longhaul("wait", job, "--timeout", "1").returncode == 6
    until("why says it", lambda: "queued: its queue is paused" in ok("why", job))
    assert "waited in the queue" in ok("why", job)
    assert queue()["paused"] is True
    ok("queue", "resume", "cli-queue")
    ok("wait", job)
    ok("queue", "drain", "cli-queue")
    refused = longhaul("submit", "-q", "cli-queue", "--kind", "noop")
    assert refused.returncode == 7 and "queue_draining" in refused.stderr
    assert "try again" not in refused.stderr
    assert "cli-queue" in ok("queue", "list")
    assert "no option was given" in ok("queue", "set", "cli-queue")
    missing = longhaul("queue", "pause", "no-such-queue")
    assert missing.returncode == 3 and "there is no queue called no-such-queue" in missing.stderr
    assert "longhaul queue set no-such-queue makes it" in missing.stderr


@pytest.mark.promises("X1")
def test_workers_and_upstreams_are_listed(
    ok: Callable[..., str], as_json: Callable[..., Any]
) -> None:
    workers = as_json("worker", "list")["data"]
    assert len(workers) >= 2 and all(row["id"].startswith("wrk_") for row in workers)
    assert workers[0]["id"] in ok("worker", "list")
    assert as_json("upstream", "list")["data"]
    assert ok("upstream", "list").startswith("UPSTREAM")


@pytest.mark.promises("X7")
def test_tenants_and_keys_live_their_life(
    longhaul: Run, ok: Callable[..., str], as_json: Callable[..., Any], stack: Any, tmp_path: Path
) -> None:
    name = f"cli-{os.getpid()}"
    secret, key = tmp_path / "webhook", tmp_path / "key"
    shown = ok("tenant", "create", name, "--webhook-secret-file", str(secret), "--json")
    assert secret.read_text().startswith("whsec_") and secret.read_text().strip() not in shown
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    again = longhaul("tenant", "create", name, "--show")
    assert again.returncode == 7 and "a tenant of this name exists already" in again.stderr
    assert longhaul("tenant", "create", "another").returncode == 2
    assert name in ok("tenant", "list")

    made = as_json("api-key", "create", "--tenant", name, "--key-file", str(key), "--name", "ci")
    assert "key" not in made and key.read_text().startswith("lh_")
    assert made["id"] in ok("api-key", "list", "--tenant", name)
    origins = ("https://one.example", "https://two.example:8443")
    ok("tenant", "callback-origins", name, *origins)
    assert ok("tenant", "callback-origins", name).split() == list(origins)
    assert ok("tenant", "callback-origins", name, "--none") == ""

    profile = tmp_path / "profile"
    profile.write_text(f"url={stack.env['LONGHAUL_URL']}\napi_key_file=key\nmodel=sim\n")
    job = ok("submit", "--wait", "mine", "--json", profile=profile)
    assert longhaul("get", json.loads(job)["id"]).returncode == 3
    assert longhaul("queue", "list", profile=profile).returncode == 2
    assert ok("api-key", "revoke", made["id"])
    until(
        "the key is refused",
        lambda: longhaul("list", profile=profile).returncode == 4,
        deadline_s=30,
    )


@pytest.mark.promises("X7")
def test_bootstrap_works_once(longhaul: Run, tmp_path: Path) -> None:
    done = longhaul("bootstrap", "--key-file", str(tmp_path / "second"))
    assert done.returncode == 7 and "there is an operator already" in done.stderr
    assert not (tmp_path / "second").exists()
    another = longhaul("bootstrap", "--another", "--key-file", str(tmp_path / "another"))
    assert another.returncode == 0 and (tmp_path / "another").stat().st_mode & 0o777 == 0o600


@pytest.mark.promises("X1")
def test_migrate_and_check_config_find_nothing_to_do(
    ok: Callable[..., str],
    as_json: Callable[..., Any],
    longhaul: Run,
    stack: Any,
    tmp_path: Path,
) -> None:
    assert as_json("migrate") == {"applied": []}
    assert "nothing to do" in ok("migrate")
    bad = tmp_path / "bad.yaml"
    bad.write_text("worker:\n  slots: many\n")
    done = longhaul("check-config", str(bad), "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 2 and told["valid"] is False
    assert f"{bad}:2:10: worker.slots: expected" in " ".join(told["faults"])
    bad.write_text("database: {url: dbname=x}\nkeys: {dir: ''}\n")
    done = longhaul("check-config", "--offline", str(bad))
    assert done.returncode == 2 and "no program starts without keys" in done.stderr
    away = tmp_path / "away.yaml"
    upstream = "  - {name: gone, base_url: 'http://127.0.0.1:9', models: [m*]}"
    away.write_text(stack.config.read_text().replace("upstreams:", f"upstreams:\n{upstream}", 1))
    line = away.read_text().splitlines().index(upstream) + 1
    done = longhaul("check-config", str(away))
    assert done.returncode == 0 and "the configuration is valid" in done.stdout
    assert f"{away}:{line}:5: upstreams.gone: cannot be reached now: " in done.stderr
    assert "be reached" not in longhaul("check-config", "--offline", str(away)).stderr
    checked = as_json("check-config")
    assert checked["valid"] and checked["database"]["migrations_missing"] == 0
    assert "the configuration is valid" in ok("check-config")


@pytest.mark.promises("S1.6")
def test_a_tenants_key_is_no_operators(longhaul: Run, stack: Any, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(stack.env["LONGHAUL_API_KEY"])
    key.chmod(0o600)
    profile = tmp_path / "profile"
    profile.write_text(
        f"url={stack.env['LONGHAUL_URL']}\nadmin_url={stack.env['LONGHAUL_ADMIN_URL']}\n"
        "api_key_file=key\nadmin_key_file=key\n"
    )
    assert longhaul("queue", "list", profile=profile).returncode == 4
    assert longhaul("list", profile=profile).returncode == 0


@pytest.mark.promises("C2")
def test_nothing_is_found_where_nothing_is(longhaul: Run) -> None:
    nobody = "job_01h455vb4pex5vsknk084sn02q"
    for verb in ("get", "wait", "watch", "cancel", "retry", "why"):
        done = longhaul(verb, nobody)
        assert done.returncode == 3 and not done.stdout and "not_found" in done.stderr
