"""Agreement of label maps held against SimpleITK and MONAI: `python tests/benchmarks/label_metrics.py`.

What is defined alike must be alike to 1e-6; where a definition differs the difference is named, not hidden. MONAI is
taken from this Python where it is installed, else from the one that is given.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).parents[2]))

from viewer.compute.labels.consensus import staple
from viewer.compute.labels.label_metrics import Agreement, label_metrics
from viewer.data.grid import Grid

SPACINGS = ((1.0, 1.0, 1.0), (3.0, 0.7, 0.9), (0.5, 0.5, 2.0))
SHAPE, SEEDS, TOLERANCE, ALIKE = (24, 40, 48), range(8), 1.5, 1e-6
MASK = NDArray[np.bool_]
PEER = """
import sys, numpy as np, torch
from monai.metrics import compute_average_surface_distance as assd, compute_dice as dice, compute_surface_dice as nsd
from monai.metrics.utils import get_edge_surface_distance as edges
cases, out = np.load(sys.argv[1]), []
for one, two, spacing in zip(cases["one"], cases["two"], cases["spacing"]):
    a, b = (torch.tensor(np.stack([~m, m])[None].astype(np.float32)) for m in (one, two))
    keep = dict(include_background=False, spacing=tuple(spacing))
    _, far, _ = edges(torch.tensor(one), torch.tensor(two), spacing=tuple(spacing), symmetric=True)
    out.append([float(dice(b, a, include_background=False)), max(np.percentile(f.double(), 95) for f in far),
                float(assd(b, a, symmetric=True, **keep)), float(nsd(b, a, [float(sys.argv[3])], **keep))])
np.save(sys.argv[2], np.array(out))
"""


def cases() -> list[tuple[MASK, MASK, tuple[float, float, float]]]:
    """Pairs of random blobs, the second the first one bent; clear of the image's edge, where ITK counts otherwise."""
    found = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        fields = [ndimage.gaussian_filter(rng.standard_normal(SHAPE), 3) for _ in range(2)]
        inner = np.zeros(SHAPE, bool)
        inner[3:-3, 3:-3, 3:-3] = True
        one, two = (((field > np.quantile(field, 0.8)) & inner) for field in (fields[0], fields[0] + 0.5 * fields[1]))
        found += [(one, two, spacing) for spacing in SPACINGS]
    return found


def itk(one: MASK, two: MASK, spacing: tuple[float, float, float]) -> dict[str, float]:
    """Dice of itk::LabelOverlapMeasures; distances by itk::SignedMaurerDistanceMap between rims (itk::LabelContour)."""
    images = [sitk.GetImageFromArray(mask.astype(np.uint8)) for mask in (one, two)]
    for image in images:
        image.SetSpacing(tuple(reversed(spacing)))
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(*images)
    rims = [sitk.LabelContour(image, False) for image in images]
    away = [
        sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(rim, squaredDistance=False, useImageSpacing=True))
        for rim in rims
    ]
    there, back = (np.maximum(away[1 - n][sitk.GetArrayFromImage(rims[n]) > 0].astype(np.float64), 0) for n in range(2))
    every = np.concatenate([there, back])
    return {
        "Dice": overlap.GetDiceCoefficient(),
        "HD95": max(float(np.percentile(far, 95)) for far in (there, back)),
        "ASSD": float(every.mean()),
        "NSD": float((every <= TOLERANCE + ALIKE).mean()),
    }


def itk_staple() -> float:
    """The largest difference of sensitivity and specificity from itk::STAPLEImageFilter, three readers."""
    one, two, _ = cases()[0]
    votes = [one, two, np.roll(one, 1, 2)]
    theirs = sitk.STAPLEImageFilter()
    theirs.SetMaximumIterations(1000)
    theirs.Execute([sitk.GetImageFromArray(mask.astype(np.uint8)) for mask in votes])
    patterns = sum(mask.astype(int) << n for n, mask in enumerate(votes))
    ours = staple(np.bincount(patterns.ravel(), minlength=8).astype(float), 3)
    pairs = ((ours.sensitivity, theirs.GetSensitivity()), (ours.specificity, theirs.GetSpecificity()))
    return max(float(np.abs(mine - np.array(its)).max()) for mine, its in pairs)


def monai(python: str) -> NDArray[np.float64] | None:
    """Dice, HD95, ASSD, NSD of each case by MONAI; None where there is none."""
    if not python and importlib.util.find_spec("monai") is None:
        return None
    one, two, spacing = zip(*cases(), strict=True)
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder) / "cases.npz", Path(folder) / "answer.npy"
        np.savez(given, one=one, two=two, spacing=spacing)
        subprocess.run([python or sys.executable, "-c", PEER, given, answer, str(TOLERANCE)], check=True)
        return np.asarray(np.load(answer))


def numbers(found: Agreement) -> list[float]:
    """In the order of the table; two masks that both have voxels have them all."""
    return [float(one) for one in (found.dice, found.hd95, found.assd, found.nsd) if one is not None]


def main() -> None:
    """Print the table; exit 1 where what is defined alike is not."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--peers-python", default="", help="a Python that has MONAI")
    ours = np.array([
        numbers(label_metrics(one.astype(np.uint8), two.astype(np.uint8), Grid.of(SHAPE, spacing), TOLERANCE)[1])
        for one, two, spacing in cases()
    ])  # fmt: skip
    names = ("Dice", "HD95", "ASSD", "NSD")
    by_itk = np.array([[itk(*case)[name] for name in names] for case in cases()])
    by_monai = monai(options.parse_args().peers_python)
    print(f"{len(ours)} pairs of masks, spacings {', '.join('×'.join(map(str, one)) for one in SPACINGS)} mm.\n")
    print("| measure | largest difference from SimpleITK | from MONAI |\n|---|---|---|")
    apart = [np.abs(ours - theirs).max(axis=0) if theirs is not None else None for theirs in (by_itk, by_monai)]
    for n, name in enumerate(names):
        print(f"| {name} | " + " | ".join("not there" if one is None else f"{one[n]:.1e}" for one in apart) + " |")
    print(f"| sensitivity, specificity of STAPLE | {itk_staple():.1e} | it has none |")
    if any(one is not None and one.max() > ALIKE for one in apart):
        sys.exit("What is defined alike differs by more than 1e-6.")


if __name__ == "__main__":
    main()
