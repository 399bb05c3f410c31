"""The structures that prompted segmentation is measured on: crops of 48³ about each, none of an image trained on."""

from __future__ import annotations

import errno
import json
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from plugins.segment_prompt.methods import classical
from plugins.segment_prompt.prompt_channels import normalize
from plugins.segment_prompt.prompts import Mask
from plugins.segment_prompt.samples import label_scenes

SIZE = 48
LEAST = 30  # voxels of a structure, in its image
JITTER = 0.12  # of the crop's side
MAPS = "nifti/brain-labelmaps-synthseg/training_seg_{}.nii.gz"


@dataclass(frozen=True)
class Case:
    """A crop about one structure: image normalized, edges its gradient, target the structure; its volume in ml."""

    group: str
    name: str
    image: NDArray[np.float32]
    edges: NDArray[np.uint8]
    target: Mask
    volume: float


@dataclass(frozen=True)
class Labelled:
    """An image (none: a label map, whose contrast is drawn at random), labels on its grid, spacing along k, j, i."""

    image: NDArray[np.generic] | None
    labels: NDArray[np.generic]
    spacing: NDArray[np.float64]
    names: dict[int, str]


def data_file(name: str) -> Path:
    path = Path(os.environ.get("TOMOLENS_DATA", "TOMOLENS_DATA")) / name
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return path


def _pair(image: str, labels: str, names: str = "") -> Labelled:
    read = [sitk.ReadImage(str(data_file(path))) for path in (image, labels)]
    known = json.loads(data_file(names).read_text()) if names else {}
    arrays = [sitk.GetArrayFromImage(one) for one in read]
    return Labelled(*arrays, np.array(read[1].GetSpacing()[::-1]), {int(k): v for k, v in known.items()})


def _label_map(number: str) -> Labelled:
    image = sitk.ReadImage(str(data_file(MAPS.format(number))))
    return Labelled(None, sitk.GetArrayFromImage(image), np.array(image.GetSpacing()[::-1]), {})


def _oasis() -> Labelled:
    folder = data_file("nifti/brain-oasis-voxelmorph")
    with np.load(folder / "test_scan.npz") as scan, np.load(folder / "labels.npz") as listed:
        kept = np.isin(scan["seg"], listed["labels"])
        return Labelled(scan["vol"], np.where(kept, scan["seg"], 0), np.ones(3), {})


def _lesions() -> Labelled:
    folder = "nifti/brain-ms-p07-mni"
    mask = _pair(f"{folder}/FLAIR.nii.gz", f"{folder}/lesion_consensus.nii.gz")
    return Labelled(mask.image, ndimage.label(mask.labels)[0], mask.spacing, {})


TOTAL = "nifti/ct-totalsegmentator/{}"
MR = "nifti/mr-totalsegmentator/{}"
AORTA = "labelled/ct-aorta-totalsegmentator/{}"
GROUPS: dict[str, tuple[Callable[[], Labelled], ...]] = {
    "maps": (lambda: _label_map("09"), lambda: _label_map("10")),
    "CT": (
        lambda: _pair(*map(TOTAL.format, ("example_ct.nii.gz", "example_seg_fast_force_split.nii.gz", "labels.json"))),
    ),
    "MR": (lambda: _pair(*map(MR.format, ("example_mr_sm.nii.gz", "example_seg_mr.nii.gz", "labels.json"))),),
    "T1 brain": (_oasis,),
    "lesions": (_lesions,),
    "aorta CT": (lambda: _pair(*map(AORTA.format, ("ct_cropped.nii.gz", "labels.nii.gz", "labels.json"))),),
}


def cases(group: str, most: int) -> Iterator[Case]:
    """At most so many structures of each image of a group, of all sizes. Raises FileNotFoundError without the data."""
    for number, source in enumerate(GROUPS[group]):
        labelled = source()
        sizes = np.bincount(labelled.labels.astype(np.int64).ravel())
        sizes[0] = 0
        fit = [int(value) for value in np.argsort(-sizes) if sizes[value] >= LEAST]
        for rank in np.linspace(0, len(fit) - 1, min(len(fit), most)).round().astype(int):
            yield _crop(labelled, group, number, fit[rank])


def _crop(labelled: Labelled, group: str, number: int, value: int) -> Case:
    """Twice the structure's largest extent a side, not quite in its middle."""
    name = labelled.names.get(value, f"{number}:{value}")
    rng = np.random.default_rng(zlib.crc32(f"{group} {name}".encode()))
    target = labelled.labels == value
    box = ndimage.find_objects(target.astype(np.uint8))[0]
    low, high = (np.array([getattr(s, end) for s in box]) for end in ("start", "stop"))
    side = 2 * float(((high - low) * labelled.spacing).max())
    centre = (low + high - 1) / 2 * labelled.spacing + rng.uniform(-JITTER, JITTER, 3) * side
    steps = ((np.arange(SIZE) + 0.5) / SIZE - 0.5) * side
    grid = np.stack(np.meshgrid(*(steps + c for c in centre), indexing="ij"))
    places = grid / labelled.spacing[:, None, None, None]
    inside = ndimage.map_coordinates(target.astype(np.uint8), places, order=0) > 0
    image = normalize(_values(labelled, places, inside, rng))
    volume = float(target.sum() * labelled.spacing.prod() / 1000)
    return Case(group, name, image, classical.gradient(image), inside, volume)


def _values(
    labelled: Labelled, places: NDArray[np.float64], target: Mask, rng: np.random.Generator
) -> NDArray[np.float32]:
    if labelled.image is not None:
        return ndimage.map_coordinates(labelled.image, places, order=1, mode="nearest", output=np.float32)
    cut = ndimage.map_coordinates(labelled.labels, places, order=0, mode="nearest")
    labels = np.unique(cut, return_inverse=True)[1].reshape(cut.shape).astype(np.uint8)
    image = label_scenes.paint(labels, target, rng)
    return image + np.float32(0.04) * rng.standard_normal(image.shape, dtype=np.float32)
