"""Consensus of readers: SimpleITK's STAPLE and a plain count of votes give the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from viewer.compute.labels.consensus import MOST_READERS, consensus, matched, staple
from viewer.compute.progress import Cancelled, Refusal
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation

SHAPE = (10, 16, 18)
A, B = Segment(1, "a", color=(1, 2, 3)), Segment(2, "b")


def readers(seed: int, count: int, label: int = 1, errors: float = 0.15) -> list[np.ndarray]:
    """A box that each reader drew with some voxels wrong."""
    random = np.random.default_rng(seed)
    truth = np.zeros(SHAPE, bool)
    truth[2:8, 4:12, 5:14] = True
    shares = random.uniform(0.02, errors, count)
    return [np.uint8(label) * (truth ^ (random.random(SHAPE) < share)) for share in shares]


def of(*arrays: np.ndarray, segments=(A,)) -> list[Segmentation]:
    return [Segmentation(array, Grid.of(SHAPE), tuple(segments), f"reader {n}") for n, array in enumerate(arrays)]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5))
def test_simpleitk_estimates_the_same(seed, count):
    arrays = readers(seed, count)
    theirs = sitk.STAPLEImageFilter()
    found = sitk.GetArrayFromImage(theirs.Execute([sitk.GetImageFromArray(array) for array in arrays]))
    votes = sum(array.astype(int) << n for n, array in enumerate(arrays))
    rounds = theirs.GetElapsedIterations() + 1  # it stops a little earlier than we do
    ours = staple(np.bincount(votes.ravel(), minlength=2**count).astype(float), count, rounds)
    assert ours.weights[votes] == pytest.approx(found, abs=1e-9)
    assert ours.sensitivity == pytest.approx(theirs.GetSensitivity(), abs=1e-9)
    assert ours.specificity == pytest.approx(theirs.GetSpecificity(), abs=1e-9)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5))
def test_the_majority_is_more_than_half(seed, count):
    arrays = readers(seed, count, errors=0.4)
    made = consensus(of(*arrays), "majority")
    assert np.array_equal(made.mask(made.segments[0]), sum(map(np.int64, arrays)) * 2 > count)


def test_staple_looks_at_the_whole_image_and_not_at_the_box():
    arrays = [np.zeros(SHAPE, np.uint8) for _ in range(3)]
    for n, array in enumerate(arrays):
        array[2:5, 2 : 5 + n, 2:5] = 1
    made = consensus(of(*arrays), "staple")
    theirs = sitk.STAPLE([sitk.GetImageFromArray(array) for array in arrays])
    assert np.array_equal(made.array > 0, sitk.GetArrayFromImage(theirs) > 0.5)
    told = made.provenance.parameters["estimates"]["a"]
    assert told["sensitivity"] == pytest.approx([0.75, 1.0, 1.0], abs=1e-3)


def test_several_segments_are_matched_by_name_whatever_their_labels():
    one, two, three = readers(3, 3)
    other = [np.uint8(2) * (array > 0) for array in (two, three)]
    given = of(one, segments=(A, B)) + of(*other, segments=(replace(B, label=1), replace(A, label=2)))
    assert [[one and one.label for one in row] for row in matched(given)] == [[1, 2, 2], [2, 1, 1]]
    made = consensus(given, "majority")
    assert np.array_equal(made.mask(made.segments[0]), (one > 0) * 1 + (two > 0) + (three > 0) > 1)
    assert not made.mask(made.segments[1]).any()


def test_what_one_reader_alone_has_is_kept_as_an_empty_segment():
    arrays = readers(1, 3)
    given = of(*arrays[:2]) + of(np.uint8(2) * arrays[2], segments=(A, B))
    made = consensus(given, "majority")
    assert [one.name for one in made.segments] == ["a", "b"]
    assert not made.mask(made.segments[1]).any()


def test_segments_that_overlap_still_do():
    lower, upper = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    lower[:6], upper[4:] = 1, 1
    one = Segmentation(lower, Grid.of(SHAPE), (A, replace(B, label=1, layer=1)), overlapping=(upper,))
    made = consensus([one, one, one], "staple")
    assert np.array_equal(made.mask(made.segments[0]), lower > 0)
    assert np.array_equal(made.mask(made.segments[1]), upper > 0)


def test_it_is_nobodys_handwork_and_says_where_it_is_from():
    signed = replace(A, state="completed", reader="Ann", remark="done")
    made = consensus(of(*readers(2, 3), segments=(signed,)), "staple", ("Ann", "Ben", "Cem"))
    (segment,) = made.segments
    assert (segment.name, segment.color, segment.algorithm, segment.algorithm_name) == (
        "a", (1, 2, 3), "SEMIAUTOMATIC", "STAPLE",
    )  # fmt: skip
    assert (segment.state, segment.reader, segment.remark) == ("not started", "", "")
    assert made.provenance.parameters["readers"] == ["Ann", "Ben", "Cem"]
    assert made.provenance.plugin == "consensus"


def test_an_empty_segment_stays_empty():
    made = consensus(of(*[np.zeros(SHAPE, np.uint8)] * 2), "staple")
    assert not made.array.any()
    assert len(made.segments) == 1


@pytest.mark.parametrize("count", [1, MOST_READERS + 1])
def test_too_few_and_too_many_readers_are_refused(count):
    with pytest.raises(Refusal, match=f"2 to {MOST_READERS}"):
        consensus(of(*readers(1, count)), "majority")


def test_other_grids_are_refused():
    far = Segmentation(np.zeros(SHAPE, np.uint8), Grid.of(SHAPE, origin=(1, 0, 0)), (A,), "elsewhere")
    with pytest.raises(Refusal, match="do not lie on one grid"):
        consensus([*of(*readers(1, 1)), far], "majority")


def test_a_cancel_is_heard():
    def cancel(fraction):
        raise Cancelled

    with pytest.raises(Cancelled):
        consensus(of(*readers(1, 2)), "majority", tell=cancel)
