"""Where samples are cut from: label maps and unlabelled scans, by the folder of data. Read when first asked for.

What the gates are measured on is not here: maps 09 and 10, the images of TotalSegmentator, OASIS, patient 07, patient
01 of the longitudinal study, the head with GIF labels; nor are the sarcomas, which are to be learned from corrections.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from plugins.segment_brain import segment_brain
from viewer.api import Grid, Job, Volume

BRAINS = [f"nifti/brain-labelmaps-synthseg/training_seg_{n:02}.nii.gz" for n in range(1, 9)]
BODIES = [f"labelled/bodymaps-hra/visible_human_{one}.nii.gz" for one in "fm"]
LESIONS = "labelled/ms-lesions-ljubljana/longitudinal"
HEADS = [
    "weights/brainchop-meshnet-tfjs/example_t1_crop.nii.gz",
    "weights/hippodeep/example_brain_t1.nii.gz",
    "nifti/brain-oasis-c2fvit/ICBM2009asym_T1_template.nii.gz",
    f"{LESIONS}/patient03/study1_FLAIR.nii.gz",
    f"{LESIONS}/patient03/study2_FLAIR.nii.gz",
    f"{LESIONS}/patient04/study1_FLAIR.nii.gz",
    f"{LESIONS}/patient09/study2_FLAIR.nii.gz",
    f"{LESIONS}/patient20/study2_FLAIR.nii.gz",
    "dicom/mr-philips-mprage",
]
SCANS = [
    *HEADS,
    "nifti/spine-t2-pam50/PAM50_small_t2.nii.gz",
    "nifti/spine-t2-pam50/t2.nii.gz",
    "dicom/ct-cmb-crc-lung",
    "dicom/ct-cmb-crc-lung",  # twice: the only large scan that is not of a head
    "dicom/pet-qin-headneck/PET",
]
SMALLEST = 20  # voxels of a structure


@dataclass(frozen=True)
class Source:
    """An array [k, j, i] and its spacing in mm along k, j, i. structures: box of each label of a map, else none."""

    array: NDArray[np.generic]
    spacing: NDArray[np.float64]
    structures: dict[int, tuple[slice, ...]]


@cache
def label_map(path: Path) -> Source:
    """A label map [k, j, i] with its labels counted from 0, and the boxes of those that are large enough."""
    return _labelled(*_values(_read(path)))


@cache
def scan(path: Path) -> Source:
    """An image [k, j, i] without labels: a file, or a folder of DICOM slices."""
    return Source(*_values(_read(path)), {})


@cache
def head_labels(path: Path) -> Source:
    """What the model of segment_brain, the teacher, finds in a head [k, j, i]: about ten seconds."""
    image = _read(path)
    array, spacing = _values(image)
    grid = Grid.of(array.shape, spacing, image.GetOrigin(), image.GetDirection())
    found, *_ = segment_brain(image=Volume(array, grid), earlier=None, job=Job(), doubt=False)
    return _labelled(found.maps[0], spacing)


def _labelled(array: NDArray[np.generic], spacing: NDArray[np.float64]) -> Source:
    counts = np.bincount(array.ravel())
    labels = (np.cumsum(counts > 0) - 1).astype(np.uint8)[array]
    sizes = counts[counts > 0]
    boxes = dict(enumerate(find_objects(labels), start=1))
    return Source(labels, spacing, {value: box for value, box in boxes.items() if sizes[value] >= SMALLEST})


def _read(path: Path) -> sitk.Image:
    files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(path)) if path.is_dir() else str(path)
    return sitk.ReadImage(files)


def _values(image: sitk.Image) -> tuple[NDArray[np.generic], NDArray[np.float64]]:
    return sitk.GetArrayFromImage(image), np.array(image.GetSpacing()[::-1])
