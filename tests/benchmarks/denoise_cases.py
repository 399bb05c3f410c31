"""What the denoisers are measured on: real images that no model was trained on, with noise of known level added.

The references have some noise of their own, which a denoiser is punished for taking away; the CT's, of a lung kernel,
is lowered first as a soft-tissue kernel would, so that it stays well under what is added.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from real_images import data_folder
from scipy import fft
from scipy.ndimage import gaussian_filter

Floats = NDArray[np.float32]
SIDE = 96
SEED = 7


@dataclass(frozen=True)
class Case:
    """reference, noisy: [k, j, i]. inside: where figures are taken. spectrum: the noise's amplitude."""

    name: str
    reference: Floats
    noisy: Floats
    sigma: float
    rician: bool
    inside: NDArray[np.bool_]
    spacing: tuple[float, float, float]
    spectrum: Floats | None = None
    flat: bool = False

    @property
    def peak(self) -> float:
        return float(self.reference.max() - self.reference.min())


def solid(side: int = SIDE) -> Iterator[Case]:
    """Two T1 brains at 3, 5 and 9 % Rician noise; a CT with coloured noise of 20 and 40 HU; a PET."""
    rng = np.random.default_rng(SEED)
    for name, image in brains().items():
        part = middle(image, side)
        for percent in (3, 5, 9):
            sigma = percent / 100 * float(image.max())
            yield Case(
                f"{name}, {percent} %",
                part,
                rician(part, sigma, rng),
                sigma,
                True,
                part > 0.05 * image.max(),
                (1, 1, 1),
            )
    image, spacing = abdomen()
    part = middle(image, side)
    for sigma in (20.0, 40.0):
        noise, spectrum = ct_noise(part.shape, rng)
        yield Case(
            f"CT, {sigma:.0f} HU", part, part + np.float32(sigma) * noise, sigma, False, part > -500, spacing, spectrum
        )
    image, spacing = tracer()
    part = middle(image, side)
    sigma = 0.02 * float(np.percentile(part, 99.9))
    noise = rng.standard_normal(part.shape, dtype=np.float32)
    yield Case("PET, 2 %", part, part + np.float32(sigma) * noise, sigma, False, part > 2 * sigma, spacing)


def thick() -> Iterator[Case]:
    """The first brain in slices of 4 mm; a FLAIR as it was scanned, 4 mm thick."""
    rng = np.random.default_rng(SEED)
    brain = middle(next(iter(brains().values())), 96).reshape(24, 4, 96, 96).mean(axis=1)
    flair = array(data_folder() / "nifti" / "brain-ms-longitudinal-p01" / "study1_FLAIR.nii.gz")[6:30, 64:256, 64:256]
    images = {"Thick T1": (brain, (4.0, 1.0, 1.0)), "Thick FLAIR": (flair, (4.0, 0.72, 0.72))}
    for name, (image, spacing) in images.items():
        peak = float(np.percentile(image, 99.9))
        for percent in (5, 9):
            sigma = percent / 100 * peak
            noisy, inside = rician(image, sigma, rng), image > 0.05 * peak
            yield Case(f"{name}, {percent} %", image, noisy, sigma, True, inside, spacing, flat=True)


def brains() -> dict[str, Floats]:
    folder = data_folder() / "nifti"
    first = np.load(folder / "brain-oasis-voxelmorph" / "test_scan.npz")["vol"].astype(np.float32)
    second = array(folder / "brain-oasis-c2fvit" / "image_A.nii.gz")
    return {"T1 A": first, "T1 B": second}


def abdomen() -> tuple[Floats, tuple[float, float, float]]:
    """The whole CT as with a soft-tissue kernel, at half its resolution in the plane; about 9 HU of noise stay."""
    reader = sitk.ImageSeriesReader()
    folder = str(data_folder() / "dicom" / "ct-cmb-crc-lung")
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(folder))
    image = sitk.GetArrayFromImage(reader.Execute()).astype(np.float32).clip(-1024, 3071)
    return np.ascontiguousarray(gaussian_filter(image, (0.6, 1.2, 1.2))[:, 1::2, 1::2]), (2.5, 1.8, 1.8)


def tracer() -> tuple[Floats, tuple[float, float, float]]:
    reader = sitk.ImageSeriesReader()
    folder = str(data_folder() / "dicom" / "pet-qin-headneck" / "PET")
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(folder))
    image = sitk.GetArrayFromImage(reader.Execute()).astype(np.float32)
    return image[150:], (3.375, 3.54, 3.54)


def array(path: Path) -> Floats:
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path))).astype(np.float32)


def middle(image: Floats, side: int) -> Floats:
    """The central cube of what is not background."""
    where = np.argwhere(image > image.min() + 0.1 * np.ptp(image))
    centre = (where.min(0) + where.max(0)) // 2
    low = [int(np.clip(c - side // 2, 0, max(n - side, 0))) for c, n in zip(centre, image.shape, strict=True)]
    return np.ascontiguousarray(image[tuple(slice(a, a + side) for a in low)])


def rician(image: Floats, sigma: float, rng: np.random.Generator) -> Floats:
    real = image + np.float32(sigma) * rng.standard_normal(image.shape, dtype=np.float32)
    return np.hypot(real, np.float32(sigma) * rng.standard_normal(image.shape, dtype=np.float32))


def ct_noise(shape: tuple[int, ...], rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Noise of standard deviation 1 with the spectrum of a soft-tissue kernel, and its amplitude in frequency.

    A ramp times a Gaussian apodisation in the plane (Kijewski and Judy, PMB 1987); neighbouring slices overlap a
    little.
    """
    k, j, i = (fft.fftfreq(n).astype(np.float32) for n in shape)
    radius = np.hypot(j[:, None], i[None, :]) * 2
    spectrum = np.exp(-((k / 0.45) ** 2))[:, None, None] * np.sqrt(radius + 0.02) * np.exp(-((radius / 0.6) ** 2))
    noise = fft.ifftn(fft.fftn(rng.standard_normal(shape, dtype=np.float32)) * spectrum).real.astype(np.float32)
    scale = float(noise.std())
    return noise / scale, (spectrum / scale).astype(np.float32)
