"""Organs by a network of the size of TotalSegmentator's 3 mm model: time, memory above the image, and a cancel's delay.

    python tests/benchmarks/organs.py [--whole] [--fov 768] [--slices 600] [--classes 117]

The network is nnU-Net's PlainConvUNet (features 32 … 320, 320; patches of 112 × 112 × 128 voxels of 3 mm; 118 outputs)
with random weights, which the script writes as an nnU-Net folder. The image is CT-like, 512 × 512 × slices voxels of
1.5 mm: a body of 420 × 300 mm with lungs, bones and noise on a table, in air, over --fov mm. --whole: the air around it
is not left out. It runs in a process of its own, as the engine runs it; memory is what that holds at most beyond what
it held with the image loaded and nothing imported for the run. Random weights are the hardest case for the way back to
the image's grid: their labels change from voxel to voxel.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))

from viewer.data.grid import Grid
from viewer.data.study import Source
from viewer.data.volume import Volume

NAME = "nnUNetTrainer_4000epochs_NoMirroring__nnUNetPlans__3d_fullres"
SPACING = 1.5
CANCEL_AFTER = 40.0  # seconds into the run


def network_plans(patch: list[int], features: list[int], spacing: float) -> dict[str, Any]:
    """Those of the tests in the size of TotalSegmentator's."""
    from tests.fixtures.model_files import PLANS

    made = deepcopy(PLANS)
    config = made["configurations"]["3d_fullres"]
    config |= {"patch_size": patch, "spacing": [spacing] * 3}
    stages = len(features)
    config["architecture"]["arch_kwargs"] |= {
        "n_stages": stages,
        "features_per_stage": features,
        "kernel_sizes": [[3, 3, 3]] * stages,
        "strides": [[1, 1, 1], *[[2, 2, 2]] * (stages - 2), [1, 1, 2]],
        "n_conv_per_stage": [2] * stages,
        "n_conv_per_stage_decoder": [2] * (stages - 1),
    }
    return made


def network_folder(place: Path, classes: int) -> Path:
    """An nnU-Net folder of that size, with TotalSegmentator's names as far as they go, and random weights."""
    from tests.fixtures.model_files import DATASET, nnunet
    from viewer.api import totalsegmentator_classes

    names = ["background", *list(totalsegmentator_classes())[:classes]]
    dataset = DATASET | {"labels": {name: value for value, name in enumerate(names)}}
    plans = network_plans([112, 112, 128], [32, 64, 128, 256, 320, 320], 3.0)
    return nnunet(place / "Dataset297_TotalSegmentator_total_3mm" / NAME, plans, dataset)


def body(slices: int, side: int, fov: float) -> Volume:
    """A CT-like image [slices, side, side] of `fov` mm: int16 HU."""
    spacing = fov / side
    rng = np.random.default_rng(0)
    array = np.empty((slices, side, side), np.int16)
    y, x = np.meshgrid(*[(np.arange(side) - (side - 1) / 2) * spacing] * 2, indexing="ij")
    for k in range(slices):
        wave = np.sin(k / 35)
        plane = np.full((side, side), -1000.0, np.float32)
        plane[(np.abs(y - 170) < 5) & (np.abs(x) < 220)] = -300  # the table
        plane[(x / (210 - 15 * wave)) ** 2 + (y / (150 - 10 * wave)) ** 2 < 1] = -80  # fat
        plane[(x / (190 - 15 * wave)) ** 2 + (y / (130 - 10 * wave)) ** 2 < 1] = 45
        for left in (-80, 80):
            lung = ((x - left) / 62) ** 2 + ((y + 10) / 95) ** 2 < 1
            plane[lung] = -820 if slices // 3 < k < 2 * slices // 3 else 60 + 15 * wave
        plane[x**2 + (y - 90) ** 2 < (18 + 4 * np.sin(k / 6)) ** 2] = 400
        plane += rng.normal(0, 25, plane.shape).astype(np.float32)
        array[k] = plane
    grid = Grid.of(array.shape, (SPACING, spacing, spacing))
    return Volume(array, grid, unit="HU", source=Source(modality="CT"))


class Watch:
    """The most that this process holds, in bytes, beyond what it held at first."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self.first = self.most = self._process.memory_info().rss
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while True:
            self.most = max(self.most, self._process.memory_info().rss)
            time.sleep(0.02)

    @property
    def gigabytes(self) -> float:
        return (self.most - self.first) / 1e9


def run(options: argparse.Namespace, folder: Path) -> None:
    """One run to its end, then one that is cancelled."""
    from viewer.compute.engine.job import Job
    from viewer.compute.progress import Cancelled

    volume = body(options.slices, 512, options.fov)
    watch = Watch()
    from plugins.segment_organs.organs import find_organs

    def find(job: Job) -> Any:
        return find_organs(volume, folder.parent, "", not options.whole, "automatic", False, job)

    print(f"image {volume.array.shape}, {volume.array.nbytes / 1e9:.2f} GB; load {os.getloadavg()[0]:.1f}", flush=True)
    begun, used = time.perf_counter(), time.process_time()

    last: list[Any] = []

    def tell(fraction: float, text: str) -> None:
        if last != [fraction, text]:
            last[:] = [fraction, text]
            spent = time.perf_counter() - begun, time.process_time() - used
            print(
                f"{fraction:.3f} {text}: {spent[0]:.0f} s, {spent[1]:.0f} s of the processor, {watch.gigabytes:.2f} GB"
            )

    job = Job(tell=tell if options.tell else lambda *_: None)
    found = find(job)
    seconds, used = time.perf_counter() - begun, time.process_time() - used
    print(json.dumps({name: round(value, 1) for name, value in job.stages.items()}, indent=1))
    print(f"{seconds:.0f} s, {used:.0f} s of the processor, {watch.gigabytes:.2f} GB above the image; {job.used}")
    print(f"{len(np.unique(found.array))} labels; {found.badges}; load {os.getloadavg()[0]:.1f}", flush=True)
    for after in (1.0, 5.0, CANCEL_AFTER):
        asked = time.monotonic() + after
        try:
            find(Job(cancelled=lambda asked=asked: time.monotonic() > asked))
        except Cancelled:
            print(f"cancelled {after:.0f} s into the run: over after {time.monotonic() - asked:.2f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--fov", type=float, default=512 * SPACING)
    parser.add_argument("--slices", type=int, default=600)
    parser.add_argument("--tell", action="store_true", help="what the job tells, and what it took until then")
    parser.add_argument("--classes", type=int, default=117)
    parser.add_argument("--folder", type=Path, help="of the network, where it is made already")
    options = parser.parse_args()
    if options.folder:
        run(options, options.folder)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = network_folder(Path(temporary), options.classes)
        subprocess.run([sys.executable, __file__, *sys.argv[1:], "--folder", str(folder)], check=True)


if __name__ == "__main__":
    main()
