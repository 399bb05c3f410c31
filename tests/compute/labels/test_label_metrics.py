"""Agreement of label maps: MONAI's numbers on random blobs, and hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from viewer.compute.labels.label_metrics import label_metrics
from viewer.data.grid import Grid


def blobs(seed: int, shape: tuple[int, int, int] = (14, 16, 18)) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 2)
    return np.digitize(noise, np.quantile(noise, (0.7, 0.85))).astype(np.uint8)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([(1.0, 1.0, 1.0), (3.0, 0.7, 0.9)]))
def test_monai_finds_the_same(seed, spacing):
    import torch
    from monai.metrics import (
        compute_average_surface_distance,
        compute_dice,
        compute_hausdorff_distance,
        compute_surface_dice,
    )
    from monai.metrics.utils import get_edge_surface_distance

    one, two = blobs(seed), blobs(seed + 1)
    found = label_metrics(one, two, Grid.of(one.shape, spacing), tolerance=1.5)
    hot_one, hot_two = (torch.tensor(np.stack([a == n for n in range(3)])[None].astype(np.float32)) for a in (one, two))
    options = {"include_background": False, "spacing": spacing}
    dice = compute_dice(hot_two, hot_one, include_background=False)
    hd95 = compute_hausdorff_distance(hot_two, hot_one, percentile=95, **options)
    assd = compute_average_surface_distance(hot_two, hot_one, symmetric=True, **options)
    nsd = compute_surface_dice(hot_two, hot_one, [1.5, 1.5], **options)
    for label in (1, 2):
        ours, masks = found[label], [torch.tensor(array == label) for array in (one, two)]
        _, far, _ = get_edge_surface_distance(*masks, spacing=spacing, symmetric=True)
        theirs = [float(each[0, label - 1]) for each in (dice, assd, nsd)]
        assert (ours.dice, ours.assd, ours.nsd) == pytest.approx(theirs, rel=1e-6, abs=1e-6)
        assert ours.hd95 == pytest.approx(max(np.percentile(each.double(), 95) for each in far), rel=1e-6)
        assert ours.hd95 == pytest.approx(float(hd95[0, label - 1]), rel=1e-5)  # MONAI's rank is of single precision


def test_equal_maps_agree_wholly():
    one = blobs(1)
    for found in label_metrics(one, one.copy(), Grid.of(one.shape)).values():
        assert (found.dice, found.hd95, found.assd, found.nsd) == (1, 0, 0, 1)


def test_a_shift_is_measured_in_mm():
    one, two = np.zeros((8, 20, 20), np.uint16), np.zeros((8, 20, 20), np.uint16)
    one[2:6, 4:8, 4:8], two[4:8, 4:8, 4:8] = 300, 300
    (found,) = label_metrics(one, two, Grid.of(one.shape, (2.5, 1, 1))).values()
    assert found.dice == 0.5
    assert found.hd95 == 5.0


def test_a_label_of_one_map_only_has_no_distances():
    one, two = np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8)
    one[1, 1, 1], two[2, 2, 2] = 1, 5
    found = label_metrics(one, two, Grid.of(one.shape))
    assert sorted(found) == [1, 5]
    assert all((each.dice, each.hd95, each.nsd) == (0, None, None) for each in found.values())


@pytest.mark.parametrize("dtype", [np.uint32, np.uint64])
def test_labels_of_nine_digits_are_told_apart(dtype):
    one = np.zeros((8, 8, 8), dtype)
    one[1:7, 1:7, 1:7], one[7, 7, 7] = 614454277, 614454278
    two = one.copy()
    two[1, 1:7, 1:7] = 0
    found = label_metrics(one, two, Grid.of(one.shape))
    assert sorted(found) == [614454277, 614454278]
    assert found[614454277].dice == pytest.approx(2 * 180 / 396)
    assert found[614454278].dice == 1


def test_other_sizes_are_refused():
    with pytest.raises(ValueError, match="sizes"):
        label_metrics(np.zeros((2, 2, 2), np.uint8), np.zeros((2, 2, 3), np.uint8), Grid.of((2, 2, 2)))
