"""The pairs of images that registration is measured on, with what is known of them; arrays and grids as in viewer.data.

TOMOLENS_DATA names the shared images. The sample is made where it is not there yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from real_images import data_folder
from scipy.ndimage import gaussian_filter

from viewer.data.annotations.landmarks import Landmarks
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.transform import Transform
from viewer.data.volume import Volume

# T1 values of FreeSurfer labels, for a subject of whom there is a label map only.
T1 = {
    **dict.fromkeys((2, 41), 0.80),
    **dict.fromkeys((3, 42), 0.52),
    **dict.fromkeys((4, 43, 5, 44, 14, 15, 24), 0.12),
    **dict.fromkeys((7, 46), 0.78),
    **dict.fromkeys((8, 47), 0.55),
    **dict.fromkeys((10, 49), 0.66),
    **dict.fromkeys((11, 50, 26, 58), 0.57),
    **dict.fromkeys((12, 51), 0.60),
    **dict.fromkeys((13, 52), 0.70),
    **dict.fromkeys((17, 53, 18, 54), 0.54),
    **dict.fromkeys((28, 60, 16), 0.73),
}


@dataclass(frozen=True)
class Labelled:
    """Two brains with label maps of the same values."""

    name: str
    fixed: Volume
    fixed_labels: NDArray[np.uint8]
    moving: Volume
    moving_labels: NDArray[np.uint8]


def folder() -> Path:
    return data_folder() / "nifti"


def volume_of(image: sitk.Image) -> Volume:
    array = sitk.GetArrayFromImage(image)
    array = array.astype(np.float32) if array.dtype == np.float64 else array
    grid = Grid.of(array.shape, image.GetSpacing()[::-1], image.GetOrigin(), np.array(image.GetDirection()))
    return Volume(array, grid)


def read(path: Path) -> Volume:
    return volume_of(sitk.ReadImage(str(path)))


def matrix_of(path: Path) -> Transform:
    """An ITK text file of a matrix with a centre."""
    read_ = sitk.ReadTransform(str(path))
    numbers, centre = np.array(read_.GetParameters()), np.array(read_.GetFixedParameters())
    matrix = np.eye(4)
    matrix[:3, :3] = numbers[:9].reshape(3, 3)
    matrix[:3, 3] = numbers[9:] + centre - matrix[:3, :3] @ centre
    return Transform(matrix)


def atlas() -> Labelled:
    """The ICBM template and an OASIS subject, with four labels."""
    here = folder() / "brain-oasis-c2fvit"
    fixed = sitk.ReadImage(str(here / "ICBM2009asym_T1_template.nii.gz"), sitk.sitkFloat32)
    names = "MNI-maxprob-thr50-1mm_pad_RSP_oasis.nii.gz", "image_A.nii.gz", "image_A_seg4_mni.nii.gz"
    labels, moving, moving_labels = (sitk.ReadImage(str(here / name), sitk.sitkFloat32) for name in names)
    labels = sitk.Resample(labels, fixed, sitk.Transform(), sitk.sitkNearestNeighbor)
    box = _box(sitk.GetArrayFromImage(moving) > 0)
    return Labelled(
        "template ← OASIS subject, 4 labels",
        volume_of(fixed),
        sitk.GetArrayFromImage(labels).astype(np.uint8),
        volume_of(moving[box]),
        sitk.GetArrayFromImage(moving_labels[box]).astype(np.uint8),
    )


def subjects() -> Labelled:
    """An OASIS subject and one that is made from a label map, with the structures that both maps know."""
    here = folder() / "brain-oasis-voxelmorph"
    known = np.load(here / "labels.npz")["labels"]
    with np.load(here / "test_scan.npz") as scan:
        values, labels = scan["vol"].astype(np.float32) * 255, scan["seg"]
    images = [_placed(one) for one in (values, np.where(np.isin(labels, known), labels, 0).astype(np.uint8))]
    box = _box(values > 0)
    source = sitk.ReadImage(str(folder() / "brain-labelmaps-synthseg" / "training_seg_04.nii.gz"))
    there = sitk.GetArrayFromImage(source).astype(int)
    made = [_t1(there), np.where(np.isin(there, known), there, 0).astype(np.uint8)]
    other = _box(made[0] > 0)
    moving = []
    for array in made:
        image = sitk.GetImageFromArray(array)
        image.CopyInformation(source)
        moving.append(image[other])
    return Labelled(
        f"OASIS subject ← made subject, {len(known)} labels",
        volume_of(images[0][box]),
        sitk.GetArrayFromImage(images[1][box]),
        volume_of(moving[0]),
        sitk.GetArrayFromImage(moving[1]),
    )


def _placed(array: NDArray[np.generic]) -> sitk.Image:
    """An array that runs to the left, down and to the front."""
    image = sitk.GetImageFromArray(array)
    image.SetDirection([0, 0, 1, -1, 0, 0, 0, -1, 0])
    image.SetOrigin([100, 100, -80])
    return image


def _t1(labels: NDArray[np.int64]) -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    table = np.zeros(labels.max() + 1, np.float32)
    table[list(T1)] = list(T1.values())
    image = table[labels]
    texture = sum(gaussian_filter(rng.standard_normal(image.shape), sigma) * sigma**1.5 for sigma in (0.7, 1.5, 3))
    image = gaussian_filter(image * (1 + 0.05 * texture / texture.std()), 0.6)
    return (np.abs(image + 0.02 * rng.standard_normal(image.shape) * (image > 0.02)) * 255).astype(np.float32)


def _box(inside: NDArray[np.bool_]) -> tuple[slice, slice, slice]:
    """Six voxels around what is inside, as SimpleITK counts: i, j, k."""
    ends = [np.where(inside.any(tuple(a for a in range(3) if a != axis)))[0][[0, -1]] for axis in range(3)]
    k, j, i = (slice(int(max(a - 6, 0)), int(b + 7)) for a, b in ends)
    return i, j, k


def spine() -> tuple[Volume, Volume, Segmentation, Segmentation, Landmarks]:
    """A neck and the PAM50 template, with the cord in both, and the discs 3, 4 and 5."""
    here = folder() / "spine-t2-pam50"
    fixed, moving = read(here / "t2.nii.gz"), read(here / "PAM50_small_t2.nii.gz")
    cords = [read(here / name) for name in ("t2_seg-manual.nii.gz", "PAM50_small_cord.nii.gz")]
    masks = [Segmentation((one.array > 0).astype(np.uint8), one.grid, (Segment(1, "cord"),)) for one in cords]
    points = [
        _points(read(here / name)) for name in ("t2_labeled_center_manual.nii.gz", "PAM50_small_label_disc.nii.gz")
    ]
    return fixed, moving, *masks, Landmarks(*(np.array([one[label] for label in (3, 4, 5)]) for one in points))


def _points(labels: Volume) -> dict[int, NDArray[np.float64]]:
    return {int(labels.array[tuple(at)]): labels.grid.to_world(at) for at in np.argwhere(labels.array > 0)}
