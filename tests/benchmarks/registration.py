"""Registration against its gates and its peers, in one run; with --write, docs/registration.md.

    python tests/benchmarks/registration.py [--peers-python PATH] [--starts 50] [--write]

PATH is the Python of another environment with picsl-greedy, antspyx and itk-elastix (baselines for developers, never
dependencies). TOMOLENS_DATA names the real images. Errors are in mm, over a grid of 27 points 60 mm apart in the head
unless said otherwise.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk

sys.path.insert(0, str(Path(__file__).parents[2]))

import registration_cases as cases
from registration_cases import Labelled, folder, matrix_of, read, volume_of

from plugins.register import register_deform, register_rigid
from plugins.register.classical.initialization import centre_of_mass, rotation
from plugins.register.classical.lattice import volume_lattice
from viewer.api import Grid, Job, replace
from viewer.compute.images.resample import itk_image, itk_transform
from viewer.compute.registration.transform_algebra import compose, inverse
from viewer.compute.registration.transform_quality import inverse_consistency, jacobian, smoothness
from viewer.data.annotations.landmarks import Landmarks
from viewer.data.transform import Transform
from viewer.data.volume import Volume
from viewer.io.sample.sample import make_sample
from viewer.io.transforms.transform_file import read_transform

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "registration.md"
INPUTS = ("fixed_mask", "moving_mask", "landmarks", "fixed_labels", "moving_labels", "initial")
PEERS = ("greedy", "greedy-fine", "ants", "elastix")
FAILED = 2.0  # mm from where a start has failed


class Timed:
    """A plugin's transform, and the seconds and processor seconds it took; nothing is resampled."""

    def __init__(self, plugin, fixed: Volume, moving: Volume, **options) -> None:
        given = {name: options.pop(name, None) for name in INPUTS}
        job = Job()
        job.wanted = frozenset({"transform"})
        begun = time.perf_counter(), time.process_time()
        self.transform: Transform = plugin(fixed, moving, **given, job=job, **options)[0]
        self.seconds = time.perf_counter() - begun[0]
        self.cpu = time.process_time() - begun[1]
        self.stages = job.stages


class Gates:
    def __init__(self) -> None:
        self.rows: list[str] = []

    def add(self, name: str, limit: float, measured: float, *, least: bool = False) -> None:
        passed = measured >= limit if least else measured <= limit
        said = "passed" if passed else "**not passed**"
        self.rows.append(f"| {name} | {'≥' if least else '≤'} {limit:g} | {measured:.3f} | {said} |")
        print(self.rows[-1], flush=True)


def head_points(image: Volume) -> np.ndarray:
    middle = centre_of_mass(volume_lattice(image, "cpu"))
    steps = (-60.0, 0.0, 60.0)
    return np.array([middle + np.array((x, y, z)) for x in steps for y in steps for z in steps])


def error(found, truth, points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(found(points) - truth(points), axis=1)


def longitudinal(gates: Gates, starts: int) -> None:
    here = folder() / "brain-ms-longitudinal-p01"
    one, two, t1 = (read(here / f"{name}.nii.gz") for name in ("study1_FLAIR", "study2_FLAIR", "study1_T1W"))
    first, second = (matrix_of(here / f"study{n}_FLAIR_to_common_space.txt") for n in (1, 2))
    truth = compose(inverse(first), second)
    points = head_points(one)
    runs = [Timed(register_rigid, one, two) for _ in range(5)]
    gates.add("follow-up FLAIR, rigid: mean error, mm", 0.4, error(runs[0].transform, truth, points).mean())
    gates.add("the same, median seconds of 5 runs on 2 cores", 3.0, float(np.median([run.seconds for run in runs])))
    peer, seconds = mattes(one, two)
    print(f"SimpleITK, Mattes mutual information: {error(peer, truth, points).mean():.3f} mm in {seconds:.1f} s")
    back = Timed(register_rigid, two, one).transform
    there = error(compose(runs[0].transform, back), Transform(np.eye(4)), points)
    gates.add("there and back again, 95th percentile, mm", 0.3, float(np.percentile(there, 95)))
    other = Timed(register_rigid, one, t1).transform
    known = matrix_of(here / "study1_T1W_intrastudy_to_FLAIR.txt")
    gates.add("T1 to FLAIR, rigid: mean error, mm", 1.0, error(other, known, points).mean())
    same = Timed(register_deform, one, one).transform
    gates.add(
        "identical images, deformable: largest error, mm", 0.01, float(error(same, Transform(np.eye(4)), points).max())
    )
    rng = np.random.default_rng(1)
    gates.add(
        f"of {starts} random starts, those found",
        starts * 48 / 50,
        sum(found(one, two, truth, points, rng) for _ in range(starts)),
        least=True,
    )


def found(one: Volume, two: Volume, truth: Transform, points: np.ndarray, rng: np.random.Generator) -> bool:
    """The moving image is put within 30° and 50 mm of where it was."""
    away = rotation(centre_of_mass(volume_lattice(one, "cpu")), tuple(rng.uniform(-30, 30, 3)))
    away[:3, 3] += rng.uniform(-50, 50, 3)
    grid = Grid(two.grid.shape, away @ two.grid.affine)
    transform = Timed(register_rigid, one, replace(two, grid=grid)).transform
    return bool(error(compose(transform, Transform(np.linalg.inv(away))), truth, points).mean() < FAILED)


def mattes(fixed: Volume, moving: Volume) -> tuple[Transform, float]:
    """As SimpleITK's own examples do it."""
    a, b = (sitk.Cast(itk_image(one.array, one.grid), sitk.sitkFloat32) for one in (fixed, moving))
    begun = time.perf_counter()
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(50)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(0.2, 1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-4, 300)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([2, 1, 0])
    middle = sitk.CenteredTransformInitializer(
        a, b, sitk.Euler3DTransform(), sitk.CenteredTransformInitializerFilter.MOMENTS
    )
    method.SetInitialTransform(middle, True)
    method.Execute(a, b)
    seconds = time.perf_counter() - begun
    zero = np.array(middle.TransformPoint((0.0, 0.0, 0.0)))
    matrix = np.eye(4)
    matrix[:3, :3] = np.column_stack([np.array(middle.TransformPoint(tuple(row))) - zero for row in np.eye(3)])
    matrix[:3, 3] = zero
    return Transform(matrix), seconds


def dice(one: np.ndarray, two: np.ndarray) -> float:
    labels = [label for label in np.unique(one) if label]
    return float(np.mean([2 * np.sum((one == n) & (two == n)) / (np.sum(one == n) + np.sum(two == n)) for n in labels]))


def carried(pair: Labelled, transform: Transform) -> np.ndarray:
    image = itk_image(pair.moving_labels, pair.moving.grid)
    onto = itk_image(pair.fixed_labels, pair.fixed.grid)
    return sitk.GetArrayFromImage(sitk.Resample(image, onto, itk_transform(transform), sitk.sitkNearestNeighbor))


def deformable(gates: Gates, pair: Labelled, python: str) -> list[str]:
    """Rows of the table: method, Dice, folds, SD log J, seconds, processor seconds of the deformable step."""
    rows = []
    measured = {}
    for quality in ("fast", "best"):
        run = Timed(register_deform, pair.fixed, pair.moving, quality=quality)
        determinant = jacobian(run.transform)[0]
        smooth = smoothness(determinant)
        bend = sum(seconds for name, seconds in run.stages.items() if name.startswith("deformable"))
        score = dice(pair.fixed_labels, carried(pair, run.transform))
        measured[quality] = score, bend
        figures = f"{score:.4f} | {smooth.folding:.4f} | {smooth.sd_log_j:.3f} | {bend:.1f}"
        rows.append(f"| {pair.name} | Tomolens, {quality} | {figures} |")
        print(rows[-1], flush=True)
        gates.add(f"{pair.name}, {quality}: folds, %", 0.0, smooth.folding)
        way = inverse_consistency(run.transform, inverse(run.transform), pair.fixed.grid)
        gates.add(
            f"{pair.name}, {quality}: transform and its inverse, 95th percentile, mm",
            0.3,
            float(np.percentile(way[pair.fixed_labels > 0], 95)),
        )
    for name, (score, seconds) in (peers(pair, python) if python else {}).items():
        rows.append(f"| {pair.name} | {name} | {score:.4f} | – | – | {seconds:.1f} |")
        print(rows[-1], flush=True)
        quality = {"greedy": "fast", "greedy-fine": "best"}.get(name)
        if quality:
            gates.add(f"{pair.name}: Dice of {quality} above {name}", 0.005, measured[quality][0] - score, least=True)
            gates.add(f"{pair.name}: seconds of {quality} over those of {name}", 1.0, measured[quality][1] / seconds)
    return rows


def peers(pair: Labelled, python: str) -> dict[str, tuple[float, float]]:
    with tempfile.TemporaryDirectory() as text:
        here = Path(text)
        for name, array, grid in (
            ("fixed", pair.fixed.array, pair.fixed.grid),
            ("moving", pair.moving.array, pair.moving.grid),
            ("labels", pair.moving_labels, pair.moving.grid),
        ):
            sitk.WriteImage(itk_image(array, grid), str(here / f"{name}.nii.gz"))
        script = str(Path(__file__).with_name("registration_peers.py"))
        found = {}
        for name in PEERS:
            done = subprocess.run([python, script, text, name], capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"{name} failed on {pair.name}: {done.stderr.strip().splitlines()[-1]}")
                continue
            seconds = re.findall(rf"^{name} ([\d.]+) [\d.]+$", done.stdout, re.MULTILINE)[0]
            found[name] = dice(pair.fixed_labels, np.rint(read(here / f"{name}.nii.gz").array)), float(seconds)
        return found


def spine(gates: Gates) -> None:
    """Discs 3 and 5 are told, and the cords; disc 4 is asked for."""
    fixed, moving, cord, other, discs = cases.spine()
    told = Landmarks(discs.fixed[[0, 2]], discs.moving[[0, 2]])
    run = Timed(register_deform, fixed, moving, landmarks=told, fixed_labels=cord, moving_labels=other, before="rigid")
    rest = np.linalg.norm(run.transform(discs.fixed) - discs.moving, axis=1)
    gates.add("neck to template: the disc that was not told, mm", 2.0, float(rest[1]))
    gates.add("neck to template: the worst of all three discs, mm", 2.0, float(rest.max()))


def sample(gates: Gates) -> None:
    paths = make_sample()
    before, after = (series(folder_ / "t1") for folder_ in (paths.baseline, paths.follow_up))
    truth = read_transform(paths.truth / "baseline_to_follow_up.h5")
    tissues = read(next(paths.truth.glob("baseline_tissues*.nii.gz")))
    inside = tissues.grid.to_world(np.argwhere(tissues.array > 0)[::97])
    for quality in ("fast", "best"):
        run = Timed(register_deform, before, after, quality=quality, before="rigid")
        gap = error(run.transform, truth, inside)
        gates.add(f"follow-up of the sample, {quality}: mean error in the brain, mm", 0.5, float(gap.mean()))
    pet = series(paths.baseline / "pet")
    away = rotation(before.grid.centre, (8.0, -6.0, 10.0))
    away[:3, 3] += (6, -9, 7)
    put = replace(pet, grid=Grid(pet.grid.shape, away @ pet.grid.affine))
    run = Timed(register_rigid, before, put)
    gates.add(
        "PET to T1 of the sample, rigid: mean error in the brain, mm",
        2.0,
        float(error(run.transform, Transform(away), inside).mean()),
    )


def series(path: Path) -> Volume:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(path)))
    return volume_of(reader.Execute())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers-python", default="", help="the Python of an environment with the peers")
    parser.add_argument("--starts", type=int, default=50)
    parser.add_argument("--write", action="store_true", help="into docs/registration.md")
    options = parser.parse_args()
    gates = Gates()
    sample(gates)
    spine(gates)
    longitudinal(gates, options.starts)
    rows = [row for pair in (cases.atlas(), cases.subjects()) for row in deformable(gates, pair, options.peers_python)]
    table = "\n".join(["| pair | method | Dice | folds, % | SD log J | seconds |", "|---" * 6 + "|", *rows])
    gate_table = "\n".join(["| gate | limit | measured | |", "|---|---|---|---|", *gates.rows])
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        both = f"<!-- measured -->\n{table}\n\n{gate_table}\n<!-- measured -->"
        PAGE.write_text(
            re.sub(r"<!-- measured -->.*<!-- measured -->", lambda _: both, page, flags=re.DOTALL), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
