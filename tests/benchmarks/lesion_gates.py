"""The gates of the MS lesions: a table of what is asked and what it does, beside a threshold.

TOMOLENS_DATA=… python tests/benchmarks/lesion_gates.py [--weights STATE | --write]

--write puts it into the card. STATE: a state of training, whose averaged weights are measured; by default the model
that the program offers.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from plugins.diagnose_ms_lesions.lesion_model import MODEL, load_lesion_network
from plugins.diagnose_ms_lesions.prediction import LIKELY, lesion_map
from plugins.segment_brain.prediction import load_network
from plugins.segment_brain.segmentation import FoundBrain, find_brain
from tests.benchmarks import lesion_cases
from tests.benchmarks.brain_gates import Gate, at_least, at_most, dice, interval
from tests.benchmarks.real_images import data_folder
from viewer.api import Grid, Job, Net, Refusal, Volume, resample
from viewer.compute.labels.lesions import connected_lesions

CARD = Path(__file__).parents[2] / "resources" / "models" / MODEL / "card.json"
COVERED = 0.1  # of a lesion: a hit
LEAST = 10.0  # mm³ of a lesion that counts
LARGE = 5.0  # ml of all lesions together
DEVIATIONS, MAD = 2.5, 1.4826
P07_DICE, P07_FALSE, PAINTED, CHANGED, SECONDS = 0.40, 10, 0.75, 0.60, 20.0
Mask = NDArray[np.bool_]
Find = Callable[[Volume, FoundBrain], Mask]


def threshold(image: Volume, brain: FoundBrain) -> Mask:
    """The baseline: what lies 2.5 deviations (by the median) above the brain's median."""
    values, mask = image.values(), resample(Volume((brain.mask > 0).astype(np.float32), brain.cube), image.grid).array
    inside = values[mask > 0.5]
    middle = np.median(inside)
    limit = middle + DEVIATIONS * MAD * np.median(np.abs(inside - middle))
    return kept((mask > 0.5) & (values > limit), image.grid)


def kept(mask: Mask, grid: Grid) -> Mask:
    """Its lesions of LEAST mm³ and more."""
    return np.asarray(connected_lesions(mask, int(np.ceil(LEAST / grid.spacing.prod()))) > 0)


def hits(found: Mask, truth: Mask, voxel: float) -> tuple[int, int, int]:
    """Lesions of the truth that are covered, all of them, and lesions found where there is none. voxel: mm³."""
    smallest = int(np.ceil(LEAST / voxel))
    true, ours = connected_lesions(truth, smallest), connected_lesions(found, smallest)
    sizes = np.bincount(true.ravel())
    both = np.bincount(true[found], minlength=len(sizes))
    hit = int((both[1:] >= COVERED * sizes[1:]).sum())
    met = np.unique(ours[truth])
    return hit, len(sizes) - 1, int(ours.max()) - np.count_nonzero(met)


def brain_of(image: Volume) -> FoundBrain:
    job = Job()
    return find_brain(image, load_network(None, job), job)


def labelled_gates(data: Path, methods: dict[str, Find]) -> Iterator[Gate]:
    """Patient 07 and the painted heads."""
    large: list[float] = []
    for case in (lesion_cases.patient_07(data), *lesion_cases.painted_heads(data)):
        brain, ml = brain_of(case.image), case.lesions.sum() * case.image.grid.spacing.prod() / 1000
        for name, find in methods.items():
            found = find(case.image, brain)
            value = dice(found, case.lesions)
            hit, many, false = hits(found, case.lesions, float(case.image.grid.spacing.prod()))
            print(
                f"  {case.name:12} {ml:5.1f} ml  {name:10} Dice {value:.3f}  {hit} of {many} hit, {false} false",
                flush=True,
            )
            if name == "network" and case.name == "patient 07":
                yield at_least("patient 07: Dice", P07_DICE, value)
                yield at_most("patient 07: false lesions", P07_FALSE, false)
            elif name == "network" and ml > LARGE:
                large.append(value)
    yield at_least(f"painted heads above {LARGE:g} ml: mean Dice", PAINTED, float(np.mean(large)), interval(large))


def change_gate(data: Path, find: Find) -> Gate:
    """Of the lesions that changed between two studies, how many are found in one of them."""
    covered, many = 0, 0
    for case in lesion_cases.changes(data):
        shown = np.zeros(sitk.GetArrayViewFromImage(case.changed).shape, bool)
        for study, move in zip(case.studies, case.to_study, strict=True):
            image = lesion_cases.volume(study)
            mask = sitk.GetImageFromArray(find(image, brain_of(image)).astype(np.float32))
            mask.CopyInformation(study)
            shown |= sitk.GetArrayViewFromImage(sitk.Resample(mask, case.changed, move, sitk.sitkLinear, 0.0)) > 0.5
        changed = connected_lesions(sitk.GetArrayViewFromImage(case.changed) > 0, 1)
        sizes, both = np.bincount(changed.ravel()), np.bincount(changed[shown], minlength=int(changed.max()) + 1)
        hit = int((both[1:] >= COVERED * sizes[1:]).sum())
        print(f"  {case.name}: {hit} of {len(sizes) - 1} changed lesions covered", flush=True)
        covered, many = covered + hit, many + len(sizes) - 1
    return at_least("changed lesions of real studies covered", CHANGED, covered / many)


def speed_gate(data: Path, net: Net) -> Gate:
    image = lesion_cases.patient_07(data).image
    begun = time.monotonic()
    lesion_map(brain_of(image), net, Job())
    return at_most("seconds for a volume of 1 mm", SECONDS, time.monotonic() - begun)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--weights", type=Path)
    which.add_argument("--write", action="store_true")
    options = parser.parse_args()
    data = data_folder()
    net = load_lesion_network(options.weights, Job())

    def find(image: Volume, brain: FoundBrain) -> Mask:
        try:
            return kept(lesion_map(brain, net, Job()).on_image() > LIKELY, image.grid)
        except Refusal as refusal:
            print(f"  refused: {refusal}")
            return np.zeros(image.grid.shape, bool)

    gates = [*labelled_gates(data, {"network": find, "threshold": threshold}), change_gate(data, find)]
    gates.append(speed_gate(data, net))
    for one in gates:
        verdict = "passed" if one.passed else "FAILED"
        print(f"{verdict}  {one.name}: {one.measured} (required {one.required}) {one.interval or ''}")
    if options.write:
        card = json.loads(CARD.read_text())
        CARD.write_text(
            json.dumps({**card, "gates": [asdict(one) for one in gates]}, indent=2, ensure_ascii=False) + "\n"
        )


if __name__ == "__main__":
    main()
