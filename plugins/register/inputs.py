"""What a registration is given, and whether the images may be registered at all."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from viewer.api import Landmarks, Refusal, Segmentation, Transform, Volume

MetricName = Literal["automatic", "local correlation", "mutual information", "mean squares", "MIND-SSC"]
Start = Literal["search", "centres", "as placed"]
LEAST = 8  # voxels that an image must be wide
SAME_CONTRAST = ("local correlation", "mean squares")


class Given(NamedTuple):
    """The inputs that every method of registration takes."""

    fixed: Volume
    moving: Volume
    fixed_mask: Segmentation | None = None
    moving_mask: Segmentation | None = None
    landmarks: Landmarks | None = None
    fixed_labels: Segmentation | None = None
    moving_labels: Segmentation | None = None
    initial: Transform | None = None

    def check(self, metric: str, *, different_patients: bool) -> None:
        """Raises Refusal: one sentence for the user."""
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
