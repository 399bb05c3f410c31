"""What networks of the brain tumour type answered to slices that they were not trained on, calibrated and resampled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plugins.diagnose_brain_tumour.calibration import Calibration
from plugins.diagnose_brain_tumour.diagnosis import PRESENT, SURE, TumourDiagnosis, iou
from plugins.diagnose_brain_tumour.fit_calibration import (
    EVERY,
    UNCALIBRATED,
    Answers,
    emptied,
    fit_calibration,
    read_nets,
    runs,
)
from plugins.diagnose_brain_tumour.samples.labelled_slices import LabelledSlices
from tests.benchmarks import tumour_cases

CHANCE = 1 / 3
DRAWS = 1000
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Judged:
    """Answers to some slices beside the truth; where nothing was found types are even and `answer` is none (-1)."""

    rows: Rows
    truth: Rows
    answers: Answers
    calibration: Calibration
    on: NDArray[np.bool_]
    overlap: NDArray[np.float64]

    @property
    def types(self) -> NDArray[np.float64]:
        return np.where(self.answers.scores[:, None] > 0, self.calibration.types(self.answers.logits), CHANCE)

    @property
    def answer(self) -> Rows:
        return np.where(self.answers.scores > 0, self.types.argmax(1), -1)

    @property
    def sure(self) -> NDArray[np.bool_]:
        return (self.calibration.presence(self.answers.scores) >= PRESENT) & (self.types.max(1) >= SURE)

    def balanced_accuracy(self, places: Rows) -> float:
        return float(np.mean([self.recall(kind, places) for kind in range(3)]))

    def recall(self, kind: int, places: Rows) -> float:
        asked = places[self.truth[places] == kind]
        return float((self.answer[asked] == kind).mean())


class Study:
    """All that was answered, each block by networks that were trained without it and calibrated on the other blocks.

    One block alone stays uncalibrated.
    """

    def __init__(self, slices: LabelledSlices, folder: Path, blocks: list[int]) -> None:
        self.slices, self.folder, self.blocks = slices, folder, blocks
        self._true = {block: self._kept(block, "true", self._images(block)) for block in blocks}
        self._empty = {block: self._kept(block, "empty", self._emptied(block)) for block in blocks}
        self.judged = [self._judge(block, self.rows(block), self._true[block]) for block in blocks]

    def rows(self, block: int) -> Rows:
        return self.slices.split(block)[1]

    def probed(self, name: str) -> list[Judged]:
        """Answers to altered slices of every block."""
        return [self._judge(block, *self._probe(name, block)) for block in self.blocks]

    def bootstrap(self, statistic: Callable[[list[Rows]], float]) -> tuple[float, float]:
        """95 % over runs of consecutive numbers: `statistic` gets places in each block, with repetition."""
        rng, names = np.random.default_rng(0), runs(self.slices)
        groups = [
            [
                [np.flatnonzero(names[one.rows] == run) for run in np.unique(names[one.rows][one.truth == kind])]
                for kind in range(3)
            ]
            for one in self.judged
        ]
        values = []
        for _ in range(DRAWS):
            picks = [[kind[n] for kind in group for n in rng.integers(len(kind), size=len(kind))] for group in groups]
            values.append(statistic([np.concatenate(one) for one in picks]))
        low, high = np.percentile(values, (2.5, 97.5))
        return round(float(low), 3), round(float(high), 3)

    def _judge(self, block: int, rows: Rows, answers: Answers) -> Judged:
        boxes = self.slices.boxes[rows]
        overlap = np.array([iou(a, b) for a, b in zip(answers.boxes, boxes, strict=True)])
        return Judged(rows, self.slices.types[rows], answers, self._calibration(block), answers.on(boxes), overlap)

    def _calibration(self, block: int) -> Calibration:
        others = [other for other in self.blocks if other != block]
        if not others:
            return UNCALIBRATED
        true, empty = (Answers.joined(part[other] for other in others) for part in (self._true, self._empty))
        return fit_calibration(true, empty, self.slices, np.concatenate([self.rows(other) for other in others]))

    def _images(self, block: int) -> Callable[[], list[Any]]:
        return lambda: list(self.slices.images[self.rows(block)])

    def _emptied(self, block: int) -> Callable[[], list[Any]]:
        return lambda: emptied(self.slices, self.rows(block)[::EVERY])

    def _probe(self, name: str, block: int) -> tuple[Rows, Answers]:
        rows, slices = self.rows(block)[::EVERY], self.slices
        alter = tumour_cases.PROBES[name]
        made = lambda: [alter(slices.images[row].astype(np.float32), slices.boxes[row]) for row in rows]  # noqa: E731
        return rows, self._kept(block, name, made)

    def _kept(self, block: int, name: str, images: Callable[[], list[Any]]) -> Answers:
        """From the file, if it is newer than the networks."""
        path = self.folder / f"{name.replace(' ', '-')}-{block}.npz"
        sources = [self.folder / f"{part}-{block}.pt" for part in ("find", "read")]
        if not path.exists() or path.stat().st_mtime < max(one.stat().st_mtime for one in sources):
            diagnosis = TumourDiagnosis(*read_nets(self.folder, block), UNCALIBRATED)
            np.savez(path, **vars(Answers.of(diagnosis, images())))
        with np.load(path) as file:
            return Answers(file["boxes"], file["scores"], file["logits"])
