"""Images for the gates of the brain tumour type: foreign ones, and true ones that were altered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray
from PIL import Image

from plugins.diagnose_brain_tumour.samples.degradation import compress

Pixels = NDArray[np.float32]
Altered = Callable[[Pixels], Pixels]
LONGITUDINAL = "labelled/ms-lesions-ljubljana/longitudinal"
FILES = {
    "non-contrast T1": (
        "nifti/brain-ms-longitudinal-p01/study1_T1W.nii.gz",
        "weights/hippodeep/example_brain_t1.nii.gz",
        "weights/brainchop-meshnet-tfjs/example_t1_crop.nii.gz",
    ),
    "FLAIR": (
        "nifti/brain-ms-longitudinal-p01/study1_FLAIR.nii.gz",
        "labelled/brain-t2-gif/t2.nii.gz",
        f"{LONGITUDINAL}/patient03/study1_FLAIR.nii.gz",
        f"{LONGITUDINAL}/patient04/study1_FLAIR.nii.gz",
        f"{LONGITUDINAL}/patient09/study2_FLAIR.nii.gz",
        f"{LONGITUDINAL}/patient20/study2_FLAIR.nii.gz",
    ),
    "stripped": (
        "nifti/brain-oasis-c2fvit/image_A.nii.gz",
        "nifti/brain-oasis-c2fvit/ICBM2009asym_T1_template.nii.gz",
        "nifti/brain-ms-p07-mni/FLAIR.nii.gz",
    ),
    "CT": ("nifti/ct-totalsegmentator/example_ct.nii.gz",),
}
CT_SERIES = "dicom/ct-cmb-crc-lung"
COUNT = 90  # slices of a set


def foreign(data: Path) -> dict[str, list[Pixels]]:
    """Axial slices of other images, up as a radiologist sees them, with square pixels; by the name of their set."""
    sets = {name: [one for path in paths for one in _slices(data / path)] for name, paths in FILES.items()}
    sets["CT"] += [sitk.GetArrayFromImage(sitk.ReadImage(p))[0] for p in sorted((data / CT_SERIES).glob("*.dcm"))]
    files = sorted((data / "labelled/chest-xray-kermany").glob("*/*"))
    sets["chest X-ray"] = [np.asarray(Image.open(path).convert("L")) for path in _some(files)]
    rng = np.random.default_rng(0)
    sets["noise"] = [rng.normal(100, 30, (256, 256)) for _ in range(COUNT)]
    return {name: [np.asarray(one, np.float32) for one in _some(images)] for name, images in sets.items()}


def _some(things: list[Any]) -> list[Any]:
    return [things[n] for n in np.unique(np.linspace(0, len(things) - 1, COUNT).astype(int))]


def _slices(path: Path) -> list[Pixels]:
    """Axial slices from a quarter to three quarters of an image's height."""
    image = sitk.DICOMOrient(sitk.ReadImage(path, sitk.sitkFloat32), "LPS")
    array = sitk.GetArrayFromImage(image)
    return list(array[len(array) // 4 : 3 * len(array) // 4])


def half_black(image: Pixels) -> Pixels:
    image = image.copy()
    image[:, image.shape[1] // 2 :] = 0
    return image


def cropped(image: Pixels) -> Pixels:
    rows, columns = image.shape
    return image[rows // 4 : -rows // 4, columns // 4 : -columns // 4]


def strongly_compressed(image: Pixels) -> Pixels:
    return compress(torch.from_numpy(image[None] / 255), 20)[0].numpy() * 255


ALTERED: dict[str, Altered] = {
    "inverted": lambda image: image.max() - image,
    "cropped": cropped,
    "half black": half_black,
    "upside down": lambda image: image[::-1].copy(),
    "turned": lambda image: np.rot90(image).copy(),
}
ACCEPTED: dict[str, Altered] = {
    "true": lambda image: image,
    "mirrored": lambda image: image[:, ::-1].copy(),
    "JPEG q20": strongly_compressed,
}


def tumour_filled(image: Pixels, box: NDArray[np.float64]) -> Pixels:
    """The box becomes its own mean."""
    image = image.copy()
    left, top, right, bottom = np.round(box).astype(int)
    image[top : bottom + 1, left : right + 1] = image[top : bottom + 1, left : right + 1].mean()
    return image


def border_only(image: Pixels, box: NDArray[np.float64]) -> Pixels:
    """24 of 128 pixels on each side."""
    image, width = image.copy(), image.shape[0] * 24 // 128
    image[width:-width, width:-width] = 0
    return image


def box_only(image: Pixels, box: NDArray[np.float64]) -> Pixels:
    left, top, right, bottom = np.round(box).astype(int)
    alone = np.zeros_like(image)
    alone[top : bottom + 1, left : right + 1] = image[top : bottom + 1, left : right + 1]
    return alone


PROBES = {"tumour filled in": tumour_filled, "border only": border_only, "box only": box_only}
