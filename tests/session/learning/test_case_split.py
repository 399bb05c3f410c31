"""Cases are learned from or held back: by a hash, for good, never both."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from viewer.session.learning.case_split import Split, case_hash, split_cases

CASES = [case_hash(f"patient {n}") for n in range(24)]


def test_a_hash_is_the_same_on_every_machine_and_tells_nothing_of_the_patient() -> None:
    assert case_hash("patient 4711") == "b09ce76d963f59f9f0a602edc1bbdafb"
    assert case_hash("patient 4711") != case_hash("patient 4712")
    assert "4711" not in case_hash("patient 4711")


def test_no_case_is_ever_in_both_parts_and_none_is_lost() -> None:
    rng = random.Random(0)
    before = Split()
    for _ in range(50):
        some = rng.sample(CASES, rng.randint(2, len(CASES)))
        try:
            split = split_cases(some, before)
        except ValueError:
            continue
        assert not {*split.train} & {*split.held_back}
        assert {*split.train, *split.held_back} == {*some}
        assert split.train
        assert split.held_back
        assert not {*before.train, *split.train} & {*before.held_back, *split.held_back}  # over all tunings
        before = Split((*before.train, *split.train), (*before.held_back, *split.held_back))


def test_a_case_stays_in_its_part_whatever_comes_beside_it() -> None:
    whole = split_cases(CASES, Split())
    assert 4 <= len(whole.held_back) <= 12  # about every third
    for size in range(8, len(CASES)):
        part = split_cases(CASES[:size], Split())
        assert {*part.train} <= {*whole.train}
        assert {*part.held_back} <= {*whole.held_back}
    assert split_cases(reversed(CASES), Split()) == whole


def test_two_cases_are_one_of_each() -> None:
    for pair in pairwise(CASES):
        split = split_cases(pair, Split())
        assert (len(split.train), len(split.held_back)) == (1, 1)


@pytest.mark.parametrize("count", [0, 1])
def test_one_case_leaves_nothing_to_hold_back(count: int) -> None:
    with pytest.raises(ValueError, match="Only one case has accepted structures: accept those of a second one"):
        split_cases(CASES[:count], Split())


def test_what_the_model_has_seen_is_not_held_back_for_want_of_others() -> None:
    with pytest.raises(ValueError, match="accept structures of another one"):
        split_cases(CASES[:2], Split(train=tuple(CASES[:2])))
    split = split_cases(CASES[:3], Split(train=tuple(CASES[:2])))
    assert split.held_back == (CASES[2],)
