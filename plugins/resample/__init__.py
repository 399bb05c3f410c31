"""Images and label maps on the grid of another image: a registration carried out for good."""

from __future__ import annotations

from typing import Any, Literal

from numpy.typing import NDArray

from plugins.groups import REGISTRATION
from plugins.image_checks import check_finite
from viewer.api import Job, Refusal, Segmentation, Transform, Volume, plugin, replace, resample, resample_labels


@plugin("Resample", group=REGISTRATION, outputs=("resampled",), libraries=("SimpleITK",))
def resample_image(
    image: Volume,
    onto: Volume,
    transform: Transform | None,
    job: Job,
    *,
    interpolation: Literal["nearest", "linear", "bspline"] = "linear",
) -> Volume:
    """Put an image onto the grid of another one.

    Values stay in their stored type and are marked "resampled". Beyond the image they are its smallest value.

    Parameters
    ----------
    image
        The image whose values are taken.
    onto
        The image whose grid the result lies on.
    transform
        Takes points of the grid to points of the image; without it the two share one space.
    interpolation
        Linear suits most images; the cubic B-spline is sharper and may overshoot at edges; nearest keeps every value.
    """
    if image.color and interpolation == "bspline":
        raise Refusal("images in colour are resampled linearly or by the nearest voxel: choose one of these.")
    check_finite(image)
    with job.stage("resampling"):
        return resample(image, onto.grid, transform, interpolation, tell=job.progress)


@plugin("Resample labels", group=REGISTRATION, outputs=("resampled",), libraries=("SimpleITK",))
def resample_segmentation(
    labels: Segmentation,
    onto: Volume,
    transform: Transform | None,
    job: Job,
    *,
    interpolation: Literal["nearest", "smoothed"] = "smoothed",
) -> Segmentation:
    """Put a label map onto the grid of an image.

    Parameters
    ----------
    labels
        The label map; its values and names are kept.
    onto
        The image whose grid the result lies on.
    transform
        Takes points of the grid to points of the label map; without it the two share one space.
    interpolation
        Smoothed gives each voxel the label with the greatest share there; nearest takes the nearest voxel's.
    """

    def resample_map(number: int) -> NDArray[Any]:
        def tell(fraction: float) -> None:
            job.progress((number + fraction) / len(labels.maps))

        return resample_labels(labels.maps[number], labels.grid, onto.grid, transform, interpolation, tell=tell)

    with job.stage("resampling"):
        first, *others = map(resample_map, range(len(labels.maps)))
    badges = labels.badges if "resampled" in labels.badges else (*labels.badges, "resampled")
    return replace(labels, array=first, overlapping=tuple(others), grid=onto.grid, badges=badges)
