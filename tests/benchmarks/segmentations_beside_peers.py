"""Voxels of each segment of DICOM files, as read here and by peers where these are installed.

    python tests/benchmarks/segmentations_beside_peers.py FILE … [--images FOLDER]

Segmentations beside dcmqi (segimage2itkimage) and highdicom, on their own grids; structure sets beside plastimatch, on
the images of FOLDER.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk

sys.path.insert(0, str(Path(__file__).parents[2]))

from viewer.cli.headless_session import HeadlessStage
from viewer.cli.inputs import read_volume
from viewer.data.transform import ImageReference
from viewer.io.errors import OpenError
from viewer.io.segmentations.segmentation_file import read_segmentation

DCMQI, PLASTIMATCH = shutil.which("segimage2itkimage"), shutil.which("plastimatch")


def here(path: Path, images: str) -> tuple[list[int], str]:
    """Sorted counts, and what is said."""
    ends = []
    if images:
        with HeadlessStage() as stage:
            volume = read_volume(stage, images)
        ends = [ImageReference(volume.grid, volume.source)]
    try:
        found = read_segmentation(path, ends)
    except OpenError as error:
        return [], str(error)
    return sorted(int(found.mask(one).sum()) for one in found.segments), "; ".join(found.badges)


def files_of(*command: str, ending: str = ".nrrd") -> list[int] | None:
    """Counts of the label maps that a command writes into the folder that "OUT" stands for; None where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([part.replace("OUT", folder) for part in command], capture_output=True, check=False)
        arrays = [sitk.GetArrayFromImage(sitk.ReadImage(str(one))) for one in Path(folder).rglob(f"*{ending}")]
    counts = [int((array == label).sum()) for array in arrays for label in np.unique(array[array > 0])]
    return sorted(counts) if done.returncode == 0 else None


def highdicom(path: Path) -> list[int] | str:
    from highdicom.seg import segread

    try:
        array = segread(path).get_volume(combine_segments=False, rescale_fractional=False).array
    except (ValueError, RuntimeError, AttributeError) as error:
        return str(error)
    return sorted(int((array[..., n] > 0).sum()) for n in range(array.shape[-1]))


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("files", nargs="+", type=Path)
    asked.add_argument("--images", default="")
    options = asked.parse_args()
    for path in options.files:
        counts, said = here(path, options.images)
        print(f"{path.name}: {counts} {said}")
        if "StructureSetROISequence" in pydicom.dcmread(path, stop_before_pixels=True):
            if PLASTIMATCH and options.images:
                command = ("--input", str(path), "--referenced-ct", options.images, "--output-prefix", "OUT")
                print("  plastimatch", files_of(PLASTIMATCH, "convert", *command, "--prefix-format", "nrrd"))
            continue
        if DCMQI:
            print("  dcmqi", files_of(DCMQI, "--inputDICOM", str(path), "--outputDirectory", "OUT", "-t", "nrrd"))
        print("  highdicom", highdicom(path))


if __name__ == "__main__":
    main()
