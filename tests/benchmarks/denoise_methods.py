"""Everybody who denoises the cases, side by side: the trained network, ITK, and the peers of another environment."""

from __future__ import annotations

import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from denoise_cases import Case
from denoise_gates import Denoise

from plugins.denoise.apply_network import remove_noise
from plugins.denoise.noise_estimate import Noise, noise_level
from viewer.api import Grid, Job, Volume

PEERS = {"nlm": "dipy NLM", "bm4d": "BM4D", "bm4d_spectrum": "BM4D, told the spectrum"}
OURS, BEST, ITK = "Tomolens", "Tomolens, best", "ITK curvature diffusion"
GUESSED = "Tomolens, level estimated"


def ours(mirrored: bool, flat: bool) -> Denoise:
    """The network. mirrored: its "best" quality. flat: the one of thick slices."""

    axis = 0 if flat else None

    def denoise(noisy: np.ndarray, sigma: float, rician: bool) -> np.ndarray:
        return remove_noise(Volume(noisy, Grid.of(noisy.shape)), Noise(sigma, rician), axis, mirrored, Job())

    return denoise


def diffusion(case: Case) -> np.ndarray:
    """SimpleITK's filter after the number of steps with the least error."""
    image = sitk.GetImageFromArray(case.noisy)
    best, least = case.noisy, np.inf
    step = sitk.CurvatureAnisotropicDiffusionImageFilter()
    step.SetNumberOfIterations(1)
    step.SetTimeStep(0.0625)
    step.SetConductanceParameter(3.0)
    for _ in range(12):
        image = step.Execute(image)
        array = sitk.GetArrayFromImage(image)
        error = float(np.mean((array - case.reference)[case.inside] ** 2))
        if error < least:
            best, least = array, error
    return best


def asked(cases: list[Case], python: str) -> dict[str, list[tuple[np.ndarray, float]]]:
    """What the peers make of the cases, and their seconds."""
    found: dict[str, list[tuple[np.ndarray, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, case in enumerate(cases):
            spectrum = np.zeros(0) if case.spectrum is None else case.spectrum
            path = Path(folder) / f"{number:02d}.npz"
            np.savez(path, noisy=case.noisy, sigma=case.sigma, rician=case.rician, spectrum=spectrum)
        script = str(Path(__file__).with_name("denoise_peers.py"))
        said = subprocess.run([python, script, folder, *PEERS], capture_output=True, text=True, check=True).stdout
        for line in said.splitlines():
            method, stem, seconds = line.split()
            image = np.load(Path(folder) / method / f"{stem}.npy")
            found.setdefault(method, [(case.noisy, np.nan) for case in cases])[int(stem)] = (image, float(seconds))
    return found


def results(cases: list[Case], python: str) -> dict[str, list[tuple[np.ndarray, float]]]:
    """[method][case]: the image and its seconds."""
    made: dict[str, list[tuple[np.ndarray, float]]] = {"noisy": [(case.noisy, 0.0) for case in cases]}
    flat = cases[0].flat
    ours(False, flat)(cases[0].noisy, cases[0].sigma, True)  # prepares the network
    for name, mirrored in ((OURS, False), (BEST, True)):
        denoise = ours(mirrored, flat)
        made[name] = [_timed(partial(denoise, case.noisy, case.sigma, case.rician)) for case in cases]
    levels = [noise_level(case.noisy, 0 if flat else None, rician=case.rician) for case in cases]
    made[GUESSED] = [
        _timed(partial(denoise, case.noisy, level, case.rician)) for case, level in zip(cases, levels, strict=True)
    ]
    made[ITK] = [_timed(partial(diffusion, case)) for case in cases]
    return made | ({PEERS[name]: all_ for name, all_ in asked(cases, python).items()} if python else {})


def _timed(work: partial) -> tuple[np.ndarray, float]:
    begun = time.perf_counter()
    return work(), time.perf_counter() - begun
