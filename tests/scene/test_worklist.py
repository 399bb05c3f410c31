"""Task lists: their order, what comes next, and the time that is counted."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.scene.worklist import PAUSE, Case, ReadingTimer, Worklist


def worklist(count: int = 5, **more) -> Worklist:
    cases = tuple(Case(f"c{n}", f"c{n}.nii") for n in range(count))
    return Worklist("list", Path(), Path("out"), cases, **more)


@given(st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_a_blinded_order_is_all_cases_and_the_same_at_every_start(count, seed):
    one, two = (worklist(count, seed=seed, blinded=True) for _ in range(2))
    assert one.order == two.order
    assert sorted(one.order) == sorted(case.id for case in one.cases)


def test_another_seed_is_another_order_and_no_name_is_told():
    orders = {worklist(20, seed=seed, blinded=True).order for seed in range(5)}
    assert len(orders) == 5
    blind = worklist(3, seed=1, blinded=True)
    assert [blind.name(case_id) for case_id in blind.order] == ["Case 1", "Case 2", "Case 3"]


def test_without_blinding_cases_come_as_the_list_names_them():
    assert worklist(3).order == ("c0", "c1", "c2")
    assert worklist(3).name("c1") == "c1"


def test_the_next_case_is_one_that_is_not_decided():
    tasks = worklist()
    tasks.change("c1", state="flagged")
    tasks.change("c2", state="completed")
    assert tasks.next("c0", 1) == "c3"
    assert tasks.next("c3", -1) == "c0"
    assert tasks.next(None, 1) == "c0"
    assert tasks.decided == 2


def test_where_all_are_decided_it_is_the_neighbour_and_at_the_end_none():
    tasks = worklist(2)
    for case in tasks.cases:
        tasks.change(case.id, state="rejected")
    assert tasks.next("c0", 1) == "c1"
    assert tasks.next("c1", 1) is None


def test_a_change_is_told_once_and_an_equal_one_not():
    tasks, told = worklist(), []
    tasks.changed.connect(lambda: told.append(1))
    tasks.change("c0", state="in progress")
    tasks.change("c0", state="in progress")
    assert len(told) == 1
    with pytest.raises(KeyError):
        tasks.change("nobody", state="completed")


@given(st.lists(st.floats(0, 500), max_size=30))
def test_a_rest_counts_a_minute_at_most(gaps):
    now = 0.0
    watch = ReadingTimer(lambda: now)
    for gap in gaps:
        now += gap
        watch.touch()
    assert watch.take_seconds() == pytest.approx(sum(min(gap, PAUSE) for gap in gaps), abs=1e-6)
    assert watch.take_seconds() == 0
