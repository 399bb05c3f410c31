"""How fast an indexed CT series becomes a volume: our reader, SimpleITK and, where given, 3D Slicer's core; in one run.

    python tests/benchmarks/load.py [--slicer-python PATH] [--rounds 4]

PATH is the Python of another environment with the slicer-core wheel (a baseline for developers, never a dependency).
The series is the shared 100-slice CT where TOMOLENS_DATA points to the shared data, else a phantom of its size; the
second one has 400 slices. The disk is warm. Slicer's time depends on the order of the files (the shared CT's names run
against its direction), so both are given. Ours is timed from the request to the last slice in shared memory.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.uid import generate_uid

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.fixtures.dicom_phantom import ramp, write_series
from viewer.data.grid import Grid
from viewer.data.study import Image
from viewer.data.volume import Volume
from viewer.io.reader.reader import Reader, index_now

TURNS = 3
SLICER = """
import sys, time
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLScene, vtkMRMLVolumeArchetypeStorageNode
for line in sys.stdin:
    files = line.rstrip().split(chr(9))
    begun = time.perf_counter()
    scene, volume, storage = vtkMRMLScene(), vtkMRMLScalarVolumeNode(), vtkMRMLVolumeArchetypeStorageNode()
    scene.AddNode(volume)
    scene.AddNode(storage)
    storage.SetFileName(files[0])
    storage.ResetFileNameList()
    for name in files:
        storage.AddFileName(name)
    storage.SetSingleFile(0)
    if not storage.ReadData(volume):
        sys.exit("3D Slicer's core could not read the series")
    print(time.perf_counter() - begun, flush=True)
"""


def source_files(folder: Path) -> list[Path]:
    """The 100 slices that are measured."""
    if "TOMOLENS_DATA" in os.environ:
        return sorted((Path(os.environ["TOMOLENS_DATA"]) / "dicom" / "ct-cmb-crc-lung").glob("*.dcm"))
    grid = Grid.of((100, 512, 512), (2.5, 0.9, 0.9))
    return write_series(folder / "phantom", ramp(grid.shape), grid, RescaleSlope=1, RescaleIntercept=-1024)


def longer_series(files: Sequence[Path], folder: Path, times: int = 4) -> list[Path]:
    """The series repeated along its normal."""
    headers = [pydicom.dcmread(path) for path in files]
    headers.sort(key=lambda ds: ds.ImagePositionPatient[2])
    step = float(headers[1].ImagePositionPatient[2] - headers[0].ImagePositionPatient[2])
    folder.mkdir()
    paths = []
    for number in range(times * len(headers)):
        ds = headers[number % len(headers)]
        ds.ImagePositionPatient = [*ds.ImagePositionPatient[:2], headers[0].ImagePositionPatient[2] + number * step]
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        paths.append(folder / f"{number:04d}.dcm")
        ds.save_as(paths[-1])
        ds.ImagePositionPatient[2] -= number * step
    return paths


def ours(reader: Reader, image: Image) -> tuple[float, float]:
    """Seconds to the first slice and to the last."""
    marks: list[float] = []
    ended = threading.Event()

    def mark(volumes: tuple[Volume, ...]) -> None:
        marks.append(time.perf_counter() - begun)

    def done(volumes: tuple[Volume, ...]) -> None:
        mark(volumes)
        ended.set()

    begun = time.perf_counter()
    reader.load(image, started=mark, filled=lambda fraction: None, done=done, failed=sys.exit)
    ended.wait()
    return marks[0], marks[1]


def simpleitk(files: Sequence[str]) -> float:
    begun = time.perf_counter()
    series = sitk.ImageSeriesReader()
    series.SetFileNames(files)
    series.Execute()
    return time.perf_counter() - begun


class Slicer:
    """3D Slicer's core in its own environment, kept running between the rounds."""

    def __init__(self, python: Path) -> None:
        self.process = subprocess.Popen(
            [str(python), "-c", SLICER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __call__(self, files: Sequence[str]) -> float:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print("\t".join(files), file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())


def measure(reader: Reader, paths: Sequence[Path], rounds: int, slicer: Slicer | None) -> None:
    """Print a table for one series. The readers take turns, so that all meet the same disturbances.

    A turn begins with a round that does not count: on a virtual machine, memory that was idle for some seconds has
    gone back to the host, and the first to ask for it would pay for all.
    """
    (image,), _ = index_now(paths, reader)
    files = [str(path) for path in image.source.files]
    ways: dict[str, Callable[[], Sequence[float]]] = {
        "Tomolens": lambda: ours(reader, image),
        "SimpleITK ImageSeriesReader": lambda: [simpleitk(files)],
    }
    if slicer:
        ways["3D Slicer's core, files in space"] = lambda: [slicer(files)]
        ways["3D Slicer's core, files by name"] = lambda: [slicer(sorted(files))]
    times: dict[str, list[Sequence[float]]] = {name: [] for name in ways}
    for _ in range(TURNS):
        for name, way in ways.items():
            way()
            times[name] += [way() for _ in range(rounds)]
    show(image, times)


def show(image: Image, times: dict[str, list[Sequence[float]]]) -> None:
    """The last time of a round is that of the whole volume; ours has the first slice's before it."""
    rows = {name: [values[-1] for values in found] for name, found in times.items()}
    rows = {"Tomolens, first slice": [values[0] for values in times["Tomolens"]], **rows}
    own = float(np.median(rows["Tomolens"]))
    print(
        f"\n{len(image.source.files)} slices, {image.bytes / 2**20:.0f} MB{'p50 ms':>29}{'p95 ms':>9}{'p50 / ours':>12}"
    )
    for name, values in rows.items():
        p50, p95 = np.percentile(values, (50, 95))
        print(f"  {name:<38}{1000 * p50:9.1f}{1000 * p95:9.1f}{p50 / own:12.1f}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--slicer-python", type=Path)
    options.add_argument("--rounds", type=int, default=4, help="measured rounds of each reader in each of the turns")
    given = options.parse_args()
    slicer = Slicer(given.slicer_python) if given.slicer_python else None
    reader = Reader()
    with tempfile.TemporaryDirectory() as place:
        files = source_files(Path(place))
        for paths in (files, longer_series(files, Path(place) / "longer")):
            measure(reader, paths, given.rounds, slicer)
    reader.close()
    if slicer:
        slicer.process.kill()
        slicer.process.wait()


if __name__ == "__main__":
    main()
