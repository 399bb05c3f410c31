"""Predicted against true Dice of masks from prompts by the classical methods, on images made worse in five ways.

TOMOLENS_DATA=… python tests/benchmarks/doubt_prompts.py [--structures 6] [--methods watershed …]

The real structures of prompt_cases.py, so many of each image, after one and after three clicks. The first lies in the
middle of the structure, each next in the middle of the largest error. A cropped image ends within the structure; what
is cut off is no part of the truth.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter, shift, uniform_filter1d, zoom

sys.path.insert(0, str(Path(__file__).parents[2]))

from plugins.segment_prompt import Method, segment_prompt
from plugins.segment_prompt.doubt import BAND
from plugins.segment_prompt.prompts import Mask
from plugins.segment_prompt.samples.prompt_simulation import deepest_voxel, largest_error
from tests.benchmarks.doubt_table import HEAD, Edge, Row, line
from tests.benchmarks.prompt_cases import GROUPS, Case, cases
from viewer.api import Grid, Job, MaskDoubt, Prompt, Prompts, Volume
from viewer.compute.labels.doubt_map import winner_table

REAL = [name for name in GROUPS if name != "maps"]
METHODS: list[Method] = [name for name in get_args(Method) if name not in ("network", "nnInteractive")]
KINDS = ("none", "noise", "motion", "thick", "crop", "bias")
CLICKS = (1, 3)
LEAST = 30  # voxels of a structure that are left by a crop


def worse(image: NDArray[np.float32], kind: str, rng: np.random.Generator) -> NDArray[np.float32]:
    """A crop of a structure made worse; its sides are twice those of the structure, which is the measure of it all."""
    bright = float(np.ptp(np.percentile(image, (1, 99))))
    if kind == "noise":
        return image + np.float32(0.2 * bright) * rng.standard_normal(image.shape, np.float32)
    if kind == "motion":
        return np.mean([image, *(shift(image, rng.normal(0, 2, 3), order=1) for _ in range(3))], axis=0)
    if kind == "thick":
        index = np.arange(len(image)) // 6 * 6
        return uniform_filter1d(image, 6, axis=0)[(index + 3).clip(0, len(image) - 1)]
    if kind == "crop":
        return image[round(0.4 * len(image)) :]
    if kind == "bias":
        field = zoom(rng.normal(size=(4, 4, 4)), np.array(image.shape) / 4, order=3)
        return image + np.float32(bright) * gaussian_filter(field, 4).astype(np.float32)
    return image


def rows(case: Case, kind: str, method: Method) -> Iterator[tuple[int, Row]]:
    """After each number of clicks, what is told and what holds; none where the image ends before the structure."""
    image = worse(case.image, kind, np.random.default_rng(1)).astype(np.float32)
    volume, target = Volume(image, Grid.of(image.shape)), case.target[len(case.target) - len(image) :]
    mask, prompts = np.zeros_like(target), ()
    for clicks in range(1, max(CLICKS) + 1) if np.count_nonzero(target) >= LEAST else ():
        error, missing = largest_error(mask, target)
        if error.any():
            (place,) = volume.grid.to_world(np.array([deepest_voxel(error)])).tolist()
            prompts = (*prompts, Prompt("point", (tuple(place),), missing))
            made = segment_prompt(volume, Prompts(prompts), None, None, None, Job(), method=method)
            mask, doubt = made.array > 0, made.segments[0].mask_doubt
        if clicks in CLICKS and doubt is not None and doubt.doubt.dice is not None:
            true = 2 * np.count_nonzero(mask & target) / (np.count_nonzero(mask) + np.count_nonzero(target))
            yield clicks, Row(doubt.doubt.dice, true, len(doubt.doubt.flags), edge(doubt, mask, target))


def edge(doubt: MaskDoubt, mask: Mask, target: Mask) -> Edge:
    """What the doubt map tells of the voxels near the mask's edge; both masks of voxels of 1 mm."""
    stored, grid = doubt.map()
    places = grid.to_world(np.argwhere(np.ones(grid.shape, bool)))
    index = np.round(places[:, ::-1]).astype(int).clip(0, np.array(mask.shape) - 1)
    found, truth = (one[tuple(index.T)].reshape(grid.shape) for one in (mask, target))
    near = binary_dilation(found, iterations=BAND) & ~binary_erosion(found, iterations=BAND, border_value=1)
    sure = winner_table()[stored[near]]
    return Edge.of(np.where(found[near], sure, 1 - sure), truth[near])


def main() -> None:
    """Print a table of each method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--structures", type=int, default=6, help="of each image, at most")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    options = parser.parse_args()
    known = [case for group in REAL for case in cases(group, options.structures)]
    for method in options.methods:
        found: dict[str, list[Row]] = defaultdict(list)
        for kind in KINDS:
            for clicks, row in (one for case in known for one in rows(case, kind, method)):
                for name in (kind, f"{clicks} click{'s'[: clicks - 1]}", "all"):
                    found[name].append(row)
        print(f"{method}: {len(known)} structures\n{HEAD}")
        print("\n".join(line(name, found[name]) for name in (*KINDS, "1 click", "3 clicks", "all")), flush=True)


if __name__ == "__main__":
    main()
