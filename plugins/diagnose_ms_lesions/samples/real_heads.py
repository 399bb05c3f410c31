"""Real FLAIR whose own lesions nobody has marked: the background of lesions that are put in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from plugins.segment_brain.prediction import load_network
from plugins.segment_brain.segmentation import find_brain
from viewer.api import Grid, Job, Volume, resample

from .lesion_masks import HELD, VENTRICLES, HeadLabels

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
FOLDER = "labelled/ms-lesions-ljubljana/longitudinal"
BRIGHT = 1.2  # times the white matter's median: this may be a lesion of the patient's own
RIM = 2  # voxels around that which do not count either


@dataclass(frozen=True, eq=False)
class RealHead:
    """image: [k, j, i] of 1 mm, LPS. labels: what segment_brain finds. brain_mask: of it.

    thickness: mm of the slices, which lie nearly along k.
    """

    PATHS: ClassVar = tuple(
        f"{FOLDER}/{one}_FLAIR.nii.gz" for one in ("patient04/study1", "patient09/study2", "patient20/study2")
    )
    image: Floats
    labels: HeadLabels
    brain_mask: Mask
    thickness: float

    @classmethod
    def read(cls, path: Path) -> RealHead:
        """About ten seconds: the brain is found first."""
        image = sitk.ReadImage(str(path))
        grid = Grid.of(image.GetSize()[::-1], image.GetSpacing()[::-1], image.GetOrigin(), image.GetDirection())
        volume, job = Volume(sitk.GetArrayFromImage(image), grid), Job()
        found = find_brain(volume, load_network(None, job), job)
        cut = resample(volume.with_values(volume.values()), found.cube).array
        return cls(np.asarray(cut, np.float32), HeadLabels(found.labels), found.mask > 0, float(grid.spacing[0]))

    @cached_property
    def brain(self) -> NDArray[np.intp]:
        """Flat indices of the brain's voxels."""
        return np.flatnonzero(self.brain_mask)

    @cached_property
    def median(self) -> float:
        """Of the brain's values."""
        return float(np.median(self.image[self.brain_mask]))

    @cached_property
    def white(self) -> float:
        """The white matter's median."""
        return float(np.median(self.image[np.isin(self.labels.array, (2, 41))]))

    @cached_property
    def bright(self) -> Mask:
        """Where the patient may have lesions, with a rim."""
        white = np.isin(self.labels.array, (*HELD, *VENTRICLES))
        return np.asarray(binary_dilation(white & (self.image > BRIGHT * self.white), iterations=RIM))
