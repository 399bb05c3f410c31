"""The peers, run by the Python of another environment: baselines for developers, never dependencies.

    PYTHON denoise_peers.py FOLDER METHOD …: every FOLDER/*.npz (noisy, sigma, rician, spectrum) to FOLDER/METHOD/*.npy

Prints "METHOD NAME SECONDS" for each. dipy: non-local means (BSD). bm4d: Mäkinen, Azzari and Foi (for research only);
magnitude images go through the variance stabilisation that its authors use (Foi, ISBI 2011), made here by quadrature.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from scipy.special import ive


def nlm(noisy, sigma, rician, spectrum):
    from dipy.denoise.nlmeans import nlmeans

    low = float(noisy.min())
    return nlmeans(noisy - (0 if rician else low), sigma, rician=rician) + (0 if rician else low)


def bm4d(noisy, sigma, rician, spectrum):
    from bm4d import bm4d as run

    if not rician:
        return run(noisy, sigma)
    there, back = stabilised(sigma)
    return back(run(there(noisy), 1.0))


def bm4d_spectrum(noisy, sigma, rician, spectrum):
    """Told the true power spectrum of the noise, which nobody has."""
    vars(np)["trapz"] = np.trapezoid  # which bm4d 4.2 still asks for by its old name
    from bm4d import bm4d as run

    return run(noisy, (np.abs(spectrum) * sigma) ** 2 * noisy.size)


def stabilised(sigma):
    """The map that makes magnitude noise Gaussian of standard deviation 1, and its unbiased inverse."""
    signal = np.linspace(0, 60, 6001)
    half = signal**2 / 4
    mean = np.sqrt(np.pi / 2) * ((1 + 2 * half) * ive(0, half) + 2 * half * ive(1, half))
    deviation = np.sqrt(np.maximum(2 + signal**2 - mean**2, 1e-9))
    grid = np.linspace(0, 66, 20001)
    slope = 1 / np.interp(grid, mean, deviation)
    curve = np.concatenate([[0], np.cumsum((slope[1:] + slope[:-1]) / 2 * np.diff(grid))])
    density = [grid * np.exp(-((grid - a) ** 2) / 2) * ive(0, grid * a) for a in signal[::10]]
    expected = np.array([np.sum(curve * one) / np.sum(one) for one in density])

    def there(image):
        return np.interp(image / sigma, grid, curve).astype(np.float32)

    def back(image):
        return (np.interp(image, expected, signal[::10]) * sigma).astype(np.float32)

    return there, back


METHODS = {"nlm": nlm, "bm4d": bm4d, "bm4d_spectrum": bm4d_spectrum}


def main():
    folder = Path(sys.argv[1])
    for method in sys.argv[2:]:
        (folder / method).mkdir(exist_ok=True)
        for path in sorted(folder.glob("*.npz")):
            case = np.load(path)
            spectrum = case["spectrum"]
            if method == "bm4d_spectrum" and not spectrum.size:
                continue
            begun = time.perf_counter()
            out = METHODS[method](case["noisy"], float(case["sigma"]), bool(case["rician"]), spectrum)
            print(method, path.stem, f"{time.perf_counter() - begun:.2f}", flush=True)
            np.save(folder / method / f"{path.stem}.npy", out.astype(np.float32))


if __name__ == "__main__":
    main()
