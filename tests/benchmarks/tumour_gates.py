"""The gates of the brain tumour type: a table of what is asked and what it does, with plain baselines beside.

TOMOLENS_DATA=… python tests/benchmarks/tumour_gates.py FOLDER --start FILE.pth [--out FILE.json]

FOLDER and FILE.pth: as plugins/diagnose_brain_tumour/train.py has them. Each block of numbers is answered by the networks
that were trained without it, and calibrated on the answers to the other blocks. Intervals are 95 % of a bootstrap over
runs of consecutive numbers (about a patient each), never over slices. What was answered is kept beside the networks.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

sys.path.insert(0, str(Path(__file__).parents[2]))

from plugins.diagnose_brain_tumour.calibration import Calibration, expected_calibration_error
from plugins.diagnose_brain_tumour.diagnosis import PRESENT, SURE, TumourDiagnosis, iou
from plugins.diagnose_brain_tumour.fit_calibration import (
    EVERY,
    UNCALIBRATED,
    Answers,
    emptied,
    fit_calibration,
    fit_gate,
    read_nets,
    reference_features,
    runs,
)
from plugins.diagnose_brain_tumour.input_gate import gate_features, head_view
from plugins.diagnose_brain_tumour.networks import TYPES, TumourFinder, TypeReader
from plugins.diagnose_brain_tumour.samples.labelled_slices import BLOCKS, LabelledSlices, read_labelled_slices
from plugins.diagnose_brain_tumour.start_weights import read_start_weights
from tests.benchmarks import tumour_cases
from tests.benchmarks.brain_gates import Gate, at_least, at_most
from tests.benchmarks.real_images import data_folder

MOST_REFUSED = {"true": 0.05, "mirrored": 0.10, "JPEG q20": 0.10}
LEAST_REFUSED = {"upside down": 0.90, "turned": 0.90}
CHANCE = 1 / 3
DRAWS = 1000
Rows = NDArray[np.int64]


class Study:
    """All that was answered about the labelled slices, each by networks that were trained without its block."""

    def __init__(self, slices: LabelledSlices, folder: Path) -> None:
        self.slices, self.folder = slices, folder
        self.answers = [self._kept(block, "true", self._images(block)) for block in range(BLOCKS)]
        self.empty = [
            self._kept(block, "empty", lambda block=block: emptied(slices, self.rows(block)[::EVERY]))
            for block in range(BLOCKS)
        ]
        self.calibrations = [self._calibration(block) for block in range(BLOCKS)]

    def rows(self, block: int) -> Rows:
        return self.slices.split(block)[1]

    def _images(self, block: int) -> Callable[[], list[Any]]:
        return lambda: list(self.slices.images[self.rows(block)])

    def probed(self, name: str, block: int) -> tuple[Rows, Answers]:
        """Answers to altered slices, and their rows."""
        rows = self.rows(block)[::EVERY]
        alter, slices = tumour_cases.PROBES[name], self.slices
        images = [slices.images[row].astype(np.float32) for row in rows]
        altered = lambda: [alter(one, box) for one, box in zip(images, slices.boxes[rows], strict=True)]  # noqa: E731
        return rows, self._kept(block, name, altered)

    def _kept(self, block: int, name: str, images: Callable[[], list[Any]]) -> Answers:
        path = self.folder / f"{name.replace(' ', '-')}-{block}.npz"
        sources = [self.folder / f"{part}-{block}.pt" for part in ("find", "read")]
        if not path.exists() or path.stat().st_mtime < max(one.stat().st_mtime for one in sources):
            diagnosis = TumourDiagnosis(*read_nets(self.folder, block), UNCALIBRATED)
            np.savez(path, **vars(Answers.of(diagnosis, images())))
        with np.load(path) as file:
            return Answers(file["boxes"], file["scores"], file["logits"])

    def _calibration(self, block: int) -> Calibration:
        """Fitted on the other blocks."""
        others = [other for other in range(BLOCKS) if other != block]
        rows = np.concatenate([self.rows(other) for other in others])
        answers, empty = (Answers.joined(part[other] for other in others) for part in (self.answers, self.empty))
        return fit_calibration(answers, empty, self.slices, rows)

    def types(self, block: int) -> NDArray[np.float64]:
        """Calibrated probabilities; even ones where nothing was found."""
        answers = self.answers[block]
        found = answers.scores[:, None] > 0
        return np.where(found, self.calibrations[block].types(answers.logits), CHANCE)


def balanced_accuracy(truth: Rows, answer: Rows) -> float:
    return float(np.mean([(answer[truth == kind] == kind).mean() for kind in np.unique(truth)]))


def bootstrap(
    slices: LabelledSlices, blocks: list[Rows], statistic: Callable[[list[Rows]], float]
) -> tuple[float, float]:
    """95 % over runs of consecutive numbers: `statistic` gets, per block, places in it, with repetition."""
    rng, values, names = np.random.default_rng(0), [], runs(slices)
    groups = []
    for rows in blocks:
        kinds = slices.types[rows]
        groups.append(
            [[np.flatnonzero(names[rows] == run) for run in np.unique(names[rows][kinds == kind])] for kind in range(3)]
        )
    for _ in range(DRAWS):
        drawn = []
        for group in groups:
            picks = [kind[n] for kind in group for n in rng.integers(len(kind), size=len(kind))]
            drawn.append(np.concatenate(picks))
        values.append(statistic(drawn))
    low, high = np.percentile(values, (2.5, 97.5))
    return round(float(low), 3), round(float(high), 3)


def type_gates(study: Study) -> Iterator[Gate]:
    """Accuracy and calibration."""
    blocks = [study.rows(block) for block in range(BLOCKS)]
    truth = [study.slices.types[rows] for rows in blocks]
    types = [study.types(block) for block in range(BLOCKS)]
    answer = [one.argmax(1) for one in types]

    def each(drawn: list[Rows]) -> list[float]:
        return [balanced_accuracy(t[n], a[n]) for t, a, n in zip(truth, answer, drawn, strict=True)]

    def recall(drawn: list[Rows], kind: int) -> float:
        return float(
            np.mean([(a[n][t[n] == kind] == kind).mean() for t, a, n in zip(truth, answer, drawn, strict=True)])
        )

    def auroc(drawn: list[Rows]) -> float:
        return float(
            np.mean([roc_auc_score(t[n], p[n], multi_class="ovr") for t, p, n in zip(truth, types, drawn, strict=True)])
        )

    def ece(drawn: list[Rows]) -> float:
        p = np.concatenate([p[n] for p, n in zip(types, drawn, strict=True)])
        hit = np.concatenate([(a == t)[n] for a, t, n in zip(answer, truth, drawn, strict=True)])
        return expected_calibration_error(p.max(1), hit)

    def spread(statistic: Callable[[list[Rows]], float]) -> tuple[float, float]:
        return bootstrap(study.slices, blocks, statistic)

    whole = [np.arange(len(rows)) for rows in blocks]
    print("balanced accuracy of the blocks:", " ".join(f"{one:.3f}" for one in each(whole)))
    print("recall:", " ".join(f"{name} {recall(whole, n):.3f}" for n, name in enumerate(TYPES)))
    mean, worst = (lambda drawn: float(np.mean(each(drawn)))), (lambda drawn: min(each(drawn)))
    yield at_least("type: mean balanced accuracy of five blocks", 0.88, mean(whole), spread(mean))
    yield at_least("type: worst block", 0.78, worst(whole), spread(worst))
    yield at_least("type: macro AUROC", 0.96, auroc(whole), None)
    yield at_least("type: meningioma recall", 0.70, recall(whole, 1), spread(lambda drawn: recall(drawn, 1)))
    yield at_most("calibration: ECE", 0.05, ece(whole))
    yield at_least("calibration: groups of slices that the interval covers", 0.90, covered(study, types, truth))


def covered(study: Study, types: list[NDArray[np.float64]], truth: list[Rows]) -> float:
    """Share of groups of about 90 slices of like probability, five a block, whose share of right ones the interval has."""
    inside = []
    for block in range(BLOCKS):
        p, hit = types[block].max(1), types[block].argmax(1) == truth[block]
        for group in np.array_split(np.argsort(p, kind="stable"), 5):
            low, high = np.mean([study.calibrations[block].interval(float(one)) for one in p[group]], 0)
            inside.append(low <= hit[group].mean() <= high)
    return float(np.mean(inside))


def evidence_gates(study: Study) -> Iterator[Gate]:
    """Where it points, and what it says where there is nothing to see."""
    slices, blocks = study.slices, [study.rows(block) for block in range(BLOCKS)]
    on = [answers.on(slices.boxes[rows]) for answers, rows in zip(study.answers, blocks, strict=True)]
    overlap = [
        np.array([iou(a, b) for a, b in zip(answers.boxes, slices.boxes[rows], strict=True)])
        for answers, rows in zip(study.answers, blocks, strict=True)
    ]
    centre = np.full((len(slices.boxes), 4), 256.0)
    guess = Answers(centre, np.ones(len(centre)), np.zeros((len(centre), 3))).on(slices.boxes).mean()
    print(f"centre guess {guess:.3f}; pointing by type:", *(
        f"{name} {np.concatenate(on)[slices.types[np.concatenate(blocks)] == n].mean():.2f}" for n, name in enumerate(TYPES)
    ))
    for name, least, values in (("pointing", 0.80, on), ("box IoU", 0.45, overlap)):
        interval = bootstrap(
            slices, blocks, lambda drawn, values=values: float(np.mean([v[n].mean() for v, n in zip(values, drawn, strict=True)]))
        )
        yield at_least(f"evidence: {name}", least, float(np.mean([one.mean() for one in values])), interval)
    surely = {}
    for name in ("true", *tumour_cases.PROBES):
        sure, right = [], []
        for block, calibration in enumerate(study.calibrations):
            rows, answers = (blocks[block], study.answers[block]) if name == "true" else study.probed(name, block)
            types = calibration.types(answers.logits)
            sure.append((calibration.presence(answers.scores) >= PRESENT) & (types.max(1) >= SURE) & (answers.scores > 0))
            answer = np.where(answers.scores > 0, types.argmax(1), 0)
            right.append(balanced_accuracy(slices.types[rows], answer))
        surely[name] = float(np.concatenate(sure).mean())
        print(f"{name}: a confident type in {surely[name]:.3f}, balanced accuracy of the likeliest {np.mean(right):.3f}")
        if name == "tumour filled in":
            yield at_least("tumour filled in: no confident type", 0.80, 1 - surely[name])
        if name == "border only":
            yield at_most("border only: balanced accuracy", CHANCE + 0.05, float(np.mean(right)))


def randomised(study: Study) -> Iterator[Gate]:
    """Spearman correlation of the heat with itself after parts of the finder became random."""
    block = BLOCKS - 1
    rows = study.rows(block)[:: 5 * EVERY]
    trained, reader = read_nets(study.folder, block)
    before = [TumourDiagnosis(trained, reader, UNCALIBRATED).slice(study.slices.images[row]).heat for row in rows]
    parts = {
        "head": lambda name: not name.startswith("backbone."),
        "head and trained blocks": lambda name: not name.startswith("backbone.") or _trained(name),
        "all": lambda name: True,
    }
    worst = -1.0
    for part, chosen in parts.items():
        torch.manual_seed(0)
        net, fresh = read_nets(study.folder, block)[0], type(trained)().state_dict()
        net.load_state_dict({name: fresh[name] if chosen(name) else value for name, value in net.state_dict().items()})
        after = [TumourDiagnosis(net, reader, UNCALIBRATED).slice(study.slices.images[row]).heat for row in rows]
        alike = float(np.mean([spearmanr(a, b, axis=None).statistic for a, b in zip(before, after, strict=True)]))
        print(f"heat after {part} became random: Spearman {alike:.2f}")
        worst = max(worst, alike)
    yield at_most("evidence: Spearman after randomising", 0.3, worst)


def _trained(name: str) -> bool:
    return name.startswith("backbone.blocks.") and int(name.split(".")[2]) >= TumourFinder.FROZEN


def gate_gates(slices: LabelledSlices, net: TypeReader, features: NDArray[np.float32], data: Path) -> Iterator[Gate]:
    """What the input gate refuses; of true slices each block is held against the others."""
    gates = [fit_gate(features, slices, block) for block in range(BLOCKS)]
    images = {
        block: [slices.images[row].astype(np.float32) for row in slices.split(block)[1][::EVERY]]
        for block in range(BLOCKS)
    }
    for name, alter in {**tumour_cases.ACCEPTED, **tumour_cases.ALTERED}.items():
        refused = [
            gates[block].refuses(features_of(net, [alter(one) for one in images[block]])) for block in range(BLOCKS)
        ]
        share = float(np.concatenate(refused).mean())
        if name in MOST_REFUSED:
            yield at_most(f"input gate: {name} refused", MOST_REFUSED[name], share)
        else:
            yield at_least(f"input gate: {name} refused", LEAST_REFUSED.get(name, 0.95), share)
    for name, foreign in tumour_cases.foreign(data).items():
        seen = features_of(net, foreign)
        share = float(np.mean([gate.refuses(seen).mean() for gate in gates]))
        yield at_least(f"input gate: {name} refused", LEAST_REFUSED.get(name, 0.95), share)


def features_of(net: TypeReader, images: list[Any]) -> NDArray[np.float32]:
    return np.concatenate([gate_features(net, head_view(one)[None]) for one in images])


def baseline(slices: LabelledSlices, features: NDArray[np.float32]) -> None:
    """Logistic regression on frozen features of the whole head: blocks, and once random folds, to show the leakage."""

    def answer(train: Rows, test: Rows) -> float:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.003, class_weight="balanced", max_iter=200))
        model.fit(np.concatenate(list(features[:, train])), np.tile(slices.types[train], 2))
        return balanced_accuracy(slices.types[test], model.predict(features[0, test]))

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
    parser.add_argument("--parts", nargs="+", default=["gate", "type"], choices=["gate", "type"])
    options = parser.parse_args()
    data = data_folder()
    torch.set_num_threads(1)
    slices = read_labelled_slices(data)
    found: list[Gate] = []
    if "gate" in options.parts:
        net = TypeReader()
        net.backbone.load_state_dict(read_start_weights(options.start))
        features = reference_features(net.eval().to(memory_format=torch.channels_last), slices)
        baseline(slices, features)
        found += gate_gates(slices, net, features, data)
    if "type" in options.parts:
        study = Study(slices, options.folder)
        found += [gate for part in (type_gates, evidence_gates, randomised) for gate in part(study)]
    print("| gate | asked | measured | 95 % | passed |\n|---|---|---|---|---|")
    for gate in found:
        print(f"| {gate.name} | {gate.required} | {gate.measured} | {gate.interval or ''} | {'yes' if gate.passed else 'no'} |")
    if options.out:
        options.out.write_text(json.dumps([asdict(gate) for gate in found], indent=2) + "\n")


if __name__ == "__main__":
    main()
