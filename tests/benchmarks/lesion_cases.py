"""What the lesions of MS are looked for in: images and masks that the network was not trained on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from plugins.diagnose_ms_lesions.samples.flair import acquire, paint, tissue_values
from plugins.diagnose_ms_lesions.samples.lesion_masks import HeadLabels, placed_mask, read_mask
from plugins.diagnose_ms_lesions.samples.lesion_samples import MASKS
from plugins.segment_brain.samples.head_maps import read_head_map
from plugins.segment_brain.samples.head_samples import MAPS
from viewer.api import Grid, Volume

P07 = "nifti/brain-ms-p07-mni"
P01 = "nifti/brain-ms-longitudinal-p01"
P03 = "labelled/ms-lesions-ljubljana/longitudinal/patient03"
CHANGES = {P01: "gt.nii.gz", P03: "change_gt.nii.gz"}
HELD_MAPS, HELD_PATIENTS = (9, 10), (22, 23, 24, 25, 27, 29)
SKULL = 400  # numbers of the label maps from here on are outside the brain


@dataclass(frozen=True, eq=False)
class LesionCase:
    """An image and its lesions [k, j, i] on the image's grid."""

    name: str
    image: Volume
    lesions: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ChangeCase:
    """Two studies of a patient, what takes the common space to each (ITK), and where the lesions changed there."""

    name: str
    studies: tuple[sitk.Image, sitk.Image]
    to_study: tuple[sitk.Transform, sitk.Transform]
    changed: sitk.Image


def volume(image: sitk.Image) -> Volume:
    grid = Grid.of(image.GetSize()[::-1], image.GetSpacing()[::-1], image.GetOrigin(), image.GetDirection())
    return Volume(sitk.GetArrayFromImage(image), grid)


def patient_07(data: Path) -> LesionCase:
    """The one image with a mask that is at hand: stripped FLAIR in MNI space."""
    image, mask = (sitk.ReadImage(str(data / P07 / f"{name}.nii.gz")) for name in ("FLAIR", "lesion_consensus"))
    return LesionCase("patient 07", volume(image), sitk.GetArrayFromImage(mask) > 0)


def painted_heads(data: Path) -> Iterator[LesionCase]:
    """Label maps and masks that were left out, as FLAIR of 1 to 5 mm slices."""
    for number, patient in enumerate(HELD_PATIENTS):
        rng = np.random.default_rng((20261201, patient))
        labels = read_head_map(data / MAPS.format(HELD_MAPS[number % 2])).array
        head = HeadLabels(labels)
        lesions = placed_mask(read_mask(data / MASKS.format(patient)), head)
        values = tissue_values(rng)
        outside = np.unique(labels[labels >= SKULL])
        values[outside] = rng.uniform(0.05, 1.3, len(outside))
        image, shown = acquire(paint(labels, lesions, values, rng), lesions, rng)
        grid = Grid.of(labels.shape, (1.0, 1.0, 1.0), (-np.array(labels.shape[::-1]) / 2).tolist())
        yield LesionCase(f"painted {patient}", Volume(image * np.float32(200), grid), shown)


def changes(data: Path) -> Iterator[ChangeCase]:
    """Pairs with masks of what changed."""
    for folder, mask in CHANGES.items():
        studies = tuple(sitk.ReadImage(str(data / folder / f"study{n}_FLAIR.nii.gz")) for n in (1, 2))
        moves = tuple(sitk.ReadTransform(str(data / folder / f"study{n}_FLAIR_to_common_space.txt")) for n in (1, 2))
        yield ChangeCase(Path(folder).name, studies, moves, sitk.ReadImage(str(data / folder / mask)))
