"""The trained denoiser against its peers, in one run; with --write, its card's gates and docs/denoise.md.

    python tests/benchmarks/denoise.py [--peers-python PATH] [--write]

PATH is the Python of another environment with dipy and bm4d (baselines for developers, never dependencies).
TOMOLENS_DATA names the real images. Everybody is told the true noise level, but where the column says that it is
estimated. ITK's curvature diffusion gets the number of steps that is best for each image, which only the truth can
tell. Figures are taken inside the object, not in the background.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from skimage.metrics import structural_similarity

sys.path.insert(0, str(Path(__file__).parents[2]))

import denoise_cases
import denoise_gates
from denoise_cases import Case

from plugins.denoise.learned import denoised
from plugins.denoise.noise import Noise, noise_level
from viewer.api import Grid, Job, Volume

ROOT = Path(__file__).parents[2]
PEERS = {"nlm": "dipy NLM", "bm4d": "BM4D", "bm4d_spectrum": "BM4D, told the spectrum"}
OURS, BEST, ITK = "Tomolens", "Tomolens, best", "ITK curvature diffusion"
GUESSED = "Tomolens, level estimated"
CARD = ROOT / "resources" / "models" / "denoise-haar" / "card.json"
PAGE = ROOT / "docs" / "denoise.md"


def ours(mirrored: bool) -> denoise_gates.Denoise:
    def denoise(noisy: np.ndarray, sigma: float, rician: bool) -> np.ndarray:
        return denoised(Volume(noisy, Grid.of(noisy.shape)), Noise(sigma, rician), None, mirrored, Job())

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


def figures(image: np.ndarray, case: Case) -> tuple[float, float]:
    """PSNR in dB and SSIM, inside."""
    error = float(np.mean((image - case.reference)[case.inside].astype(np.float64) ** 2))
    map_ = structural_similarity(case.reference, image, data_range=case.peak, full=True)[1]
    return float(10 * np.log10(case.peak**2 / error)), float(map_[case.inside].mean())


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
    ours(False)(cases[0].noisy, cases[0].sigma, True)  # prepares the network
    for name, mirrored in ((OURS, False), (BEST, True)):
        denoise = ours(mirrored)
        made[name] = [_timed(partial(denoise, case.noisy, case.sigma, case.rician)) for case in cases]
    levels = [noise_level(case.noisy, rician=case.rician) for case in cases]
    made[GUESSED] = [
        _timed(partial(denoise, case.noisy, level, case.rician)) for case, level in zip(cases, levels, strict=True)
    ]
    made[ITK] = [_timed(partial(diffusion, case)) for case in cases]
    return made | ({PEERS[name]: all_ for name, all_ in asked(cases, python).items()} if python else {})


def _timed(work: partial) -> tuple[np.ndarray, float]:
    begun = time.perf_counter()
    return work(), time.perf_counter() - begun


def table(cases: list[Case], made: dict[str, list[tuple[np.ndarray, float]]]) -> str:
    lines = ["| image, noise | " + " | ".join(made) + " |", "|---" * (len(made) + 1) + "|"]
    for number, case in enumerate(cases):
        row = [case.name]
        for all_ in made.values():
            image, seconds = all_[number]
            told = np.isnan(seconds)
            psnr, ssim = (np.nan, np.nan) if told else figures(image, case)
            row.append("–" if told else f"{psnr:.2f} / {ssim:.3f}" + (f" / {seconds:.1f}" if seconds else ""))
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


def gates(cases: list[Case], made: dict[str, list[tuple[np.ndarray, float]]]) -> list[dict]:
    """As the card lists them."""
    rows = []

    def add(name: str, required: float, measured: float, interval=None, *, most: bool = False) -> None:
        passed = measured <= required if most else measured >= required
        between = None if interval is None else [round(x, 4) for x in interval]
        row = {"name": name, "required": required, "measured": round(measured, 4), "interval": between}
        rows.append(row | {"passed": passed})

    for peer, required in ((PEERS["nlm"], 1.0), (PEERS["bm4d"], -0.3)):
        for kind in ("T1", "CT", "PET") if peer in made else ():
            chosen = [n for n, case in enumerate(cases) if case.name.startswith(kind)]
            gains = [denoise_gates.gain_interval(made[BEST][n][0], made[peer][n][0], cases[n]) for n in chosen]
            worst = int(np.argmin([gain[0] for gain in gains]))
            name = f"PSNR above {peer}, worst of {kind} ({cases[chosen[worst]].name}), dB"
            add(name, required, gains[worst][0], gains[worst][1:])
    worst = max((abs(denoise_gates.bias(made[BEST][n][0], case)) for n, case in enumerate(cases)))
    add("mean of the residual, worst image, in units of the noise", 0.02, worst, most=True)
    for diameter, (mean, low, high) in denoise_gates.contrast_kept(ours(True)).items():
        add(f"contrast kept of spheres of {diameter} mm", 0.95, mean, (low, high))
    still = denoise_gates.residual_without_noise(ours(True))
    add("change of a noise-free image, in units of the noise told", 0.3, still, most=True)
    for name, mirrored in ((OURS, False), (BEST, True)):
        times = denoise_gates.seconds(ours(mirrored))
        said = f"seconds for 128³ voxels on 2 cores ({name})"
        add(said, 4.0, float(np.median(times)), (min(times), max(times)), most=True)
    return rows


def gate_table(rows: list[dict]) -> str:
    lines = ["| gate | required | measured | interval | |", "|---|---|---|---|---|"]
    for row in rows:
        between = "" if row["interval"] is None else "{:.3f} … {:.3f}".format(*row["interval"])
        word = "passed" if row["passed"] else "**not passed**"
        lines.append(f"| {row['name']} | {row['required']} | {row['measured']:.3f} | {between} | {word} |")
    return "\n".join(lines)


def write(page: str, rows: list[dict]) -> None:
    """The card's gates, and the part of the page between its marks."""
    card = json.loads(CARD.read_text())
    card["gates"] = rows
    CARD.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n")
    begin, end = "<!-- measured -->", "<!-- /measured -->"
    text = PAGE.read_text()
    head, tail = text[: text.index(begin) + len(begin)], text[text.index(end) :]
    PAGE.write_text(f"{head}\n\n{page}\n\n{tail}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers-python", default="")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    cases = list(denoise_cases.cases())
    made = results(cases, options.peers_python)
    rows = gates(cases, made)
    page = (
        f"{table(cases, made)}\n\nPSNR in dB / SSIM / seconds for {denoise_cases.SIDE}³ voxels.\n\n{gate_table(rows)}"
    )
    print(page)
    if options.write:
        write(page, rows)


if __name__ == "__main__":
    main()
