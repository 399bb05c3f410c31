"""How fast headers are indexed: our scan and grouping against a pydicom loop, on 1,000 files, in one run.

    python tests/benchmarks/index.py [--files 1000] [--rounds 7]

The files have the header of the first shared CT slice where TOMOLENS_DATA points to the shared data, else one of a
usual length; pixels are small, and the disk is warm, so that header parsing is what is measured.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.fixtures.dicom_phantom import AXIAL, dataset, ramp, write
from viewer.io.dicom.headers.scan import scan_file
from viewer.io.dicom.series.grouping import group
from viewer.io.reader.reader import Reader, index_now

PIXELS = ramp((64, 64))


def header() -> Dataset:
    """A header as scanners write it: some hundred elements."""
    if "TOMOLENS_DATA" in os.environ:
        first = min((Path(os.environ["TOMOLENS_DATA"]) / "dicom" / "ct-cmb-crc-lung").glob("*.dcm"))
        ds = pydicom.dcmread(first, stop_before_pixels=True)
        ds.Rows, ds.Columns = PIXELS.shape
        return ds
    ds = dataset(PIXELS, ImageOrientationPatient=list(AXIAL), PixelSpacing=[0.9, 0.9], RescaleSlope=1)
    ds.RescaleIntercept, ds.SliceThickness = -1024, 2.5
    for number in range(70):
        ds.add_new(0x00191010 + number, "LO", f"private value {number}")
    return ds


def write_files(folder: Path, count: int) -> list[str]:
    ds = header()
    paths = []
    for k in range(count):
        ds.SOPInstanceUID, ds.InstanceNumber, ds.ImagePositionPatient = generate_uid(), count - k, [0, 0, 2.5 * k]
        paths.append(str(write(folder / f"{k:05d}.dcm", ds, PIXELS)))
    return paths


def pydicom_loop(paths: list[str]) -> None:
    for path in paths:
        pydicom.dcmread(path, stop_before_pixels=True)


def ours(paths: list[str]) -> None:
    images = group([scan_file(path) for path in paths])
    if [image.grid.shape[0] for image in images] != [len(paths)]:
        raise SystemExit("the index is wrong; its time means nothing")


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = write_files(Path(folder), options.files)
        reader = Reader()
        index_now([folder], reader)  # starts the processes
        ways: dict[str, Callable[[], object]] = {
            "pydicom loop, stop before pixels": lambda: pydicom_loop(paths),
            "scan and group, one process": lambda: ours(paths),
            "reader, folder to images, 2 processes": lambda: index_now([folder], reader),
        }
        rounds = [{name: timed(work) for name, work in ways.items()} for _ in range(options.rounds + 1)][1:]
        reader.close()
    seconds = {name: [one[name] for one in rounds] for name in ways}
    slowest = float(np.median(seconds["pydicom loop, stop before pixels"]))
    print(f"{options.files} files, {options.rounds} rounds\n{'':40}{'p50 ms':>9}{'p95 ms':>9}{'ratio':>8}")
    for name, values in seconds.items():
        p50, p95 = np.percentile(values, (50, 95))
        print(f"{name:40}{1e3 * p50:9.0f}{1e3 * p95:9.0f}{p50 / slowest:8.2f}")


if __name__ == "__main__":
    main()
