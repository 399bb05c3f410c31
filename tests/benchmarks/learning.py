"""The gate of learning from corrections: python tests/benchmarks/learning.py [WEIGHTS] [--minutes 10] [--out FILE].

WEIGHTS: a state of the training (resources/training/segment-prompt.safetensors by default), of which the averaged
weights are taken. Tuned on the tumours of 3 patients of sarcoma-ibsi (CT and MR), which no training has seen, and
measured on the 8 others after 1, 2 and 5 clicks by both networks; then on the sets of prompt_gates.py, on which it may
lose at most .01. Intervals are 95 % of a bootstrap over patients or structures, of the paired difference.
"""

from __future__ import annotations

import argparse
import copy
import json
import tempfile
import time
from itertools import islice
from pathlib import Path

import numpy as np
import prompt_cases
import SimpleITK as sitk
import torch
from numpy.typing import NDArray
from prompt_cases import data_file
from prompt_gates import interval
from safetensors.torch import load

from plugins.segment_prompt.network import PromptNet
from plugins.segment_prompt.prompts import Prompts
from plugins.segment_prompt.samples.sample_set import Sample
from plugins.segment_prompt.train import CLICKS, dice_after_clicks, read_state
from plugins.segment_prompt.tuning.case_samples import plain_sample
from plugins.segment_prompt.tuning.tune_network import tune
from viewer.api import Job, TuningCase, TuningRequest, TuningState
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.study import Source
from viewer.data.volume import Volume
from viewer.session.learning.accepted_cases import tuning_cases

FOLDER = "labelled/sarcoma-ibsi"
PATIENTS = ("002", "003", "008", "012", "015", "018", "019", "024", "025", "028", "032")
IMAGES = ("CT", "MR_T1")
LEARNED = 3  # patients
RISE, FALL = 0.04, 0.01  # of the Dice after a click: at least, at most
BASE = Path("resources/training/segment-prompt.safetensors")
Scores = NDArray[np.float64]  # [structure, clicks]


def structures(patient: str) -> list[TuningCase]:
    """The tumour on each image of a patient, cut out as the session does."""
    found = []
    for image in IMAGES:
        paths = [data_file(f"{FOLDER}/STS_{patient}_{image}_{kind}.nii.gz") for kind in ("image", "mask")]
        array, mask = (sitk.GetArrayFromImage(sitk.ReadImage(str(path))) for path in paths)
        spacing = sitk.ReadImage(str(paths[0])).GetSpacing()[::-1]
        grid = Grid.of(array.shape, spacing)
        segments = (Segment(1, "tumour", review="corrected"),)
        labels = Segmentation((mask > 0).astype(np.uint8), grid, segments)
        found += tuning_cases(Volume(array, grid, source=Source(patient_id=f"STS_{patient}")), labels)
    return found


def tuned_network(base: PromptNet, train: list[TuningCase], minutes: float) -> tuple[PromptNet, float]:
    """Without its own comparison, which the patients that are left are for; and the seconds that it took."""
    began = time.monotonic()
    job = Job(tell=lambda fraction, text: print(f"\r{100 * fraction:5.1f} % {text}", end="", flush=True))
    with tempfile.TemporaryDirectory() as folder:
        request = TuningRequest("base", tuple(train), (), Path(folder), minutes)
        found = tune(job, base, request, TuningState(Path(folder)))
    print(f"\n{found.steps} steps")
    net = copy.deepcopy(base)
    net.load_state_dict({name: value.float() for name, value in load(found.weights).items()})
    return net, time.monotonic() - began


def scores(net: PromptNet, samples: list[Sample]) -> Scores:
    found = [list(islice(dice_after_clicks(net, sample), max(CLICKS))) for sample in samples]
    return np.array(found)[:, [clicks - 1 for clicks in CLICKS]]


def by_patient(values: Scores, patients: list[str]) -> Scores:
    return np.array([values[[one == patient for one in patients]].mean(0) for patient in dict.fromkeys(patients)])


def table(name: str, old: Scores, new: Scores) -> dict[str, dict[str, object]]:
    """One line for each number of clicks; returns the same as figures."""
    figures = {}
    for column, clicks in enumerate(CLICKS):
        change = new[:, column] - old[:, column]
        low, high = interval(change)
        means = [float(one[:, column].mean()) for one in (old, new)]
        print(f"{name:20}{len(old):4}  click {clicks}  {means[0]:.3f}  {means[1]:.3f}  "
              f"{change.mean():+.3f} [{low:+.3f}, {high:+.3f}]")  # fmt: skip
        figures[str(clicks)] = {
            "old": means[0],
            "new": means[1],
            "change": float(change.mean()),
            "interval": [low, high],
        }
    return figures


def gate_samples(group: str, most: int) -> list[Sample]:
    none = [(case, np.zeros_like(case.target)) for case in prompt_cases.cases(group, most)]
    return [Sample(case.image, case.edges, case.target, mask, Prompts.none(mask.shape)) for case, mask in none]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path, nargs="?", default=BASE)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--others", type=int, default=8, help="patients that both networks are measured on")
    parser.add_argument("--structures", type=int, default=13, help="of each image of the gate sets, at most; 0: none")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.manual_seed(0)
    base = PromptNet()
    base.load_state_dict(read_state(options.weights, "average")[0])
    base.eval()
    learned, others = PATIENTS[:LEARNED], PATIENTS[LEARNED:][: options.others]
    net, seconds = tuned_network(base, [one for patient in learned for one in structures(patient)], options.minutes)
    print(f"tuned on {', '.join(learned)} in {seconds / 60:.1f} min; old, new, change with its interval:")
    kept = [(patient, plain_sample(one, prompt_cases.SIZE)) for patient in others for one in structures(patient)]
    pair = [by_patient(scores(one, [sample for _, sample in kept]), [who for who, _ in kept]) for one in (base, net)]
    figures = {"seconds": seconds, "sarcoma": table("other patients", *pair)}
    passed = {f"within {options.minutes:g} min": seconds <= 60 * options.minutes}
    passed[f"rises by {RISE} after a click"] = float((pair[1] - pair[0])[:, 0].mean()) >= RISE
    for group in prompt_cases.GROUPS if options.structures else ():
        samples = gate_samples(group, options.structures)
        both = [scores(one, samples) for one in (base, net)]
        figures[group] = table(group, *both)
        passed[f"falls by at most {FALL} on {group}"] = bool(((both[1] - both[0]).mean(0) >= -FALL).all())
    for name, well in passed.items():
        print("passed" if well else "FAILED", name)
    if options.out:
        options.out.write_text(json.dumps({"figures": figures, "passed": passed}, indent=1))


if __name__ == "__main__":
    main()
