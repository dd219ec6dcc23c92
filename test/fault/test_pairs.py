"""Each pair of programs and servers is cut in each way, heals, and nothing was lost or doubled.

In make test a few of the pairs and ways, drawn by the seed; in make faults all of them, each cut
once for shorter than a lease and once for longer.
"""

from __future__ import annotations

import itertools
import os
import random
import threading
from collections.abc import Iterator

import pytest
from client import until
from fault_proxy import FAULTS

from .conftest import LONG
from .cuttable import PAIRS, Cuttable, cuttable
from .load import assert_whole, load, more

SHORT_CASES = 5
WITHIN_A_LEASE_S, BEYOND_A_LEASE_S = 1.5, 8.0
# The longest that anybody waits for an answer: a commit, and a connection, and their margins.
ANSWER_S = 40.0
MODEL = "sim?tokens=20&chunk_tokens=2&itl_ms=20&jitter=0.5"
SEED = int(os.environ.get("SEED", random.randrange(1 << 30)))


def chosen() -> list[tuple[str, str]]:
    every = list(itertools.product(PAIRS, FAULTS))
    return every if LONG else random.Random(SEED).sample(every, SHORT_CASES)


@pytest.fixture(scope="module")
def scene() -> Iterator[Cuttable]:
    print(f"\nSEED={SEED}")
    with cuttable("pairs") as one:
        yield one


@pytest.mark.promises("C7", "C16")
@pytest.mark.parametrize(("pair", "what"), chosen())
def test_a_pair_is_cut_and_heals(scene: Cuttable, pair: str, what: str) -> None:
    dice = random.Random(f"{SEED}{pair}{what}")
    both = (WITHIN_A_LEASE_S, BEYOND_A_LEASE_S)
    with load(scene.stack, MODEL) as one:
        more(one, 20)
        for seconds in both if LONG else (dice.choice(both),):
            until(f"somebody comes through {pair}", lambda: scene.doors[pair].lines()[1] > 0)
            with scene.doors[pair].fault(what):
                threading.Event().wait(seconds)  # its length is the fault itself
            more(one, 20)
    assert one.longest_s < ANSWER_S
    assert_whole(scene.stack, one)
