"""Effects that grow over the image: from a voxel, over alike values, from seeds."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse.csgraph import dijkstra
from shapes import ball, dice, noisy

from viewer.compute.effects.image import growcut, region_growing, threshold, watershed
from viewer.compute.progress import Cancelled, Refusal

SEEDS = st.integers(0, 10**6)
UNIT = (1.0, 1.0, 1.0)
quick = settings(max_examples=8, deadline=None)


def from_seeds(image, seeds, spacing, *, tell=lambda fraction: None, **options):
    """A label for every voxel, by GrowCut with these seeds alone."""
    return growcut.GrowCut(image, spacing, **options).grow(seeds, tell)


def itk(array):
    return sitk.GetImageFromArray(array)


def lesion(spacing, contrast=100.0, noise=15.0):
    """A bright ball in noise, where it is, and a stroke in it and one around it."""
    mask = ball(9, spacing, 7)
    image = mask * contrast + noise * np.random.default_rng(5).standard_normal(mask.shape)
    seeds = np.zeros(mask.shape, np.uint8)
    k, j, i = (size // 2 for size in mask.shape)
    seeds[k, j - 2 : j + 3, i] = 1
    seeds[k, 1, 1:-1] = seeds[k, -2, 1:-1] = 7
    return image.astype(np.float32), mask, seeds


# ---- growth
@quick
@given(SEEDS, st.floats(10, 60))
def test_growth_from_a_voxel_is_that_of_itk(seed, reach):
    image = noisy(seed, (40, 60, 70))
    place = (20, 30, 35)
    values = float(image[place] - reach), float(image[place] + reach)
    box, found = region_growing.connected_threshold(image, place, values, lambda fraction: None)
    whole = np.zeros(image.shape, bool)
    whole[box] = found
    assert np.array_equal(
        whole, sitk.GetArrayFromImage(sitk.ConnectedThreshold(itk(image), [place[::-1]], *values)) > 0
    )


@quick
@given(SEEDS, st.floats(1.5, 3))
def test_growth_over_alike_values_is_that_of_itk(seed, deviations):
    image, mask, _ = lesion(UNIT)
    image += noisy(seed, mask.shape) / 10
    start = ball(3, UNIT, 13)
    seeds = [tuple(int(at) for at in place[::-1]) for place in np.argwhere(start)]
    mean, reach = float(image[start].mean()), deviations * float(image[start].std(dtype=np.float64))
    theirs = sitk.ConnectedThreshold(itk(image), seeds, mean - reach, mean + reach)
    assert (
        dice(
            region_growing.confidence_connected(image, start, deviations, 1),
            (sitk.GetArrayFromImage(theirs) > 0) | start,
        )
        > 0.9999
    )


def test_growth_over_alike_values_finds_the_lesion():
    image, mask, seeds = lesion(UNIT)
    assert dice(region_growing.confidence_connected(image, seeds == 1, 4.0), mask) > 0.95


# ---- seeds
def cheapest(values, seeds, locality):
    """Costs of the cheapest ways from the seeds of each label by SciPy, {label: [k, j, i]}."""
    index = np.arange(values.size).reshape(values.shape)
    rows, columns, costs = [], [], []
    for axis in range(3):
        one, other = (np.moveaxis(index, axis, 0)[part].ravel() for part in (slice(None, -1), slice(1, None)))
        rows.append(one)
        columns.append(other)
        costs.append(np.abs(values.flat[one].astype(np.float64) - values.flat[other]) + locality)
    graph = sparse.coo_matrix((np.concatenate(costs), (np.concatenate(rows), np.concatenate(columns))))
    graph.resize((values.size, values.size))
    found = {}
    for label in np.unique(seeds[seeds > 0]):
        start = np.flatnonzero(seeds.ravel() == label)
        ways = dijkstra(graph.tocsr(), directed=False, indices=start, min_only=True)
        found[label] = ways.reshape(values.shape)
    return found


@settings(max_examples=8, deadline=None)
@given(SEEDS)
def test_every_voxel_goes_to_the_seed_with_the_cheapest_way(seed):
    image = noisy(seed)
    seeds = np.zeros(image.shape, np.uint8)
    seeds[2, 3, 3], seeds[8, 9, 12], seeds[5, 2, 11] = 1, 2, 5
    grown = from_seeds(image, seeds, UNIT, smooth=0, locality=0.05)
    costs = cheapest(image / image.std(), seeds, 0.05)
    best = np.min(list(costs.values()), axis=0)
    for label, cost in costs.items():
        assert (cost[grown == label] <= best[grown == label] + 1e-3).all()
    assert set(np.unique(grown)) == {1, 2, 5}


@quick
@given(SEEDS)
def test_seeds_that_are_added_give_what_all_give_at_once(seed):
    image = noisy(seed)
    seeds = np.zeros(image.shape, np.uint8)
    seeds[2, 3, 3], seeds[8, 9, 12] = 1, 2
    growing = growcut.GrowCut(image, UNIT)
    growing.grow(seeds)
    more = seeds.copy()
    more[5, 2, 11] = 300 % 251
    more[2, 3, 4] = 2
    assert np.array_equal(growing.grow(more), from_seeds(image, more, UNIT))
    assert np.array_equal(growing.grow(seeds), from_seeds(image, seeds, UNIT))


@pytest.mark.parametrize("grow", [from_seeds, watershed.from_markers])
@pytest.mark.parametrize("spacing", [UNIT, (3.0, 0.7, 0.7)])
def test_a_lesion_is_found_from_three_strokes(grow, spacing):
    image, mask, seeds = lesion(spacing)
    grown = grow(image, seeds, spacing)
    assert dice(grown == 1, mask) > 0.93
    assert np.array_equal(grown[seeds > 0], seeds[seeds > 0])
    assert set(np.unique(grown)) == {1, 7}
    assert grown.dtype == seeds.dtype


@pytest.mark.parametrize("spacing", [UNIT, (3.0, 0.7, 0.7)])
def test_a_large_box_is_grown_coarsely_first_and_comes_out_the_same(spacing, monkeypatch):
    image, mask, seeds = lesion(spacing)
    exact = from_seeds(image, seeds, spacing)
    monkeypatch.setattr(growcut, "LARGE", image.size // 20)  # two levels, or three
    growing = growcut.GrowCut(image, spacing)
    refined = growing.grow(seeds)
    assert dice(refined == 1, exact == 1) > 0.97
    assert dice(refined == 1, mask) > 0.93
    assert np.array_equal(refined[seeds > 0], seeds[seeds > 0])
    assert refined.dtype == seeds.dtype
    assert (refined > 0).all()
    more = seeds.copy()
    more[0, 0, 0] = 4
    assert growing.grow(more)[0, 0, 0] == 4


@pytest.mark.parametrize("locality", [0.0, 0.01])
def test_seeds_of_two_segments_side_by_side_both_stay_in_a_large_box(locality, monkeypatch):
    monkeypatch.setattr(growcut, "LARGE", 100)
    image, seeds = noisy(1, (11, 13, 17)), np.zeros((11, 13, 17), np.uint16)
    seeds[4, 6, 8], seeds[4, 6, 9], seeds[10, 12, 16] = 700, 3, 9
    grown = from_seeds(image, seeds, UNIT, locality=locality)
    assert np.array_equal(grown[seeds > 0], seeds[seeds > 0])
    assert set(np.unique(grown)) == {3, 9, 700}


@pytest.mark.parametrize("grow", [from_seeds, watershed.from_markers])
def test_labels_beyond_a_byte_and_single_slices_are_grown(grow, monkeypatch):
    monkeypatch.setattr(growcut, "LARGE", 500)
    image = np.zeros((1, 30, 30), np.float32)
    image[:, 10:20, 10:20] = 100
    seeds = np.zeros(image.shape, np.uint16)
    seeds[0, 15, 15], seeds[0, 2, 2] = 1000, 3
    assert dice(grow(image, seeds, (0.2, 1.0, 1.0)) == 1000, image > 50) > 0.95


@pytest.mark.parametrize("grow", [from_seeds, watershed.from_markers])
def test_bad_images_and_seeds_are_refused_in_a_sentence(grow):
    image, _, seeds = lesion(UNIT)
    with pytest.raises(Refusal, match="fewer than two segments"):
        grow(image, np.where(seeds == 1, seeds, 0), UNIT)
    with pytest.raises(Refusal, match="a single value"):
        grow(np.full_like(image, 3), seeds, UNIT)
    image[0, 0, 0] = np.nan
    with pytest.raises(Refusal, match="no numbers"):
        grow(image, seeds, UNIT)


CALLS = {
    "local": lambda image, seeds, tell: threshold.local(image, UNIT, 3, 1.0, tell=tell),
    "alike": lambda image, seeds, tell: region_growing.confidence_connected(image, seeds == 1, tell=tell),
    "seeds": lambda image, seeds, tell: from_seeds(image, seeds, UNIT, tell=tell),
    "markers": lambda image, seeds, tell: watershed.from_markers(image, seeds, UNIT, tell=tell),
}


@pytest.mark.parametrize("name", CALLS)
def test_progress_never_falls_and_a_cancel_is_heard_by_what_looks_at_the_image(name):
    image, _, seeds = lesion(UNIT)
    told: list[float] = []
    CALLS[name](image, seeds, told.append)
    assert told
    assert all(a <= b for a, b in pairwise(told))
    assert 0 <= told[0] <= told[-1] <= 1

    def stop(fraction: float) -> None:
        if fraction > 0.35:
            raise Cancelled

    with pytest.raises(Cancelled):
        CALLS[name](image, seeds, stop)


def test_a_cancelled_growth_goes_on_from_what_it_had():
    image, _, seeds = lesion(UNIT)
    growing = growcut.GrowCut(image, UNIT)
    before = growing.grow(seeds)
    more = seeds.copy()
    more[1, 1, 1] = 9

    def stop(fraction: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        growing.grow(more, stop)
    assert np.array_equal(growing.grow(seeds), before)
    assert np.array_equal(growing.grow(more), from_seeds(image, more, UNIT))
