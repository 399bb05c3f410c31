"""The gates of the segmentation of the brain: a table of what is asked and what it does; --write puts it into the card.

TOMOLENS_DATA=… python tests/benchmarks/brain_gates.py [--weights STATE | --write]

STATE: a state of training, whose averaged weights are measured; by default the model that the program offers.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from plugins.segment_brain.labels import OUTPUTS, STRUCTURES
from plugins.segment_brain.network import SubvoxelUNet
from plugins.segment_brain.segmentation import segment_brain
from plugins.training.training_state import read_training_state
from tests.benchmarks import brain_cases
from tests.benchmarks.real_images import data_folder
from viewer.api import Grid, Job, Net, Refusal, Volume
from viewer.compute.engine.peak_memory import PeakMemory
from viewer.compute.labels.label_metrics import label_metrics
from viewer.compute.networks.backends import prepare_network
from viewer.files.checksum import sha256_of

MODEL = "segment-brain"
CARD = Path(__file__).parents[2] / "resources" / "models" / MODEL / "card.json"
LEAST_MASK, FARTHEST_MASK = 0.95, 6.0  # Dice, HD95 in mm
LEAST_STRUCTURES, LEAST_TISSUE, LEAST_T2 = 0.75, 0.85, 0.60
MOST_SECONDS, MOST_BYTES = 8.0, 1.5e9
Array = NDArray[np.unsignedinteger]
Find = Callable[[Volume], tuple[Array, Array]]


@dataclass(frozen=True)
class Gate:
    """As a card has it. interval: 95 %, by a bootstrap over structures."""

    name: str
    required: float
    measured: float
    passed: bool
    interval: tuple[float, float] | None = None


def at_least(name: str, required: float, measured: float, interval: tuple[float, float] | None = None) -> Gate:
    return Gate(name, required, round(float(measured), 4), bool(measured >= required), interval)


def at_most(name: str, required: float, measured: float) -> Gate:
    measured = round(float(measured), 4)  # two slices of 3 mm are 6 mm and no hair more
    return Gate(name, required, measured, measured <= required)


def dice(one: NDArray[np.bool_], two: NDArray[np.bool_]) -> float:
    """NaN where neither has a voxel."""
    both = np.count_nonzero(one) + np.count_nonzero(two)
    return 2 * np.count_nonzero(one & two) / both if both else float("nan")


def interval(values: list[float]) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    means = rng.choice(values, (4000, len(values))).mean(1)
    low, high = np.percentile(means, (2.5, 97.5))
    return round(float(low), 3), round(float(high), 3)


def finder(net: Net) -> Find:
    """What finds the structures and the brain of an image; what it refuses counts as nothing found."""

    def find(image: Volume) -> tuple[Array, Array]:
        try:
            structures, brain = segment_brain(image, net, Job()).maps
        except Refusal as refusal:
            print(f"  refused: {refusal}")
            structures = brain = np.zeros(image.grid.shape, np.uint8)
        return structures, brain

    return find


def mask_gates(data: Path, find: Find) -> Iterator[Gate]:
    """On the grid of the given mask."""
    for case in brain_cases.masks(data):
        found = sitk.GetImageFromArray(find(case.image)[1])
        found.SetSpacing(case.image.grid.spacing[::-1].tolist())
        found.SetOrigin(case.image.grid.origin.tolist())
        found.SetDirection(case.image.grid.direction.ravel().tolist())
        ours = sitk.GetArrayFromImage(sitk.Resample(found, case.mask, case.to_image, sitk.sitkLabelLinear))
        truth = sitk.GetArrayFromImage(case.mask)
        grid = Grid.of(truth.shape, case.mask.GetSpacing()[::-1])
        both = label_metrics((truth > 0).astype(np.uint8), ours, grid)[1]
        yield at_least(f"brain mask, {case.name}: Dice", LEAST_MASK, both.dice)
        yield at_most(f"brain mask, {case.name}: HD95, mm", FARTHEST_MASK, np.inf if both.hd95 is None else both.hd95)


def structure_gates(data: Path, find: Find) -> Iterator[Gate]:
    """On the real T1: the 30 labels, then tissues, both sides together."""
    case, numbers = brain_cases.oasis(data)
    found, _ = find(case.image)
    each = [dice(found == number, case.truth == number) for number in numbers]
    print("\n".join(f"  {number:3d} {value:.3f}" for number, value in zip(numbers, each, strict=True)))
    yield at_least("T1, mean Dice of 30 structures", LEAST_STRUCTURES, float(np.mean(each)), interval(each))
    for name, parts in brain_cases.TISSUES.items():
        yield at_least(f"T1, Dice of {name}", LEAST_TISSUE, dice(np.isin(found, parts), np.isin(case.truth, parts)))
    yield at_most("T1, structures on the wrong side", 0, swapped(found, case.truth))


def swapped(found: Array, truth: NDArray[np.integer]) -> int:
    """How many paired structures lie more on the other side's than on their own."""
    wrong = 0
    for one in STRUCTURES:
        for own, other in ((one.left, one.right), (one.right, one.left)):
            here = truth[found == own]
            wrong += one.paired and np.count_nonzero(here == other) > np.count_nonzero(here == own)
    return wrong


def t2_gates(data: Path, find: Find) -> Iterator[Gate]:
    """On the T2 of thick slices, by GIF's names, sides apart."""
    case = brain_cases.flair_like(data)
    (found, _), each, crossed = find(case.image), [], 0
    for name, sides in brain_cases.GIF.items():
        values = [dice(np.isin(found, ours), np.isin(case.truth, theirs)) for theirs, ours in sides]
        print(f"  {name:12s} {' '.join(f'{value:.3f}' for value in values)}")
        each.append(float(np.mean(values)))
        if len(sides) == 2:
            (theirs, ours), (_, opposite) = sides
            there = np.isin(case.truth, theirs)
            crossed += np.count_nonzero(there & np.isin(found, opposite)) > np.count_nonzero(
                there & np.isin(found, ours)
            )
    yield at_least("T2 of 5.5 mm, mean Dice of 8 structures", LEAST_T2, float(np.mean(each)), interval(each))
    yield at_most("T2 of 5.5 mm, structures on the wrong side", 0, crossed)


def cost_gates(data: Path, find: Find) -> Iterator[Gate]:
    """The second run: the first one warms up."""
    head = brain_cases.large_head(data)
    find(head)
    with PeakMemory() as memory:
        before, start, busy = memory.bytes, time.perf_counter(), time.process_time()
        find(head)
        seconds, busy = time.perf_counter() - start, time.process_time() - busy
    print(f"  256³: {busy:.1f} seconds of processors")
    yield at_most("256³: seconds", MOST_SECONDS, seconds)
    yield at_most("256³: GB above the image", MOST_BYTES / 1e9, (memory.bytes - before) / 1e9)


def network(state: Path | None) -> Net:
    """Raises Refusal where there is no such model."""
    job = Job()
    if state is None:
        return job.model(MODEL, channels=1, multiple=16)
    average = SubvoxelUNet(1, OUTPUTS)
    steps = read_training_state(SubvoxelUNet(1, OUTPUTS), average, state)
    print(f"{state.name}: {steps} steps")
    return prepare_network(average.eval(), "cpu", key=sha256_of(state), channels=1, multiple=average.multiple, job=job)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    data = data_folder()
    try:
        net = network(options.weights)
    except Refusal as refusal:
        print(f"left out: {refusal}")
        return
    print(f"{net.engine}, {net.precision}")
    gates = [gate for part in (mask_gates, structure_gates, t2_gates, cost_gates) for gate in part(data, finder(net))]
    print("| gate | asked | measured | 95 % | passed |\n|---|---|---|---|---|")
    for gate in gates:
        passed = "yes" if gate.passed else "no"
        print(f"| {gate.name} | {gate.required} | {gate.measured} | {gate.interval or ''} | {passed} |")
    if options.write:
        card = json.loads(CARD.read_text())
        card["gates"] = [asdict(gate) for gate in gates]
        CARD.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
