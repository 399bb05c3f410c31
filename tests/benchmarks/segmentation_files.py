"""Seconds to write and read 100 segments on 512 × 512 × 400 voxels as DICOM segmentations, beside highdicom's."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.io.segmentations.dicom_seg.write import KINDS, write_seg
from viewer.io.segmentations.segmentation_file import read_segmentation, save_segmentation

sys.path.insert(0, str(Path(__file__).parents[2]))


SHAPE, COUNT = (400, 512, 512), 100
READ, WRITTEN = 3.0, 5.0  # seconds that are allowed


def many() -> Segmentation:
    """Balls of 40 to 80 slices, some of them touching."""
    array = np.zeros(SHAPE, np.uint8)
    rng = np.random.default_rng(0)
    for label in range(1, COUNT + 1):
        radius = int(rng.integers(20, 40))
        centre = [int(rng.integers(radius, size - radius)) for size in SHAPE]
        box = tuple(slice(middle - radius, middle + radius + 1) for middle in centre)
        k, j, i = np.ogrid[tuple(slice(-radius, radius + 1) for _ in SHAPE)]
        array[box][k * k + j * j + i * i <= radius * radius] = label
    segments = tuple(Segment(n, f"Segment {n}") for n in range(1, COUNT + 1))
    return Segmentation(array, Grid.of(SHAPE, (1, 0.7, 0.7), frame_of_reference="1.2.3"), segments, "many")


def seconds(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    found = call()
    return time.perf_counter() - start, found


def main() -> int:
    """Print the table; 1 where a time or a voxel is wrong."""
    import highdicom

    wanted, fine = many(), True
    print("| form | MB | written, s | saved and verified, s | read, s | highdicom reads, s | bit-exact |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            path = Path(folder) / f"a{'' if kind == 'BINARY' else '.' + kind.lower()}.dcm"
            wrote, _ = seconds(partial(write_seg, wanted, path, kind))
            saved, _ = seconds(partial(save_segmentation, wanted, path, overwrite=True))
            read, found = seconds(partial(read_segmentation, path))
            exact = np.array_equal(found.array, wanted.array)
            theirs, _ = seconds(lambda path=path: highdicom.seg.segread(path).get_volume(combine_segments=True))
            size = path.stat().st_size / 2**20
            print(
                f"| {kind} | {size:.0f} | {wrote:.1f} | {saved:.1f} | {read:.1f} | {theirs:.1f} | {exact} |", flush=True
            )
            fine &= exact and read <= READ and wrote <= WRITTEN
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
