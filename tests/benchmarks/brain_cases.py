"""Heads that the brain network is measured on, none of which it was trained on, with what is known of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from plugins.segment_brain.samples.head_maps import read_head_map
from plugins.segment_brain.samples.head_samples import HELD_OUT, MAPS
from viewer.api import Grid, Volume

Labels = NDArray[np.integer[Any]]
Numbers = tuple[int, ...]
OASIS, T2, MS = "nifti/brain-oasis-voxelmorph", "labelled/brain-t2-gif", "nifti/brain-ms-longitudinal-p01"
TISSUES: dict[str, Numbers] = {
    "white matter": (2, 41),
    "cortex": (3, 42),
    "ventricles": (4, 5, 14, 15, 31, 43, 44, 63, 72),
}
# by GIF's names: its numbers (those of the right come first), and ours, the right side first
GIF: dict[str, tuple[tuple[Numbers, Numbers], ...]] = {
    "ventricles": (((50, 52), (43, 44, 63)), ((51, 53), (4, 5, 31))),
    "thalamus": (((60,), (49,)), ((61,), (10,))),
    "caudate": (((37,), (50,)), ((38,), (11,))),
    "putamen": (((58,), (51,)), ((59,), (12,))),
    "pallidum": (((56,), (52,)), ((57,), (13,))),
    "hippocampus": (((48,), (53,)), ((49,), (17,))),
    "brain stem": (((35, 36), (16,)),),
    "cerebellum": (((39, 40, 41, 42, 72, 73, 74), (7, 8, 46, 47)),),
}
GIF_OUTSIDE = (0, 1, 2, 3, 4)  # the last is the fluid around the brain
FURROWS = 5  # mm: half of the width that is closed in the T2's mask, as in the other heads' and in ours


@dataclass(frozen=True)
class Case:
    """truth: [k, j, i] on the image's grid."""

    image: Volume
    truth: Labels


@dataclass(frozen=True)
class MaskCase:
    """mask: of the brain, on its own grid. to_image: takes its points to those of the image."""

    name: str
    image: Volume
    mask: sitk.Image
    to_image: sitk.Transform


def oasis(data: Path) -> tuple[Case, tuple[int, ...]]:
    """A T1 without its skull, FreeSurfer's labels, and the 30 numbers of them that count."""
    with np.load(data / OASIS / "test_scan.npz") as scan, np.load(data / OASIS / "labels.npz") as labels:
        # its axes run to the left, to the feet, to the front
        image, truth = (scan[name].transpose(2, 1, 0) for name in ("vol", "seg"))
        numbers = tuple(int(number) for number in labels["labels"])
    direction = [[1, 0, 0], [0, 0, -1], [0, -1, 0]]
    grid = Grid.of(image.shape, direction=direction)
    return Case(Volume(image.astype(np.float32), grid), truth.astype(np.uint16)), numbers


def flair_like(data: Path) -> Case:
    """T2 of 5.5 mm slices, and GIF's labels of the same head's T1."""
    image = sitk.ReadImage(str(data / T2 / "t2.nii.gz"))
    truth = sitk.Resample(
        sitk.ReadImage(str(data / T2 / "t1_seg_gif.nii.gz")), image, sitk.Transform(), sitk.sitkLabelLinear
    )
    return Case(volume(image), sitk.GetArrayFromImage(truth))


def masks(data: Path) -> Iterator[MaskCase]:
    """Heads with their skulls: a T1 and two FLAIRs with the mask of their common space, and the T2."""
    mask = sitk.ReadImage(str(data / MS / "brainmask_common_space.nii.gz"))
    to_flair, to_t1, to_second = (
        sitk.ReadTransform(str(data / MS / f"{name}.txt"))
        for name in ("study1_FLAIR_to_common_space", "study1_T1W_intrastudy_to_FLAIR", "study2_FLAIR_to_common_space")
    )
    of_t1 = sitk.CompositeTransform([to_t1, to_flair])  # the last one is applied first
    for name, transform in (("study1_T1W", of_t1), ("study1_FLAIR", to_flair), ("study2_FLAIR", to_second)):
        yield MaskCase(name, volume(sitk.ReadImage(str(data / MS / f"{name}.nii.gz"))), mask, transform)
    labels = sitk.ReadImage(str(data / T2 / "t1_seg_gif.nii.gz"))
    tissue = sitk.GetImageFromArray((~np.isin(sitk.GetArrayFromImage(labels), GIF_OUTSIDE)).astype(np.uint8))
    tissue.CopyInformation(labels)
    mask = sitk.BinaryFillhole(sitk.BinaryMorphologicalClosing(tissue, [FURROWS] * 3, sitk.sitkBall))
    yield MaskCase(
        "T2", volume(sitk.ReadImage(str(data / T2 / "t2.nii.gz"))), mask, sitk.Transform(3, sitk.sitkIdentity)
    )


def large_head(data: Path) -> Volume:
    """256³ voxels of 1 mm, made of a label map that was not trained on."""
    rng = np.random.default_rng(0)
    labels = read_head_map(data / MAPS.format(HELD_OUT[0])).array[1:-1, 1:-1, 1:-1]
    values = rng.uniform(0, 1000, labels.max() + 1).astype(np.float32)
    values[0] = 0
    noise = 20 * rng.standard_normal(labels.shape, dtype=np.float32)
    return Volume((values[labels] + noise).astype(np.int16), Grid.of(labels.shape))


def volume(image: sitk.Image) -> Volume:
    array = sitk.GetArrayFromImage(image)
    return Volume(array, Grid.of(array.shape, image.GetSpacing()[::-1], image.GetOrigin(), image.GetDirection()))
