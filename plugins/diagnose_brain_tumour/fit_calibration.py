"""Fit calibration and input gate on slices that the networks were not trained on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from .calibration import GRID, Calibration, Floats, fit_interval, fit_presence, fit_temperature
from .diagnosis import TumourDiagnosis
from .input_gate import InputGate, fit_reference, gate_features, head_view, limits
from .networks import NONE, TumourFinder, TypeReader
from .samples.degradation import Random, mild_copy
from .samples.labelled_slices import BLOCKS, GAP, LabelledSlices
from .samples.tumour_edits import fill_tumour
from .views import find_head

EVERY = 6  # slices: one of them is also asked about with its tumour taken out
UNCALIBRATED = Calibration(1.0, 1.0, 0.0, np.zeros(len(GRID)), np.ones(len(GRID)))


@dataclass(frozen=True)
class Answers:
    """What was found first in n slices: boxes [n, 4] in pixels, scores [n], logits [n, 3]; zeros where nothing was."""

    boxes: Floats
    scores: Floats
    logits: Floats

    @classmethod
    def of(cls, diagnosis: TumourDiagnosis, images: Iterable[NDArray[np.generic]]) -> Answers:
        """One by one."""
        rows = []
        for image in images:
            found = diagnosis.slice(image).found
            rows.append((*found[0].box, found[0].score, *found[0].logits) if found else (0.0,) * 8)
        table = np.array(rows)
        return cls(table[:, :4], table[:, 4], table[:, 5:])

    @classmethod
    def joined(cls, parts: Iterable[Answers]) -> Answers:
        """One after the other."""
        parts = list(parts)
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))

    def on(self, boxes: Floats) -> NDArray[np.bool_]:
        """[n]: the middle of what was found lies in the true box."""
        middle = (self.boxes[:, :2] + self.boxes[:, 2:]) / 2
        return np.asarray(((middle >= boxes[:, :2]) & (middle <= boxes[:, 2:])).all(1) & (self.scores > 0))


def read_nets(folder: Path, block: int | str) -> tuple[TumourFinder, TypeReader]:
    """The averaged networks of a block, from the folder of a training."""
    finder, reader = TumourFinder(), TypeReader()
    for part, net in (("find", finder), ("read", reader)):
        net.load_state_dict(torch.load(folder / f"{part}-{block}.pt", weights_only=True)["average"])
        net.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch leaves it out
    return finder, reader


def emptied(slices: LabelledSlices, rows: NDArray[np.int64]) -> list[NDArray[np.float32]]:
    """Slices whose tumour was taken out."""
    rng: Random = np.random.default_rng(0)
    images = [slices.images[row].astype(np.float32) for row in rows]
    boxes = slices.boxes[rows]
    return [fill_tumour(one, box, find_head(one).square.x, rng) for one, box in zip(images, boxes, strict=True)]


def fit_calibration(answers: Answers, empty: Answers, slices: LabelledSlices, rows: NDArray[np.int64]) -> Calibration:
    """From answers to the rows of the slices and to some whose tumour was taken out.

    The types weigh alike. Where nothing was found there is nothing to calibrate.
    """
    types = slices.types[rows]
    found = answers.scores > 0
    counts = np.bincount(types, minlength=NONE)
    temperature = fit_temperature(answers.logits[found], types[found], 1 / counts[types[found]])
    score = np.concatenate([answers.scores, empty.scores])
    right = np.concatenate([answers.on(slices.boxes[rows]), np.zeros(len(empty.scores), bool)])
    draft = Calibration(temperature, *fit_presence(score, right), UNCALIBRATED.low, UNCALIBRATED.high)
    probability = draft.types(answers.logits[found])
    hit = probability.argmax(1) == types[found]
    low, high = fit_interval(probability.max(1), hit, runs(slices)[rows][found], slices.blocks[rows][found])
    return Calibration(temperature, draft.slope, draft.offset, low, high)


def runs(slices: LabelledSlices) -> NDArray[np.int64]:
    """[n] a number for each run of 12 consecutive numbers of a type: about a patient."""
    return np.asarray(slices.types * 100_000 + slices.numbers // GAP)


def reference_features(net: TypeReader, slices: LabelledSlices) -> NDArray[np.float32]:
    """[2, n, d]: of the slices as they are, and of mildly altered copies."""
    rng: Random = np.random.default_rng(0)
    out: list[list[NDArray[np.float32]]] = []
    for image in slices.images:
        view = head_view(image)
        out.append(list(gate_features(net, torch.stack([view, mild_copy(view, rng)]))))
    return np.array(out).transpose(1, 0, 2)


def fit_gate(features: NDArray[np.float32], slices: LabelledSlices, left_out: int | None) -> InputGate:
    """Reference from all blocks but one; its limits from each of those blocks held against the others."""
    far = []
    blocks = [block for block in range(BLOCKS) if block != left_out]
    for block in blocks:
        train, tested = slices.split(block)
        others = train[slices.blocks[train] != left_out] if left_out is not None else train
        gate = fit_reference(np.concatenate(list(features[:, others])))
        far.append(gate.raw_distances(np.concatenate(list(features[:, tested]))))
    rows = slices.split(left_out)[0]
    gate = fit_reference(np.concatenate(list(features[:, rows])))
    return InputGate(gate.mean, gate.scale, gate.components, gate.spread, gate.reference, limits(np.concatenate(far)))
