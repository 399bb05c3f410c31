"""A list of cases to be read one after the other: how far each is, who read it, and how long that took."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from psygnal import Signal

from viewer.data.printable_text import keep_printable
from viewer.data.segmentation import State

DECIDED: tuple[State, ...] = ("completed", "flagged", "rejected")  # a reader has said what becomes of the case
PAUSE = 60.0  # seconds without input after which nobody is taken to be reading


@dataclass(frozen=True)
class Case:
    """An image and its segmentation, "" where there is none yet: paths seen from the list's folder.

    seconds: spent on it. saved: name of the file in the list's output folder that holds what was made of it; given: of
    the one that holds what a model, or the list, gave before. layer: id of the layer that showed it last: what comes
    back of a killed session is known by it. doubt: lowest predicted Dice of its structures; None where that is not
    known. dices: of each structure, by name, what was given against what was saved.
    """

    id: str
    image: str
    segmentation: str = ""
    state: State = "not started"
    reader: str = ""
    remark: str = ""
    seconds: float = 0.0
    saved: str = ""
    layer: str = ""
    given: str = ""
    doubt: float | None = None
    dices: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        keep_printable(self, "reader", "remark")

    @property
    def dice(self) -> float | None:
        """The mean over its structures; None without any."""
        return sum(dice for _, dice in self.dices) / len(self.dices) if self.dices else None

    @property
    def decided(self) -> bool:
        """True where a reader has decided on it."""
        return self.state in DECIDED


class Worklist:
    """Cases to be read one after the other. root: the folder that paths are seen from. seed: of the blinded order.

    output: the folder of what is made. missing: cases of an earlier day that the list no longer names; they are kept.
    saved_sha256: of the file that holds what became of the cases, as it was read or written last; "" before there is
    one. changed: a case, or the order.
    """

    changed = Signal()

    def __init__(
        self,
        title: str,
        root: Path,
        output: Path,
        cases: tuple[Case, ...],
        *,
        seed: int = 0,
        blinded: bool = False,
        missing: tuple[Case, ...] = (),
        saved_sha256: str = "",
    ) -> None:
        self.title, self.root, self.output = title, root, output
        self.seed, self.missing, self.saved_sha256 = seed, missing, saved_sha256
        self._cases = {case.id: case for case in cases}
        self._blinded = blinded
        self._by_doubt = False
        self._arrange()

    @property
    def cases(self) -> tuple[Case, ...]:
        """The cases in the order of the list."""
        return tuple(self._cases.values())

    @property
    def blinded(self) -> bool:
        """Shuffled by the seed, and no name shown."""
        return self._blinded

    @blinded.setter
    def blinded(self, on: bool) -> None:
        self._blinded = on
        self._arrange()
        self.changed.emit()

    @property
    def by_doubt(self) -> bool:
        """The most doubtful cases first, those of which nothing is known last."""
        return self._by_doubt

    @by_doubt.setter
    def by_doubt(self, on: bool) -> None:
        self._by_doubt = on
        self.changed.emit()

    @property
    def order(self) -> tuple[str, ...]:
        """Ids in the order of reading: the list's, or one by the seed alone, the same at every start; or by doubt."""
        if not self._by_doubt:
            return tuple(self._places)
        doubts = {case_id: self._cases[case_id].doubt for case_id in self._places}
        return tuple(sorted(doubts, key=lambda case_id: 2.0 if (told := doubts[case_id]) is None else told))

    @property
    def decided(self) -> int:
        """How many cases a reader has decided on."""
        return sum(case.decided for case in self._cases.values())

    def case(self, case_id: str) -> Case:
        """The case of that id. Raises KeyError."""
        return self._cases[case_id]

    def name(self, case_id: str) -> str:
        """What a reader is shown: nothing of the case itself where the list is blinded."""
        return f"Case {self._places[case_id] + 1}" if self._blinded else case_id

    def change(self, case_id: str, **fields: Any) -> Case:
        """Give a case another state, remark, reader …; the case as it is now. Raises KeyError."""
        now = replace(self._cases[case_id], **fields)
        if now != self._cases[case_id]:
            self._cases[case_id] = now
            self.changed.emit()
        return now

    def next(self, case_id: str | None, step: int) -> str | None:
        """The next case in the order (step 1) or the one before (-1) that is not decided; without one its neighbour.

        None at the end. From no case: the first that is not decided.
        """
        order = self.order
        if case_id is None:
            return next((one for one in order if not self.case(one).decided), order[0] if order else None)
        place = order.index(case_id)
        ahead = order[place + 1 :] if step > 0 else order[:place][::-1]
        return next((one for one in ahead if not self.case(one).decided), ahead[0] if ahead else None)

    def _arrange(self) -> None:
        ids = list(self._cases)
        if self._blinded:
            random.Random(self.seed).shuffle(ids)
        self._places = {case_id: place for place, case_id in enumerate(ids)}


class ReadingTimer:
    """Time of reading: what lies between two inputs, of a longer rest the first minute.

    now: a clock. seconds: since they were taken last.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._last = now, now()
        self.seconds = 0.0

    def touch(self) -> None:
        """Note an input."""
        now = self._now()
        self.seconds += min(now - self._last, PAUSE)
        self._last = now

    def take_seconds(self) -> float:
        """The seconds of reading since this was asked last."""
        self.touch()
        taken, self.seconds = self.seconds, 0.0
        return taken
