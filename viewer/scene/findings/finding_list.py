"""The findings of a document, and the runs that refused their input. They change by Edits (ChangeFindings) only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal
from uuid import uuid4

from psygnal import Signal

from viewer.data.annotations.finding import Finding, FindingAlgorithm, InputRefusal
from viewer.data.printable_text import keep_printable

ReadingOrder = Literal["at once", "after own look"]
READING_ORDERS: tuple[ReadingOrder, ...] = ("at once", "after own look")
Reviewed = Literal["unreviewed", "accepted", "edited", "rejected", "manual", "refused"]

# What a reader sees of a finding that an algorithm made, by whether a trained model had a part in it.
UNREVIEWED = {True: "AI, not reviewed", False: "processed, not reviewed"}


@dataclass(frozen=True)
class FindingEntry:
    """A finding, or that an input was refused, as a document has it: one of the two.

    image: id of the layer that it is about. run: of the run that brought it, title: of its plugin; both "" for what a
    person found. reading: whether the reader looked without it first. Raises ValueError where it is both or neither.
    """

    image: str
    finding: Finding | None = None
    refusal: InputRefusal | None = None
    run: str = ""
    title: str = ""
    reading: ReadingOrder = "at once"
    id: str = field(default_factory=lambda: uuid4().hex)

    def __post_init__(self) -> None:
        keep_printable(self, "title")
        if (self.finding is None) == (self.refusal is None):
            raise ValueError("an entry is a finding or a refusal.")

    @property
    def algorithm(self) -> FindingAlgorithm | None:
        """What made it; None for what a person found."""
        said = self.finding or self.refusal
        return said.algorithm if said else None

    @property
    def name(self) -> str:
        """What it is called in lists and edits."""
        return self.finding.name if self.finding else f"{self.title}: refused"

    @property
    def state(self) -> Reviewed:
        """What a reader made of it."""
        return self.finding.state if self.finding else "refused"

    @property
    def mark(self) -> str:
        """What must stand beside it on the screen and in every export; "" once a reader has decided."""
        if self.finding is None or self.finding.decided:
            return ""
        return UNREVIEWED[self.algorithm is not None and self.algorithm.learned]

    @property
    def review_rank(self) -> tuple[int, bool, float, float]:
        """What lists are sorted by: refusals first, then as Finding.review_rank."""
        return (1, *self.finding.review_rank) if self.finding else (0, False, 0.0, 0.0)


@dataclass(frozen=True)
class FindingChange:
    """An entry that comes (before is None), becomes another, or goes (after is None). index: its place in the list."""

    before: FindingEntry | None
    after: FindingEntry | None
    index: int

    @property
    def reverse(self) -> FindingChange:
        """The way back."""
        return FindingChange(self.after, self.before, self.index)


class FindingList:
    """All entries of a document, in the order they came. saved: those of the project that was opened or saved last."""

    changed = Signal()

    def __init__(self) -> None:
        self._entries: list[FindingEntry] = []
        self.saved: tuple[FindingEntry, ...] = ()

    def __iter__(self) -> Iterator[FindingEntry]:
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def unsaved(self) -> bool:
        """Whether something would be lost with this list."""
        return bool(self._entries) and tuple(self) != self.saved

    def find(self, entry_id: str) -> FindingEntry | None:
        """The entry of that id, or None."""
        return next((one for one in self._entries if one.id == entry_id), None)

    def index(self, entry_id: str) -> int:
        """Its place in the list. Raises KeyError."""
        for place in reversed(range(len(self._entries))):  # many go from the end
            if self._entries[place].id == entry_id:
                return place
        raise KeyError(entry_id)

    # Called by edits only.
    def apply(self, changes: Iterable[FindingChange]) -> None:
        """Make changes, one after the other, and tell of them once."""
        for change in changes:
            if change.before is not None:
                place = self.index(change.before.id)
                self._entries[place : place + 1] = [change.after] if change.after else []
            elif change.after is not None:
                self._entries.insert(change.index, change.after)
        self.changed.emit()
