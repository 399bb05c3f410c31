"""Each class of change by a phantom of its own, and what holds for any two label maps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.compute.labels.lesion_change import ChangeLimit, change_limit, lesion_changes
from viewer.compute.labels.lesions import connected_lesions

LIMIT = ChangeLimit(5.0)
Labels = np.ndarray
Boxes = tuple[tuple[slice, slice], ...]


def labels(*boxes: tuple[slice, slice]) -> Labels:
    """Boxes of a slice, three voxels deep, each a lesion of its own."""
    found = np.zeros((5, 30, 30), np.uint16)
    for label, box in enumerate(boxes, 1):
        found[1:4, *box] = label
    return found


def kinds(prior: Labels, current: Labels) -> list[str]:
    return [change.kind for change in lesion_changes(prior, current, 1.0, LIMIT)]


A, GROWN, LESS = (slice(2, 8), slice(2, 8)), (slice(2, 10), slice(2, 10)), (slice(2, 5), slice(2, 6))
LEFT, RIGHT, WHOLE = (slice(2, 8), slice(2, 8)), (slice(2, 8), slice(10, 16)), (slice(2, 8), slice(2, 16))


@pytest.mark.parametrize(
    ("prior", "current", "kind"),
    [
        ((), (A,), "new"),
        ((A,), (GROWN,), "enlarged"),
        ((A,), (A,), "stable"),
        ((A,), (LESS,), "shrunk"),
        ((A,), (), "vanished"),
        ((LEFT, RIGHT), (WHOLE,), "merged"),
        ((WHOLE,), (LEFT, RIGHT), "split"),
    ],
)
def test_each_class(
    prior: tuple[tuple[slice, slice], ...], current: tuple[tuple[slice, slice], ...], kind: str
) -> None:
    assert kinds(labels(*prior), labels(*current)) == [kind]


def test_volumes_are_of_both_studies() -> None:
    (change,) = lesion_changes(labels(A), labels(GROWN), 2.0, LIMIT)
    assert (change.prior_volume, change.current_volume) == (216, 384)
    assert change.difference == 168


def test_a_neighbour_that_touches_at_a_rim_is_another_lesion() -> None:
    beside = (slice(6, 12), slice(7, 20))  # 2 of 36 voxels are shared: less than a tenth
    assert kinds(labels(A), labels(beside)) == ["new", "vanished"]


def test_what_is_below_the_limit_is_not_claimed() -> None:
    small = (slice(20, 21), slice(20, 21))  # three voxels
    assert kinds(labels(A), labels(A, small)) == ["stable"]
    wider = (slice(2, 8), slice(2, 9))  # 126 for 108: a sixth more
    assert kinds(labels(A), labels(wider)) == ["stable"]


def test_the_limit_is_what_the_same_state_differs_by() -> None:
    rng = np.random.default_rng(0)
    truth = connected_lesions(rng.random((20, 40, 40)) > 0.97, 1)
    first, second = (connected_lesions((truth > 0) & (rng.random(truth.shape) > 0.1), 1) for _ in range(2))
    limit = change_limit(first, second, 1.0)
    assert limit.volume > 0
    told = [change.kind for change in lesion_changes(first, second, 1.0, limit)]
    assert told.count("stable") >= 0.9 * len(told)
    assert change_limit(first, first, 1.0).volume == 0


maps = st.integers(0, 2**32 - 1).map(
    lambda seed: connected_lesions(np.random.default_rng(seed).random((4, 9, 9)) > 0.8, 1)
)


@given(maps, maps)
def test_every_lesion_is_in_one_change_and_the_way_back_mirrors_it(prior: Labels, current: Labels) -> None:
    there = lesion_changes(prior, current, 1.0, ChangeLimit(0.0))
    back = lesion_changes(current, prior, 1.0, ChangeLimit(0.0))
    assert sorted(label for change in there for label in change.prior) == list(range(1, prior.max() + 1))
    assert sorted(label for change in there for label in change.current) == list(range(1, current.max() + 1))
    mirrored = {"new": "vanished", "vanished": "new", "merged": "split", "split": "merged"}
    assert {(one.prior, one.current) for one in there} == {(one.current, one.prior) for one in back}
    by_labels = {(one.current, one.prior): one.kind for one in back}
    for one in there:
        if one.kind in mirrored:
            assert by_labels[one.prior, one.current] == mirrored[one.kind]
