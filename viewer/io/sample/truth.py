"""The truth behind an image of the built-in sample, and what a result of it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from viewer.compute.images.detail_retention import Lesion, contrast_retention, edge_retention
from viewer.data.grid import Grid
from viewer.data.volume import Volume

if TYPE_CHECKING:
    from viewer.data.study import Source


@dataclass(frozen=True)
class Truth:
    """Files: the image without noise, and the label map of its lesions."""

    noise_free: str
    lesions: str


@dataclass(frozen=True)
class Retention:
    """What input and result keep of the truth: edges (1 is all), and the contrast of each lesion, in one order."""

    edges: tuple[float, float]
    lesions: tuple[tuple[Lesion, Lesion], ...]


def truth_of(source: Source) -> Truth | None:
    """The truth of a T1 series of the sample, found by where its files lie; None for any other image."""
    series = Path(source.files[0]).parent if source.files else Path()
    folder = series.parent.parent / "truth"
    paths = [folder / f"{series.parent.name}_{name}.nii.gz" for name in ("noise_free", "lesions")]
    known = series.name == "t1" and (folder / "truth.json").is_file() and all(path.is_file() for path in paths)
    return Truth(*map(str, paths)) if known else None


def measure_retention(before: Volume, result: Volume, truth: Truth) -> Retention:
    """What is kept of edges and lesions before and after. Raises ValueError where the grids differ."""
    clean, labels = _read(truth.noise_free), _read(truth.lesions)
    edges = edge_retention(clean, before), edge_retention(clean, result)
    lesions = (contrast_retention(clean, one, labels.array) for one in (before, result))
    return Retention(edges, tuple(zip(*lesions, strict=True)))


def _read(path: str) -> Volume:
    import SimpleITK as sitk

    image = sitk.ReadImage(path)
    array = sitk.GetArrayFromImage(image)
    return Volume(array, Grid.of(array.shape, image.GetSpacing()[::-1], image.GetOrigin(), image.GetDirection()))
