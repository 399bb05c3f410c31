"""Label images are told from grey ones, and become segmentations value for value."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.compute.label_image import as_segmentation, is_label_image
from viewer.data.grid import Grid
from viewer.data.volume import Volume

GRID = Grid.of((30, 40, 50))


def volume(array, **more) -> Volume:
    return Volume(array, GRID, "image", **more)


@pytest.fixture
def labels():
    array = np.zeros(GRID.shape, np.int16)
    array[5:20, 5:30, 5:30], array[20:25, 10:20, 10:20] = 3, 2035
    return array


def test_few_whole_values_are_labels(labels):
    assert is_label_image(volume(labels))
    assert is_label_image(volume((labels > 0).astype(np.uint8)))


def test_grey_images_are_not(labels):
    rng = np.random.default_rng(1)
    k, j, i = np.indices(GRID.shape)
    smooth = (100 * np.exp(-((k - 15) ** 2 + (j - 20) ** 2 + (i - 25) ** 2) / 80)).astype(np.int16)
    for array in (
        smooth,
        rng.integers(0, 1000, GRID.shape).astype(np.int16),
        rng.integers(0, 255, GRID.shape).astype(np.uint8),
        labels - np.int16(1024),
        labels.astype(np.float32),
        np.zeros(GRID.shape, np.uint8),
    ):
        assert not is_label_image(volume(array))
    assert not is_label_image(volume(labels, slope=2.0))


def test_values_and_names_come_over(labels):
    found = as_segmentation(volume(labels))
    assert np.array_equal(found.array, labels)
    assert [segment.label for segment in found.segments] == [3, 2035]
    assert found.grid is GRID
    assert as_segmentation(volume((labels > 0).astype(np.uint8))).array.dtype == np.uint8


def test_what_is_no_label_is_refused(labels):
    with pytest.raises(ValueError, match="no label image"):
        as_segmentation(volume(labels - np.int16(1)))
