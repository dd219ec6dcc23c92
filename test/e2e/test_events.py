"""Event streams: numbers without gaps, resume with exactly the rest, whatever died meanwhile."""

from __future__ import annotations

from contextlib import closing
from itertools import pairwise
from typing import Any

import pytest
from client import Client, chat

pytestmark = pytest.mark.usefixtures("stack")

Event = tuple[int, str, Any]


def assert_whole(events: list[Event]) -> None:
    """Numbers rise by one, the first is job.queued, only the last is terminal."""
    assert events[0][1] == "job.queued", events[:3]
    for before, after in pairwise(events):
        assert after[0] == before[0] + 1, (before, after)
    terminal = {"job.completed", "job.failed", "job.cancelled", "job.expired"}
    assert [e[1] in terminal for e in events] == [False] * (len(events) - 1) + [True]


def text_of(events: list[Event]) -> str:
    return "".join(data["text"] for _, kind, data in events if kind == "job.delta")


@pytest.mark.promises("C2", "C9")
def test_deltas_add_up_to_the_answer(client: Client) -> None:
    job = client.submit(chat("Tell me", model="sim?tokens=40&itl_ms=10&chunk_tokens=2"))["id"]
    events = list(client.events(job))
    assert_whole(events)
    assert [kind for _, kind, _ in events][1] == "job.running"
    answer = client.get(job)["result"]["choices"][0]["message"]["content"]
    assert text_of(events) == answer


@pytest.mark.promises("C2", "C9")
def test_a_stream_read_later_has_the_same_numbers(client: Client) -> None:
    job = client.submit(chat("Tell me", model="sim?tokens=30&itl_ms=5"))["id"]
    live = list(client.events(job))
    later = list(client.events(job))
    assert [(n, k) for n, k, _ in later] == [(n, k) for n, k, _ in live]
    assert [d for _, k, d in later if k == "job.delta"] == [
        d for _, k, d in live if k == "job.delta"
    ]


@pytest.mark.promises("C2", "C9")
def test_every_place_of_a_cut_resumes_with_exactly_the_rest(client: Client) -> None:
    job = client.submit(chat("Tell me", model="sim?tokens=12&itl_ms=5"))["id"]
    whole = list(client.events(job))
    for number, _, _ in whole[:-1]:
        assert (
            list(client.events(job, after=number))
            == whole[whole.index(next(e for e in whole if e[0] == number)) + 1 :]
        )


@pytest.mark.promises("C2", "C9")
def test_a_client_cut_mid_stream_joins_two_halves(client: Client) -> None:
    job = client.submit(chat("Tell me", model="sim?tokens=60&itl_ms=20"))["id"]
    first: list[Event] = []
    with closing(client.events(job)) as stream:
        for event in stream:
            first.append(event)
            if len(first) == 12:
                break
    rest = list(client.events(job, after=first[-1][0]))
    assert_whole(first + rest)
    assert text_of(first + rest) == client.get(job)["result"]["choices"][0]["message"]["content"]


@pytest.mark.promises("C2", "C9")
def test_a_long_answer_passes_the_blocks_of_numbers(client: Client) -> None:
    job = client.submit(chat("Long", model="sim?tokens=900&itl_ms=1&chunk_tokens=1"))["id"]
    events = list(client.events(job))
    assert_whole(events)
    assert text_of(events) == client.get(job)["result"]["choices"][0]["message"]["content"]
    again = list(client.events(job))
    assert [(n, k, d) for n, k, d in again if k == "job.delta"] == [
        (n, k, d) for n, k, d in events if k == "job.delta"
    ]


@pytest.mark.promises("C5", "C9")
def test_a_retry_shows_as_waiting_and_numbers_go_on(client: Client) -> None:
    job = client.submit(chat("x", model="sim?fail=503&fail_times=1&tokens=5"))["id"]
    events = list(client.events(job))
    assert_whole(events)
    kinds = [kind for _, kind, _ in events]
    assert kinds.count("job.waiting") == 1 and kinds.count("job.running") >= 1


@pytest.mark.parametrize("last", ["x", "-1", "9" * 30, "1 2"])
@pytest.mark.promises("C2")
def test_a_malformed_last_event_id_is_refused(client: Client, last: str) -> None:
    job = client.submit({"kind": "noop", "input": {}})["id"]
    client.wait(job)
    reply = client.http.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": last})
    assert reply.status_code == 400, reply.text


@pytest.mark.promises("C2")
def test_an_id_beyond_the_end_gets_nothing_and_ends(client: Client) -> None:
    job = client.submit({"kind": "noop", "input": {}})["id"]
    client.wait(job)
    last = list(client.events(job))[-1][0]
    assert list(client.events(job, after=last)) == []


@pytest.mark.promises("C8", "C9")
def test_a_cancelled_stream_ends_with_its_terminal_event(client: Client) -> None:
    job = client.submit(chat("x", model="sim?tokens=400&itl_ms=50"))["id"]
    events: list[Event] = []
    for event in client.events(job):
        events.append(event)
        if len(events) == 6:
            client.http.post(f"/v1/jobs/{job}/cancel").raise_for_status()
    assert_whole(events)
    assert events[-1][1] == "job.cancelled"
