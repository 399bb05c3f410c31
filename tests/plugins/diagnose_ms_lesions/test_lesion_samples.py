"""Lesions lie where lesions may lie and are brighter than that; a crop says what the network is to find."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from plugins.diagnose_ms_lesions.samples import flair
from plugins.diagnose_ms_lesions.samples.lesion_masks import (
    LEAST,
    MNI_BRAIN,
    HeadLabels,
    drawn_lesions,
    placed_mask,
    read_mask,
    without_specks,
)
from plugins.diagnose_ms_lesions.samples.lesion_samples import (
    LESION,
    Head,
    LesionSample,
    inserted,
    painted,
    to_tensors,
)
from plugins.diagnose_ms_lesions.samples.real_heads import RealHead
from tests.plugins.diagnose_ms_lesions.head_phantom import head_labels

FLUID = (0, 24, 4, 43)


def test_drawn_lesions_lie_in_tissue_that_may_hold_them() -> None:
    head = HeadLabels(head_labels())
    found = [drawn_lesions(head, np.random.default_rng(seed)) for seed in range(8)]
    assert sum(mask.any() for mask in found) >= 6
    for mask in found:
        assert not np.isin(head.array[mask], FLUID).any()


def test_a_mask_in_mni_space_comes_to_the_same_part_of_the_brain(tmp_path: Path) -> None:
    head = HeadLabels(head_labels())
    mask = sitk.Image((60, 70, 60), sitk.sitkUInt8)
    mask.SetSpacing((3, 3, 3))
    mask.SetOrigin((-90, -90, -90))
    place = [float(low + share * (high - low)) for share, (low, high) in zip((0.5, 0.5, 0.85), MNI_BRAIN, strict=True)]
    index = mask.TransformPhysicalPointToIndex(place[::-1])
    mask[index[0] - 1 : index[0] + 2, index[1] - 1 : index[1] + 2, index[2] - 1 : index[2] + 2] = 1
    sitk.WriteImage(mask, str(tmp_path / "mask.nii.gz"))
    placed = np.argwhere(placed_mask(read_mask(tmp_path / "mask.nii.gz"), head))
    share = (placed.mean(0) - head.box[:, 0]) / np.ptp(head.box, axis=1)
    assert share == pytest.approx((0.5, 0.5, 0.85), abs=0.05)


def test_specks_are_no_lesions() -> None:
    mask = np.zeros((12, 12, 12), bool)
    mask[1, 1, 1 : LEAST - 1] = True
    mask[5:8, 5:8, 5:8] = True
    kept = without_specks(mask.copy())
    assert kept.sum() == 27
    assert not kept[1].any()


def test_lesions_are_brighter_than_the_white_matter_around_them() -> None:
    labels, lesions = head_labels(), np.zeros((72,) * 3, bool)
    lesions[34:38, 34:38, 50:54] = True
    for seed in range(5):
        rng = np.random.default_rng(seed)
        image = flair.paint(labels, lesions, flair.tissue_values(rng), rng)
        white = np.isin(labels, (2, 41)) & ~lesions
        assert image[35:37, 35:37, 51:53].mean() > np.median(image[white]) + 0.15


def test_fluid_is_dark_in_painted_flair() -> None:
    values = flair.tissue_values(np.random.default_rng(3))
    assert values[[4, 43, 24]].max() < 0.6 * values[2]
    assert values[3] >= values[2]


def test_thick_slices_show_less_of_a_small_lesion_and_the_target_says_so() -> None:
    lesions = np.zeros((40, 40, 40), bool)
    lesions[20, 18:22, 18:22] = True
    image = 1 + lesions.astype(np.float32)
    shown = [flair.acquire(image, lesions, np.random.default_rng(seed))[1].sum() for seed in range(30)]
    assert min(shown) == 0
    assert max(shown) >= 16


@pytest.mark.parametrize("seed", range(4))
def test_a_crop_has_the_brain_alone_and_counts_everywhere(seed: int) -> None:
    labels = HeadLabels(head_labels())
    mask = np.zeros(labels.array.shape, bool)
    mask[30:42, 30:42, 50:58] = True
    array = labels.array + np.uint16(LESION) * mask.astype(np.uint16)
    head = Head(labels, array, np.flatnonzero(mask), np.flatnonzero(np.isin(labels.array, (2, 3, 41, 42))))
    sample = painted(head, np.random.default_rng(seed), side=32)
    assert sample.inputs.shape == (4, 32, 32, 32)
    assert sample.inputs[0].min() == -2
    assert (sample.targets[1] == 1).all()
    inside = sample.targets[0] > 0
    if inside.any():
        assert sample.inputs[0][inside].mean() > 0.2
    inputs, targets = to_tensors([sample, LesionSample(*sample)])
    assert inputs.shape == (2, 4, 32, 32, 32)
    assert targets.shape == (2, 2, 32, 32, 32)


def test_lesions_put_into_a_real_head_count_and_its_own_bright_places_do_not() -> None:
    labels = HeadLabels(head_labels())
    brain = labels.array > 0
    image = np.where(brain, 100, 2).astype(np.float32)
    image[34:37, 34:37, 44:47] = 160  # what may be a lesion of the patient's own
    head = RealHead(image, labels, brain, thickness=1.0)
    assert head.bright[35, 35, 45]
    lesions = np.zeros(labels.array.shape, bool)
    lesions[20:26, 30:36, 48:54] = True
    for seed in range(6):
        sample = inserted(head, lesions, np.random.default_rng(seed))
        found, counts = sample.targets > 0
        assert not (found & ~counts).any()
        if found.any() and not counts.all():
            values = sample.inputs[0]
            assert values[found].mean() > 0.3
            assert values[~counts].max() > 0.8
            return
    pytest.fail("no crop held both")
