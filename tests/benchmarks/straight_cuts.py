"""Long structures end at no straight cut: from one click and at most two corrections, every slice that they are in.

    python tests/benchmarks/straight_cuts.py [--methods watershed …] [--structures femur_left …]

On `ct-totalsegmentator` of the shared data (TOMOLENS_DATA), through a session, as in the window. The first click lies
in the middle of the structure; a correction in the middle of the largest error. A slice is reached where the mask has
voxels of the structure in it; slices are counted along the structure's longest axis. The gate: all of them,
by a mask of a Dice of at least 0.5: one that fills the image reaches every slice, too.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from prompt_cases import TOTAL, data_file
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).parents[2]))

from viewer.cli.headless_session import HeadlessStage
from viewer.data.annotations.prompts import Prompt
from viewer.io.images.image_files import describe_image, single_volume
from viewer.scene.edits import AddLayer, RemoveLayer
from viewer.scene.layer import VolumeLayer, volume_layer

Mask = NDArray[np.bool_]
STRUCTURES = ("femur_left", "femur_right", "aorta", "spinal_cord")  # the last is the content of the spinal canal
METHODS = ("watershed", "geodesic distance", "random walker", "network")
FILES = "example_ct.nii.gz", "example_seg_fast_force_split.nii.gz"
PROMPTS = 3
FOUND = 0.5  # Dice


@dataclass(frozen=True)
class Reach:
    """After a prompt: Dice, slices of the structure that the mask is in, and slices of the structure."""

    dice: float
    reached: int
    slices: int

    @property
    def passed(self) -> bool:
        return self.reached == self.slices and self.dice >= FOUND


def middle(mask: Mask) -> NDArray[np.intp]:
    """The voxel (k, j, i) of the largest part of a mask that lies deepest in it."""
    parts, _ = ndimage.label(mask)
    largest = int(np.bincount(parts.ravel())[1:].argmax()) + 1
    box = ndimage.find_objects(parts)[largest - 1]
    depth = ndimage.distance_transform_edt(np.pad(parts[box] == largest, 1))[1:-1, 1:-1, 1:-1]
    return np.array(np.unravel_index(int(depth.argmax()), depth.shape)) + [side.start for side in box]


def reach(mask: Mask, target: Mask, spacing: NDArray[np.float64]) -> Reach:
    spans = [np.flatnonzero(target.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    longest = int(np.argmax([len(span) * mm for span, mm in zip(spans, spacing, strict=True)]))
    across = tuple({0, 1, 2} - {longest})
    there = (mask & target).any(axis=across) & target.any(axis=across)
    dice = 2 * (mask & target).sum() / (mask.sum() + target.sum())
    return Reach(float(dice), int(there.sum()), len(spans[longest]))


def follow(stage: HeadlessStage, image: VolumeLayer, target: Mask, method: str) -> list[Reach]:
    """What each prompt reaches, until all is reached."""
    session, volume = stage.session, image.volume(0)
    session.prompts.method = method
    layer = session.segments.new_layer(image)
    session.segments.add(layer, "structure")
    found: list[Reach] = []
    while len(found) < PROMPTS and not (found and found[-1].passed):
        segment = layer.segmentation.segments[0]
        mask = layer.segmentation.mask(segment)
        at = middle(mask != target)
        x, y, z = volume.grid.to_world(at).tolist()
        prompt = Prompt("point", ((x, y, z),), bool(target[tuple(at)]))
        task = session.prompts.add(layer, segment.key, prompt, volume)
        stage.until(lambda task=task: not task.running)
        if task.state != "done":
            print(f"  {method}: {task.error}")
            break
        found.append(reach(layer.segmentation.mask(layer.segmentation.segments[0]), target, volume.grid.spacing))
    session.history.do(RemoveLayer(layer, session.document.index(layer.id)))
    session.history.forget()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS[:3])
    parser.add_argument("--structures", nargs="+", default=STRUCTURES)
    options = parser.parse_args()
    try:
        image, labels = (single_volume(describe_image(str(data_file(TOTAL.format(name))))) for name in FILES)
        names = json.loads(data_file(TOTAL.format("labels.json")).read_text())
    except FileNotFoundError as error:
        sys.exit(f"The data is not there ({error.filename}): set TOMOLENS_DATA to its folder.")
    values = {name: int(value) for value, name in names.items()}
    passed = []
    print(f"{'structure':14}{'method':19}{'prompts':>8}{'Dice':>7}{'slices reached':>16}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TOMOLENS_HOME"] = folder
        with HeadlessStage() as stage:
            layer = volume_layer((image,))
            stage.session.history.do(AddLayer(layer))
            for name in options.structures:
                for method in options.methods:
                    rows = follow(stage, layer, labels.array == values[name], method)
                    passed.append(bool(rows) and rows[-1].passed)
                    for count, row in enumerate(rows, 1):
                        share = f"{row.reached} of {row.slices}"
                        print(f"{name:14}{method:19}{count:8}{row.dice:7.2f}{share:>16}", flush=True)
    print(f"{sum(passed)} of {len(passed)} are followed to both of their ends")


if __name__ == "__main__":
    main()
