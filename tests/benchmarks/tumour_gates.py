"""The gates of the brain tumour type: a table of what is asked and what it does, with plain baselines beside.

TOMOLENS_DATA=… python tests/benchmarks/tumour_gates.py FOLDER --start FILE.pth [--blocks 0 1 2 3 4]

FOLDER and FILE.pth: as plugins/diagnose_brain_tumour/train.py has them. Each block of numbers is answered by the
networks that were trained without it, and calibrated on the answers to the other blocks. Intervals are 95 % of a
bootstrap over runs of consecutive numbers (about a patient each), never over slices. What was answered is kept beside
the networks.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

sys.path.insert(0, str(Path(__file__).parents[2]))

from plugins.diagnose_brain_tumour.calibration import expected_calibration_error
from plugins.diagnose_brain_tumour.diagnosis import TumourDiagnosis
from plugins.diagnose_brain_tumour.fit_calibration import EVERY, UNCALIBRATED, fit_gate, read_nets, reference_features
from plugins.diagnose_brain_tumour.input_gate import gate_features, head_view
from plugins.diagnose_brain_tumour.networks import TYPES, TumourFinder, TypeReader
from plugins.diagnose_brain_tumour.samples.labelled_slices import (
    BLOCKS,
    SIZE,
    LabelledSlices,
    read_labelled_slices,
)
from plugins.diagnose_brain_tumour.start_weights import read_start_weights
from tests.benchmarks import tumour_cases
from tests.benchmarks.brain_gates import Gate, at_least, at_most
from tests.benchmarks.real_images import data_folder
from tests.benchmarks.tumour_study import CHANCE, Rows, Study

MOST_REFUSED = {"true": 0.05, "mirrored": 0.10, "JPEG q20": 0.10}
LEAST_REFUSED = {"upside down": 0.90, "turned": 0.90}
GROUPS = 5  # of a block, for the interval
SEEDS = 5  # draws of random weights
Statistic = Callable[[list[Rows]], float]


def type_gates(study: Study) -> Iterator[Gate]:
    """Accuracy: statistics get places in each block, so that the bootstrap can draw them."""

    def each(drawn: list[Rows]) -> list[float]:
        return [one.balanced_accuracy(places) for one, places in zip(study.judged, drawn, strict=True)]

    def recall(drawn: list[Rows], kind: int) -> float:
        return float(np.mean([one.recall(kind, places) for one, places in zip(study.judged, drawn, strict=True)]))

    whole = [np.arange(len(one.rows)) for one in study.judged]
    print("balanced accuracy of the blocks:", " ".join(f"{one:.3f}" for one in each(whole)))
    print("recall:", " ".join(f"{name} {recall(whole, n):.3f}" for n, name in enumerate(TYPES)))
    area = np.mean([roc_auc_score(one.truth, one.types, multi_class="ovr") for one in study.judged])
    gates: dict[tuple[str, float], Statistic] = {
        ("type: mean balanced accuracy", 0.88): lambda drawn: float(np.mean(each(drawn))),
        ("type: worst block", 0.78): lambda drawn: min(each(drawn)),
        ("type: meningioma recall", 0.70): partial(recall, kind=1),
    }
    for (name, least), statistic in gates.items():
        yield at_least(name, least, statistic(whole), study.bootstrap(statistic))
    yield at_least("type: macro AUROC", 0.96, float(area))


def calibration_gates(study: Study) -> Iterator[Gate]:
    """Over all blocks: the error, and the groups of about 90 slices of like probability that the interval covers."""
    sure = np.concatenate([one.types.max(1) for one in study.judged])
    hit = np.concatenate([one.answer == one.truth for one in study.judged])
    yield at_most("calibration: ECE", 0.05, expected_calibration_error(sure, hit))
    inside = []
    for one in study.judged:
        p, right = one.types.max(1), one.answer == one.truth
        for group in np.array_split(np.argsort(p, kind="stable"), GROUPS):
            low, high = np.mean([one.calibration.interval(float(value)) for value in p[group]], 0)
            inside.append(low <= right[group].mean() <= high)
    yield at_least("calibration: groups that the interval covers", 0.90, float(np.mean(inside)))


def evidence_gates(study: Study) -> Iterator[Gate]:
    """Where it points."""
    middle = SIZE / 2
    boxes, truth = study.slices.boxes, np.concatenate([one.truth for one in study.judged])
    guess = ((boxes[:, :2] <= middle) & (boxes[:, 2:] >= middle)).all(1).mean()
    on = np.concatenate([one.on for one in study.judged])
    each = " ".join(f"{name} {on[truth == kind].mean():.3f}" for kind, name in enumerate(TYPES))
    print(f"pointing: {each}; guessing the centre {guess:.3f}")
    whole = [np.arange(len(one.rows)) for one in study.judged]

    def mean(drawn: list[Rows], values: str) -> float:
        pairs = zip(study.judged, drawn, strict=True)
        return float(np.mean([getattr(one, values)[places].mean() for one, places in pairs]))

    for name, values, least in (("pointing", "on", 0.80), ("box IoU", "overlap", 0.45)):
        statistic = partial(mean, values=values)
        yield at_least(f"evidence: {name}", least, statistic(whole), study.bootstrap(statistic))


def probe_gates(study: Study) -> Iterator[Gate]:
    """What it says where there is nothing to see."""
    for name in ("true", *tumour_cases.PROBES):
        judged = study.judged if name == "true" else study.probed(name)
        sure = float(np.concatenate([one.sure for one in judged]).mean())
        right = float(np.mean([balanced_accuracy_score(one.truth, np.maximum(one.answer, 0)) for one in judged]))
        print(f"{name}: a confident type in {sure:.3f}, balanced accuracy of the likeliest {right:.3f}")
        if name == "tumour filled in":
            yield at_least("tumour filled in: no confident type", 0.80, 1 - sure)
        if name == "border only":
            yield at_most("border only: balanced accuracy", CHANCE + 0.05, right)


def randomised_gates(study: Study) -> Iterator[Gate]:
    """Spearman correlation of the heat with itself after parts of the finder became random."""
    block = study.blocks[-1]
    images = study.slices.images[study.rows(block)[:: 5 * EVERY]]

    def heats(net: TumourFinder) -> list[NDArray[np.float32]]:
        diagnosis = TumourDiagnosis(net, reader, UNCALIBRATED)
        return [diagnosis.slice(image).heat for image in images]

    trained, reader = read_nets(study.folder, block)
    before, worst = heats(trained), -1.0
    for part, first in (("head", 99), ("head and trained blocks", TumourFinder.FROZEN), ("all", -1)):
        alike = []
        for seed in range(SEEDS):
            torch.manual_seed(seed)
            state, fresh = trained.state_dict(), TumourFinder().state_dict()
            net = TumourFinder().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            net.load_state_dict({name: state[name] if _depth(name) < first else fresh[name] for name in state})
            pairs = zip(before, heats(net), strict=True)
            alike.append(float(np.mean([spearmanr(a, b, axis=None).statistic for a, b in pairs])))
        print(f"heat after {part} became random: Spearman", " ".join(f"{one:.2f}" for one in alike))
        worst = max(worst, float(np.mean(alike)))
    yield at_most("evidence: Spearman after randomising, mean of draws", 0.3, worst)


def _depth(name: str) -> int:
    """Of a weight: the number of its block, 0 for the stem, 100 for the head."""
    parts = name.split(".")
    return 100 if parts[0] != "backbone" else int(parts[2]) if parts[1] == "blocks" else 0


def input_gates(slices: LabelledSlices, start: Path, data: Path) -> Iterator[Gate]:
    """What the input gate refuses; each block of true slices is held against the others."""
    net = TypeReader()
    net.backbone.load_state_dict(read_start_weights(start))
    net.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    features = reference_features(net, slices)
    baseline(slices, features)
    gates = [fit_gate(features, slices, block) for block in range(BLOCKS)]
    tested = [slices.images[slices.split(block)[1][::EVERY]].astype(np.float32) for block in range(BLOCKS)]
    for name, alter in {**tumour_cases.ACCEPTED, **tumour_cases.ALTERED}.items():
        refused = [
            gate.refuses(features_of(net, [alter(image) for image in images]))
            for gate, images in zip(gates, tested, strict=True)
        ]
        yield _refusal(name, np.concatenate(refused))
    for name, images in tumour_cases.foreign(data).items():
        seen = features_of(net, images)
        yield _refusal(name, np.concatenate([gate.refuses(seen) for gate in gates]))


def _refusal(name: str, refused: NDArray[np.bool_]) -> Gate:
    if name in MOST_REFUSED:
        return at_most(f"input gate: {name} refused", MOST_REFUSED[name], float(refused.mean()))
    return at_least(f"input gate: {name} refused", LEAST_REFUSED.get(name, 0.95), float(refused.mean()))


def features_of(net: TypeReader, images: list[Any]) -> NDArray[np.float32]:
    return np.concatenate([gate_features(net, head_view(one)[None]) for one in images])


def baseline(slices: LabelledSlices, features: NDArray[np.float32]) -> None:
    """Logistic regression on frozen features of the whole head: blocks, and once random folds, to show the leakage."""

    def answer(train: Rows, test: Rows) -> float:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.003, class_weight="balanced", max_iter=200))
        model.fit(np.concatenate(list(features[:, train])), np.tile(slices.types[train], 2))
        return float(balanced_accuracy_score(slices.types[test], model.predict(features[0, test])))

    blocks = [answer(*slices.split(block)) for block in range(BLOCKS)]
    shuffled = np.random.default_rng(0).permutation(len(slices.types))
    folds = [answer(np.setdiff1d(shuffled, fold), fold) for fold in np.array_split(shuffled, BLOCKS)]
    print(f"logistic regression on frozen features: mean {np.mean(blocks):.3f}, worst {min(blocks):.3f}", end=" ")
    print(f"(random folds, which leak: {np.mean(folds):.3f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--start", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--blocks", type=int, nargs="*", default=list(range(BLOCKS)), help="none: the input gate alone")
    options = parser.parse_args()
    data = data_folder()
    torch.set_num_threads(1)
    slices = read_labelled_slices(data)
    found: list[Gate] = []
    if options.blocks:
        study = Study(slices, options.folder, options.blocks)
        parts = (type_gates, calibration_gates, evidence_gates, probe_gates, randomised_gates)
        found += [gate for part in parts for gate in part(study)]
    found += input_gates(slices, options.start, data)
    print("| gate | asked | measured | 95 % | passed |\n|---|---|---|---|---|")
    for gate in found:
        passed = "yes" if gate.passed else "no"
        print(f"| {gate.name} | {gate.required} | {gate.measured} | {gate.interval or ''} | {passed} |")
    if options.out:
        options.out.write_text(json.dumps([asdict(gate) for gate in found], indent=2) + "\n")


if __name__ == "__main__":
    main()
