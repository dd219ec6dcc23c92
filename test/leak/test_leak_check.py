"""No prompt, answer or personal text rests on disk in clear: the bytes of every store are read.

Two controls: what is planted in clear is found in every store, and a build that does not seal is
caught. Without them a clean scan would say nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from stacks import ROOT, running

from leak.spellings import FORMS, Spellings
from leak.stores import STORES, scan, settle
from leak.writing import echo_upstream, written


@pytest.fixture(scope="module")
def upstream() -> Iterator[dict[str, Any]]:
    with echo_upstream() as url:
        yield {"upstreams": {"echo": {"base_url": url, "models": ["echo"]}}}


@pytest.mark.promises("S1.8")
def test_nothing_rests_in_clear_and_what_is_planted_is_found(upstream: dict[str, Any]) -> None:
    real, planted = Spellings(), Spellings()
    with running("leak", config_overrides=upstream) as stack:
        with written(stack, real):
            settle(stack)
        for store in STORES:
            store.plant(stack, planted.marker(store.name))
        settle(stack)
        leaks, finds = scan(stack, real, planted)
    assert leaks == [], "\n".join(map(str, leaks))
    assert {find.store for find in finds} == {store.name for store in STORES}
    assert {find.form for find in finds} >= {"plain", "pglz"}


@pytest.mark.promises("S1.8")
def test_a_build_that_does_not_seal_is_caught(upstream: dict[str, Any]) -> None:
    spellings = Spellings()
    build = ROOT / "build/clear"
    with running("leak-clear", config_overrides=upstream, build=build) as stack:
        with written(stack, spellings):
            settle(stack)
        finds = scan(stack, spellings)[0]
    assert {find.store for find in finds} >= {"Postgres' tables", "Postgres' log", "Redis' dump"}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_stem_is_told(form: str) -> None:
    spellings = Spellings()
    for text in FORMS[form](spellings.stem):
        assert form in spellings.found_in(b"before" + text + b"behind")


@pytest.mark.parametrize("offset", range(3))
def test_base64_is_told_at_every_offset(offset: int) -> None:
    import base64

    spellings = Spellings()
    text = base64.b64encode(b"x" * offset + spellings.marker("m").encode() + b"yz")
    assert "base64" in spellings.found_in(text)
