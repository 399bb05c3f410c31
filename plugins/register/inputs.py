"""What the methods of registration take, and whether the images may be registered at all."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import numpy as np

from viewer.api import Job, Landmarks, Refusal, Segmentation, Transform, Volume, resample

OUTPUTS = ("transform", "registered")
LIBRARIES = ("torch", "SimpleITK")
LEAST = 8  # voxels that an image must be wide
SAME_CONTRAST = ("local correlation", "mean squares")

Fixed = Annotated[Volume, "The image that stays where it is."]
Moving = Annotated[Volume, "The image that is brought onto it."]
FixedMask = Annotated[Segmentation | None, "Where the fixed image counts."]
Metric = Annotated[
    Literal["automatic", "local correlation", "mutual information", "mean squares", "MIND-SSC"],
    "What is made alike. Automatic: local correlation for images of one contrast; for others mutual information, or "
    "self-similarity (MIND-SSC) where it bends.",
]
Start = Annotated[
    Literal["search", "centres", "as placed"],
    "Search tries many rotations; centres lays the middle of one image on that of the other; as placed trusts the "
    "files.",
]
DifferentPatients = Annotated[bool, "Go on although the files name different patients."]


class RegistrationInputs(NamedTuple):
    """The inputs of rigid, affine and deformable registration."""

    fixed: Fixed
    moving: Moving
    fixed_mask: FixedMask = None
    moving_mask: Annotated[Segmentation | None, "Where the moving image counts."] = None
    landmarks: Annotated[
        Landmarks | None, "Pairs of the same places in both images: they are the start, and are drawn together."
    ] = None
    fixed_labels: Annotated[
        Segmentation | None, "Labelled parts of the fixed image, brought onto those of the same label."
    ] = None
    moving_labels: Annotated[Segmentation | None, "Labelled parts of the moving image."] = None
    initial: Annotated[
        Transform | None,
        "The transform to begin with, an alignment by hand for instance; of a deformation its linear part.",
    ] = None

    def check(self, metric: str, *, different_patients: bool) -> None:
        """Raises Refusal, one sentence for the user, where these cannot be registered."""
        for word, image in (("fixed", self.fixed), ("moving", self.moving)):
            _check(word, image)
        self._check_pair(metric, different_patients)
        for word, image, other in (
            ("fixed mask", self.fixed, self.fixed_mask),
            ("moving mask", self.moving, self.moving_mask),
            ("fixed label map", self.fixed, self.fixed_labels),
            ("moving label map", self.moving, self.moving_labels),
        ):
            if other is not None and not other.grid.matches(image.grid, tolerance=0.05):
                raise Refusal(f"the {word} lies on another grid than its image: resample it onto that first.")
        if (self.fixed_labels is None) != (self.moving_labels is None):
            raise Refusal("labels help only where both images have them: give two label maps, or none.")

    def resample_moving(self, transform: Transform, job: Job) -> Volume | None:
        """The moving image on the fixed grid; None where nobody asks for it."""
        if not job.wants("registered"):
            return None
        with job.stage("resampling"):
            return resample(self.moving, self.fixed.grid, transform)

    def _check_pair(self, metric: str, different_patients: bool) -> None:
        fixed, moving = self.fixed, self.moving
        if (fixed.grid.shape[0] == 1) != (moving.grid.shape[0] == 1):
            raise Refusal("one image is a single slice and the other a volume: choose two volumes, or two slices.")
        if fixed.source.patient_match(moving.source) == "different" and not different_patients:
            raise Refusal("the images name different patients: tick Different patients if that is meant.")
        kinds = {image.modality for image in (fixed, moving)} - {"", "OT"}
        if len(kinds) > 1 and metric in SAME_CONTRAST:
            raise Refusal(
                f"{metric} compares images of one kind, not {' with '.join(sorted(kinds))}: choose automatic."
            )
        units = {image.unit for image in (fixed, moving)} - {"", "1"}
        if len(units) > 1 and metric == "mean squares":
            raise Refusal(
                f"mean squares needs images in one unit, not {' and '.join(sorted(units))}: choose automatic."
            )


def _check(word: str, image: Volume) -> None:
    array = image.array
    finite = np.isfinite(array).any() if array.dtype.kind == "f" else True
    if not finite or np.nanmin(array) == np.nanmax(array):
        raise Refusal(f"the {word} image has one value everywhere, so there is nothing to align: choose another image.")
    narrow = sorted(image.grid.shape)[1]  # slices may be few
    if narrow < LEAST:
        raise Refusal(f"the {word} image is only {narrow} voxels wide: it takes {LEAST} to align an image.")
