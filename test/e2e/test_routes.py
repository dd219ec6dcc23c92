"""Routes, keys, names and fallbacks: who answers a job, and what a reload changes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client import Client, chat, until
from stacks import Tree, Workers

pytestmark = [pytest.mark.usefixtures("stack"), pytest.mark.promises("C14")]


def write_key(stack: Any, name: str, key: str) -> str:
    path: Path = stack.layout.keys / name
    stack.layout.write(path, key, 0o600, service=True)
    return str(path)


@pytest.fixture
def workers(stack: Any) -> Iterator[Workers]:
    one = Workers(stack)
    yield one
    one.restore()


def another(tree: Tree, name: str, **more: Any) -> Tree:
    """A further upstream: the simulator under another name."""
    return {**tree["upstreams"][0], "name": name, "models": [], **more}


def test_a_route_tries_one_upstream_after_the_other(
    client: Client, workers: Workers, simulator: Any
) -> None:
    def change(tree: Tree) -> None:
        tree["upstreams"] += [
            another(tree, "away", base_url="http://127.0.0.1:9"),
            another(tree, "backup", model_names=["routed=sim?tokens=7"]),
        ]
        tree["routes"] = [{"model": "routed", "upstreams": ["away", "backup"]}]

    workers.reload(change, "upstreams.backup: added")
    job = client.submit(chat("x", model="routed"))["id"]
    done = client.wait(job)
    assert (done["state"], done["upstream"], done["model"]) == ("completed", "backup", "routed")
    tries = client.get(job, expand="attempts")["attempts"]
    assert [t["upstream"] for t in tries] == ["away", "backup"]
    assert tries[0]["error"]["code"] == "upstream_connect"
    assert [call["model"] for call in simulator.calls(job)] == ["sim?tokens=7"]
    assert done["usage"]["output_tokens"] == 7


def test_an_upstream_that_cannot_be_reached_is_told_with_its_line(workers: Workers) -> None:
    def change(tree: Tree) -> None:
        tree["upstreams"].append(another(tree, "closed", base_url="http://127.0.0.1:9"))
        tree["routes"] = [{"model": "closed", "upstreams": ["closed"]}]

    workers.reload(change, '"upstream":"closed"')
    rows = workers.path("worker-1").read_text().splitlines()
    name = next(i for i, row in enumerate(rows) if "name: closed" in row)
    line = 1 + max(i for i in range(name + 1) if rows[i].startswith("- "))
    log = workers.stack.log("worker-1").splitlines()
    told = [row for row in log if "be reached" in row and '"upstream":"closed"' in row]
    assert f"worker-1.yaml:{line}:3" in told[-1]


def test_several_keys_share_the_calls_and_a_refused_one_is_left_out(
    client: Client, workers: Workers, simulator: Any
) -> None:
    bad = write_key(workers.stack, "one", "bad-key")
    good = write_key(workers.stack, "two", "good-key")

    def change(tree: Tree) -> None:
        tree["upstreams"].append(another(tree, "keyed", model_names=["keyed=sim?deny=1"]))
        tree["upstream_keys"] = [
            {"upstream": "keyed", "label": "one", "file": bad},
            {"upstream": "keyed", "label": "two", "file": good},
        ]
        tree["routes"] = [{"model": "keyed", "upstreams": ["keyed"]}]

    workers.reload(change, "upstreams.keyed: added")
    jobs = [client.submit(chat("x", model="keyed"))["id"] for _ in range(6)]
    assert {client.wait(job)["state"] for job in jobs} == {"completed"}
    refused = [job for job in jobs if len(simulator.calls(job)) > 1]
    assert refused
    for job in refused:
        tries = client.get(job, expand="attempts")["attempts"]
        assert (tries[0]["key"], tries[0]["error"]["code"]) == ("one", "upstream_auth")
        assert tries[-1]["key"] == "two"
    assert not any("-key" in workers.stack.log(name) for name in workers.NAMES)


def test_a_key_that_vanished_is_told_with_its_line_and_all_stays(
    client: Client, workers: Workers, tmp_path: Path
) -> None:
    gone = str(tmp_path / "gone")

    def change(tree: Tree) -> None:
        tree["upstreams"][0]["models"] = ["nothing*"]
        tree["upstream_keys"] = [{"upstream": "simulator", "label": "one", "file": gone}]

    workers.reload(change, f"the secret file {gone}")
    log = workers.stack.log("worker-1")
    text = workers.path("worker-1").read_text().splitlines()
    line = 1 + next(i for i, row in enumerate(text) if row.startswith("- ") and gone in text[i])
    assert f"worker-1.yaml:{line}:3: upstream_keys.one: the secret file" in log
    assert client.wait(client.submit(chat("still"))["id"])["state"] == "completed"


def test_two_routes_for_a_model_are_refused_and_all_stays(client: Client, workers: Workers) -> None:
    def change(tree: Tree) -> None:
        tree["upstreams"][0]["models"] = ["nothing*"]
        tree["routes"] = [
            {"model": "sim*", "upstreams": ["simulator"]},
            {"model": "sim", "upstreams": ["simulator"]},
        ]

    workers.reload(change, "expected a model that no earlier route takes")
    assert client.wait(client.submit(chat("still"))["id"])["state"] == "completed"


def test_a_call_under_way_outlives_its_upstream(
    client: Client, workers: Workers, simulator: Any
) -> None:
    def change(tree: Tree) -> None:
        tree["upstreams"].append(another(tree, "leaving", models=["leave*"]))
        tree["upstreams"][-1]["model_names"] = ["leave=sim?tokens=40&itl_ms=50"]

    workers.reload(change, "upstreams.leaving: added")
    job = client.submit(chat("x", model="leave"))["id"]
    until("the call runs", lambda: simulator.calls(job))
    workers.reload(lambda tree: None, "upstreams.leaving: removed")
    done = client.wait(job)
    assert (done["state"], done["upstream"]) == ("completed", "leaving")
    assert client.wait(client.submit(chat("x", model="leave"))["id"])["error"]["code"] == (
        "no_upstream"
    )


def test_a_missing_price_is_told_and_breaks_nothing(client: Client, workers: Workers) -> None:
    def change(tree: Tree) -> None:
        tree["prices"] = [
            {"model": "sim", "until": "2020-01-01", "input_usd_per_million": 1.0}
            | {"output_usd_per_million": 2.0}
        ]

    workers.reload(change, "upstreams.simulator: no price holds today for sim*: it counts as 0")
    assert client.wait(client.submit(chat("free"))["id"])["usage"]["cost_usd"] == "0.000000"


@pytest.mark.promises("C6")
def test_another_model_answers_where_the_job_allows_it(client: Client) -> None:
    body = chat("x", model="sim?fail=503", fallback=[{"model": "sim?tokens=5"}])
    job = client.submit(body)["id"]
    done = client.wait(job)
    assert done["state"] == "completed" and done["usage"]["output_tokens"] == 5
    assert (done["model"], done["fallback_model"]) == ("sim?fail=503", "sim?tokens=5")
    tries = client.get(job, expand="attempts")["attempts"]
    assert [(t["model"], t["fallback"]) for t in tries] == [
        ("sim?fail=503", False),
        ("sim?tokens=5", True),
    ]


@pytest.mark.promises("C2", "C6")
def test_who_saw_text_of_a_model_gets_no_other_models(client: Client, simulator: Any) -> None:
    body = chat("x", model="sim?tokens=8&error_after=4", fallback=[{"model": "sim?tokens=6"}])
    job = client.submit({**body, "max_attempts": 3})["id"]
    events = [(kind, data) for _, kind, data in client.events(job)]
    assert client.get(job)["state"] == "failed"
    assert {call["model"] for call in simulator.calls(job)} == {"sim?tokens=8&error_after=4"}
    begins = ("job.running", "job.restarted", "job.delta")
    order = [kind for kind, _ in events if kind in begins]
    told = [kind for i, kind in enumerate(order) if i == 0 or kind != order[i - 1]]
    assert told == ["job.running", "job.delta"] + ["job.restarted", "job.delta"] * 2


@pytest.mark.promises("C6")
def test_a_model_nobody_serves_falls_back_at_once(client: Client) -> None:
    body = chat("x", model="unknown", fallback=[{"cache": True}, {"model": "sim"}])
    done = client.wait(client.submit(body)["id"])
    assert (done["state"], done["attempt"], done["fallback_model"]) == ("completed", 1, "sim")


@pytest.mark.promises("C6")
def test_what_stands_behind_a_wait_is_never_asked(client: Client, simulator: Any) -> None:
    body = chat("x", model="sim?fail=500", max_attempts=2)
    body["fallback"] = [{"wait": True}, {"model": "sim"}]
    job = client.submit(body)["id"]
    assert client.wait(job)["state"] == "failed"
    assert {call["model"] for call in simulator.calls(job)} == {"sim?fail=500"}
