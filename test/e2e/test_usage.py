"""What calls used and what they cost, reconciled with what the model itself counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from client import Client, chat, until
from stacks import Tree, Workers

pytestmark = [pytest.mark.usefixtures("stack", "priced"), pytest.mark.promises("X6")]

INPUT_USD, OUTPUT_USD = Decimal("2.5"), Decimal("10")
SUMS = ("attempts", "estimated_attempts", "input_tokens", "output_tokens", "cost_usd")


@pytest.fixture(scope="module")
def priced(stack: Any) -> Iterator[None]:
    def change(tree: Tree) -> None:
        tree["prices"] = [
            {"model": "sim*", "until": "2020-01-01", "input_usd_per_million": 0}
            | {"output_usd_per_million": 0},
            {"model": "sim*", "from": "2020-01-01"}
            | {"input_usd_per_million": float(INPUT_USD)}
            | {"output_usd_per_million": float(OUTPUT_USD)},
        ]
        tree["retry"] |= {"base_ms": 1, "cap_ms": 1}

    workers = Workers(stack)
    workers.reload(change, "prices[1]: added")
    yield
    workers.restore()


def cost(usage: dict[str, Any]) -> Decimal:
    tokens = INPUT_USD * usage["input_tokens"] + OUTPUT_USD * usage["output_tokens"]
    return tokens / 1_000_000


def attempts(client: Client, job: str) -> list[dict[str, Any]]:
    return client.get(job, expand="attempts")["attempts"]


def rows(client: Client, by: str, **query: str) -> list[dict[str, Any]]:
    reply = client.http.get("/v1/usage", params={"by": by, **query})
    assert reply.status_code == 200, reply.text
    return reply.json()["data"]


def booked(client: Client, model: str) -> list[dict[str, Any]]:
    """Of a model that nobody else calls: a neighbour's call may be booked late."""
    return [row for row in rows(client, "model") if row["model"] == model]


def flat(row: dict[str, Any]) -> dict[str, Decimal]:
    values = {**row, **row["usage"]}
    return {name: Decimal(values[name]) for name in SUMS}


def grown(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> dict[str, Decimal]:
    """What came on top, over all rows."""
    total = dict.fromkeys(SUMS, Decimal(0))
    for sign, some in ((-1, before), (1, after)):
        for row in some:
            for name, value in flat(row).items():
                total[name] += sign * value
    return total


@pytest.mark.parametrize("kind", ["chat", "response", "message"])
@pytest.mark.parametrize("stream", [True, False])
def test_tokens_and_money_are_what_the_model_counted(
    client: Client, simulator: Any, kind: str, stream: bool
) -> None:
    body: dict[str, Any] = {"model": "sim?tokens=37", "stream": stream, "max_tokens": 100}
    body["input" if kind == "response" else "messages"] = [{"role": "user", "content": "a b c"}]
    job = client.submit({"kind": kind, "input": body})["id"]
    usage = client.wait(job)["usage"]
    assert usage["output_tokens"] == 37 == sum(c["tokens"] for c in simulator.calls(job))
    assert usage["input_tokens"] > 0 and usage["estimated"] is False
    assert Decimal(usage["cost_usd"]) == cost(usage)


def test_failed_attempts_are_booked_and_what_was_not_told_is_marked(
    client: Client, simulator: Any
) -> None:
    body = chat("some words", model="sim?tokens=20&truncate=7", max_attempts=3)
    job = client.submit(body)["id"]
    done = client.wait(job)
    tries = attempts(client, job)
    assert done["state"] == "failed" and len(tries) == 3
    for one in tries:
        assert one["usage"]["estimated"] is True and one["usage"]["output_tokens"] > 0
        assert Decimal(one["usage"]["cost_usd"]) == cost(one["usage"]) > 0
    for name in ("input_tokens", "output_tokens"):
        assert done["usage"][name] == sum(t["usage"][name] for t in tries)
    assert done["usage"]["estimated"] is True


def counted(client: Client, simulator: Any, body: dict[str, Any]) -> int:
    """The input tokens of that prompt, as the model counts them."""
    whole = client.wait(client.submit({**body, "input": {**body["input"], "model": "sim"}})["id"])
    return int(whole["usage"]["input_tokens"])


def test_failed_attempts_are_booked_as_far_as_the_model_told_to_the_token(
    client: Client, simulator: Any
) -> None:
    model = "sim?tokens=20&truncate=7&usage_each=1"
    body = chat("some words", model=model, max_attempts=3)
    before = booked(client, model)
    job = client.submit(body)["id"]
    done = client.wait(job)
    tries = [one["usage"] for one in attempts(client, job)]
    sent = [call["tokens"] for call in simulator.calls(job)]
    assert done["state"] == "failed" and sent == [7, 7, 7]
    assert [one["output_tokens"] for one in tries] == sent
    assert done["usage"]["output_tokens"] == sum(sent)
    assert not any(one["estimated"] for one in (done["usage"], *tries))
    assert Decimal(done["usage"]["cost_usd"]) == cost(done["usage"])
    more = grown(before, booked(client, model))
    assert (more["attempts"], more["output_tokens"]) == (3, sum(sent))
    assert done["usage"]["input_tokens"] == 3 * counted(client, simulator, body) > 0


@pytest.mark.promises("C8")
def test_a_cancelled_call_is_booked_as_far_as_the_model_told_to_the_token(
    client: Client, simulator: Any
) -> None:
    body = chat("some words", model="sim?tokens=20&hang_after=9&usage_each=1")
    job = client.submit(body)["id"]
    until(
        "all of it came",
        lambda: len(client.get(job, expand="partial_output")["partial_output"].split()) == 9,
    )
    client.http.post(f"/v1/jobs/{job}/cancel").raise_for_status()
    [call] = until("the call is cut", lambda: (c := simulator.calls(job))[0]["hung_up"] and c)
    usage = until("it is booked", lambda: (u := client.get(job)["usage"])["output_tokens"] and u)
    assert usage["output_tokens"] == call["tokens"] == 9 and usage["estimated"] is False
    assert usage["input_tokens"] == counted(client, simulator, body) > 0
    assert Decimal(usage["cost_usd"]) == cost(usage)


def test_an_answer_without_usage_is_estimated_and_marked(client: Client) -> None:
    for stream in (True, False):
        body = chat("some words", model="sim?tokens=20&no_usage=1")
        body["input"]["stream"] = stream
        usage = client.wait(client.submit(body)["id"])["usage"]
        assert usage["estimated"] is True
        assert usage["input_tokens"] > 0 and usage["output_tokens"] > 0


def test_what_is_no_answer_is_nobodys_output(client: Client, simulator: Any) -> None:
    body = chat("some words", model="sim?flood_mb=1", max_attempts=1)
    body["input"] |= {"stream": False, "max_tokens": 20}
    done = client.wait(client.submit(body)["id"])
    assert done["error"]["code"] in ("upstream_malformed", "upstream_too_large")
    assert done["usage"]["output_tokens"] == 0 < done["usage"]["input_tokens"]
    assert done["usage"]["estimated"] is True


def test_no_guess_is_above_what_the_model_was_allowed(client: Client) -> None:
    body = chat("some words", model="sim?tokens=40&no_usage=1")
    free = client.wait(client.submit(body)["id"])["usage"]["output_tokens"]
    body["input"]["max_tokens"] = 40
    bound = client.wait(client.submit(body)["id"])["usage"]["output_tokens"]
    assert bound == 40 < free


def test_an_embedding_has_input_only(client: Client) -> None:
    body = {"model": "sim", "input": "some words to embed"}
    usage = client.wait(client.submit({"kind": "embedding", "input": body})["id"])["usage"]
    assert usage["input_tokens"] > 0 == usage["output_tokens"] and usage["estimated"] is False


def test_a_refusal_costs_nothing(client: Client) -> None:
    job = client.submit(chat("x", model="sim?fail=400"))["id"]
    usage = client.wait(job)["usage"]
    assert usage == {
        "input_tokens": 0,
        "output_tokens": 0,
        "cost_usd": "0.000000",
        "estimated": False,
    }


@pytest.mark.promises("C8")
def test_a_cancelled_call_is_booked_on_job_attempt_and_day(client: Client) -> None:
    model = "sim?tokens=5000&itl_ms=20"  # no end of its own while this lasts
    before = booked(client, model)
    job = client.submit(chat("some words", model=model))["id"]
    until("text came", lambda: client.get(job)["progress"]["output_tokens"] > 0)
    client.http.post(f"/v1/jobs/{job}/cancel").raise_for_status()
    done = until(
        "the usage is booked",
        lambda: (one := client.get(job))["usage"]["output_tokens"] and one,
    )
    assert done["state"] == "cancelled" and done["usage"]["estimated"] is True
    [one] = attempts(client, job)
    assert one["usage"] == done["usage"]
    assert Decimal(done["usage"]["cost_usd"]) == cost(done["usage"]) > 0
    more = grown(before, booked(client, model))
    assert more["output_tokens"] == done["usage"]["output_tokens"]
    assert more["attempts"] == 1


@pytest.mark.promises("C8")
def test_a_call_cancelled_before_its_first_byte_is_booked_where_it_went(
    client: Client, simulator: Any
) -> None:
    job = client.submit(chat("some words", model="sim?ttft_ms=600000"))["id"]
    until("it is called", lambda: simulator.calls(job))
    client.http.post(f"/v1/jobs/{job}/cancel").raise_for_status()
    usage = until("it is booked", lambda: (u := client.get(job)["usage"])["input_tokens"] and u)
    assert usage["estimated"] is True and usage["output_tokens"] == 0
    [one] = attempts(client, job)
    assert (one["upstream"], one["usage"]) == ("simulator", usage)


@pytest.mark.promises("C8")
def test_all_that_one_cancel_takes_is_booked_though_the_record_waits(
    client: Client, simulator: Any, pg_url: str
) -> None:
    """More than a worker's connection queues; the sums cannot be written until all are told."""
    model = "sim?ttft_ms=600000&tokens=300"
    many = [chat("some words", model=model) for _ in range(300)]
    jobs = [one["id"] for one in client.bulk(many)]
    until("all are called", lambda: set(jobs) <= {call["job"] for call in simulator.calls()})
    with psycopg.connect(pg_url) as record:
        record.execute("lock table usage_day in exclusive mode")
        reply = client.http.post("/v1/jobs/cancel", json={"model": model})
        assert reply.json()["changed"] == len(jobs), reply.text
        until("all calls are cut", lambda: set(jobs) <= hung_up(simulator))
    until("all are booked", lambda: len(jobs) <= sum(r["attempts"] for r in booked(client, model)))


def hung_up(simulator: Any) -> set[str]:
    return {call["job"] for call in simulator.calls() if call["hung_up"]}


@pytest.mark.promises("C8", "S1.9")
def test_why_tells_whom_a_running_job_calls_and_marks_a_guess(stack: Any) -> None:
    job = stack.longhaul("submit", "-m", "sim?ttft_ms=600000", "no first byte").strip()
    called = "the model is called, upstream simulator, model sim?ttft_ms=600000"
    until("why tells the call", lambda: called in stack.longhaul("why", job))
    assert "by now for" in stack.longhaul("why", job)
    assert "upstream     simulator" in stack.longhaul("get", job)
    stack.longhaul("cancel", job)
    until("it is booked", lambda: "(estimated)" in stack.longhaul("get", job))
    story = stack.longhaul("why", job)
    assert ", estimated" in story and "ran until somebody or its time ended it" in story


def test_a_first_byte_that_nobody_waited_for_costs_its_input(client: Client) -> None:
    slow = chat("some words", model="sim?ttft_ms=600000", attempt_timeout_s=1, max_attempts=1)
    job = client.submit(slow)["id"]
    assert client.wait(job)["state"] == "failed"
    [one] = attempts(client, job)
    assert one["error"]["code"] == "attempt_timeout" and one["upstream"] == "simulator"
    assert one["usage"]["input_tokens"] > 0 == one["usage"]["output_tokens"]


def test_sums_agree_with_jobs_attempts_and_the_model_to_the_token(
    client: Client, client2: Client, admin: Client, simulator: Any
) -> None:
    groups = ("day", "model", "queue", "upstream", "day,model,queue,upstream")
    before = {by: rows(client, by) for by in groups}
    others = rows(client2, "day,model")
    everyone = rows(admin, "tenant,model")
    models = [f"sim?tokens={n}" for n in (3, 5, 8)] + ["sim?tokens=6&fail=503&fail_times=1"]
    jobs = [client.submit(chat(f"words {i}", model=models[i % 4]))["id"] for i in range(40)]
    usages = [client.wait(job)["usage"] for job in jobs]
    calls = [call for job in jobs for call in simulator.calls(job)]
    expected = {
        "attempts": Decimal(len(calls)),
        "estimated_attempts": Decimal(0),
        "input_tokens": Decimal(sum(u["input_tokens"] for u in usages)),
        "output_tokens": Decimal(sum(call["tokens"] for call in calls)),
        "cost_usd": sum(Decimal(u["cost_usd"]) for u in usages),
    }
    assert expected["output_tokens"] == sum(u["output_tokens"] for u in usages)
    for by in groups:
        assert grown(before[by], rows(client, by)) == expected, by
    assert rows(client2, "day,model") == others
    assert grown(everyone, rows(admin, "tenant,model")) == expected
    assert {row["tenant"] for row in rows(admin, "tenant")} >= {"demo"}


def test_a_wrong_question_is_told_where(client: Client) -> None:
    reply = client.http.get("/v1/usage", params={"by": "day,tenant", "from": "2026-02-30"})
    assert reply.status_code == 422
    assert [one["pointer"] for one in reply.json()["errors"]] == ["?by", "?from"]
    assert rows(client, "day", **{"from": "2020-01-01", "until": "2020-02-01"}) == []


def test_the_command_shows_it(client: Client, stack: Any) -> None:
    client.wait(client.submit(chat("x", model="sim?tokens=9"))["id"])
    table = stack.longhaul("usage", "--by", "model")
    assert table.splitlines()[0].split()[0] == "MODEL" and "sim?tokens=9" in table
    listed = json.loads(stack.longhaul("usage", "--all", "--by", "tenant,day", "--json"))
    assert {"demo"} <= {row["tenant"] for row in listed["data"]}
