"""The ways a document can change. Each can be done, undone, and written to the journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from viewer.data.printable_text import keep_printable
from viewer.data.transform import Transform
from viewer.scene.document import Document
from viewer.scene.landmarks import LandmarkPair
from viewer.scene.layer import Layer, Review, VolumeLayer


class Edit(Protocol):
    """A change of the document that can be taken back."""

    @property
    def label(self) -> str:
        """What the undo menu says ("Add CT chest")."""

    @property
    def size(self) -> int:
        """Bytes that it keeps alive."""

    def do(self, document: Document) -> None:
        """Make the change."""

    def undo(self, document: Document) -> None:
        """Take it back."""

    def merge(self, later: Edit) -> Edit | None:
        """One edit in place of this and the one after it, or None where they stay two."""


class _PlainEdit:
    """An edit that never merges and keeps nothing large."""

    size = 0

    def merge(self, later: Edit) -> Edit | None:
        """None: it stays a step of its own."""
        return None


@dataclass(frozen=True, eq=False)
class AddLayer(_PlainEdit):
    """Put a layer on top, or at `index` from the bottom."""

    layer: Layer
    index: int | None = None

    @property
    def label(self) -> str:
        """For the undo menu: "Add" and the layer's name."""
        return f"Add {self.layer.name}"

    @property
    def size(self) -> int:  # type: ignore[override]
        """Bytes of the layer's arrays."""
        return self.layer.bytes

    def do(self, document: Document) -> None:
        """Insert the layer."""
        document.insert(len(document) if self.index is None else self.index, self.layer)

    def undo(self, document: Document) -> None:
        """Remove the layer."""
        document.remove(self.layer.id)


@dataclass(frozen=True, eq=False)
class RemoveLayer(_PlainEdit):
    """Take a layer away; `index` is the place it had, for the way back."""

    layer: Layer
    index: int

    @property
    def label(self) -> str:
        """For the undo menu: "Remove" and the layer's name."""
        return f"Remove {self.layer.name}"

    @property
    def size(self) -> int:  # type: ignore[override]
        """Bytes of the layer's arrays."""
        return self.layer.bytes

    def do(self, document: Document) -> None:
        """Remove the layer."""
        document.remove(self.layer.id)

    def undo(self, document: Document) -> None:
        """Insert the layer where it was."""
        document.insert(self.index, self.layer)


@dataclass(frozen=True, eq=False)
class MoveLayer(_PlainEdit):
    """Change the order: from place `before` to place `after`, counted from the bottom."""

    layer: Layer
    before: int
    after: int

    @property
    def label(self) -> str:
        """For the undo menu: "Move", the layer's name, and the direction."""
        return f"Move {self.layer.name} {'up' if self.after > self.before else 'down'}"

    def do(self, document: Document) -> None:
        """Move the layer to place `after`."""
        document.move(self.layer.id, self.after)

    def undo(self, document: Document) -> None:
        """Move the layer back to place `before`."""
        document.move(self.layer.id, self.before)


@dataclass(frozen=True, eq=False)
class RenameLayer(_PlainEdit):
    """Give a layer another name."""

    layer: Layer
    before: str
    after: str

    def __post_init__(self) -> None:
        keep_printable(self, "after")

    @property
    def label(self) -> str:
        """For the undo menu: "Rename" and the name that the layer had."""
        return f"Rename {self.before}"

    def do(self, document: Document) -> None:
        """Give the layer the name `after`."""
        self.layer.name = self.after

    def undo(self, document: Document) -> None:
        """Give the layer the name `before`."""
        self.layer.name = self.before

    def merge(self, later: Edit) -> Edit | None:
        """One step where the same layer is renamed once more."""
        if isinstance(later, RenameLayer) and later.layer is self.layer:
            return RenameLayer(self.layer, self.before, later.after)
        return None


@dataclass(frozen=True, eq=False)
class ReviewLayer(_PlainEdit):
    """Accept or reject a result, or take that back."""

    layer: Layer
    before: Review
    after: Review

    @property
    def label(self) -> str:
        """For the undo menu: "Accept", "Reject" or "Reopen", and the layer's name."""
        verb = {"accepted": "Accept", "rejected": "Reject"}.get(self.after, "Reopen")
        return f"{verb} {self.layer.name}"

    def do(self, document: Document) -> None:
        """Put the layer into the state `after`."""
        self.layer.review = self.after

    def undo(self, document: Document) -> None:
        """Put the layer into the state `before`."""
        self.layer.review = self.before


@dataclass(frozen=True, eq=False)
class AlignLayer(_PlainEdit):
    """Place an image by another transform, or sign off the one it has. gesture: edits of one gesture merge."""

    layer: VolumeLayer
    before: Transform | None
    after: Transform | None
    gesture: str = ""

    @property
    def label(self) -> str:
        """For the undo menu: "Align" and the image's name."""
        return f"Align {self.layer.name}"

    @property
    def size(self) -> int:  # type: ignore[override]
        """Bytes of both displacement fields."""
        ends = {id(end): end for end in (self.before, self.after) if end is not None}
        return sum(end.displacement.nbytes for end in ends.values() if end.displacement is not None)

    def do(self, document: Document) -> None:
        """Place the image by the transform `after`."""
        self.layer.transform = self.after

    def undo(self, document: Document) -> None:
        """Place the image by the transform `before`."""
        self.layer.transform = self.before

    def merge(self, later: Edit) -> Edit | None:
        """One step where the same gesture moves the same image on."""
        if not isinstance(later, AlignLayer) or later.layer is not self.layer:
            return None
        alike = bool(self.gesture) and later.gesture == self.gesture
        return AlignLayer(self.layer, self.before, later.after, self.gesture) if alike else None


@dataclass(frozen=True, eq=False)
class ChangeLandmark(_PlainEdit):
    """Set a pair of landmarks (before is None), move or rename it, or take it away (after is None).

    index: its place in the list, for the way back. gesture: edits of one gesture merge.
    """

    before: LandmarkPair | None
    after: LandmarkPair | None
    index: int
    gesture: str = ""

    @property
    def id(self) -> str:
        """The id of the pair."""
        pair = self.after or self.before
        return pair.id if pair else ""

    @property
    def label(self) -> str:
        """For the undo menu: what is done, and the pair's name."""
        if self.before is None or self.after is None:
            pair = self.before or self.after
            return f"{'Remove' if self.before else 'Add'} landmark {pair.name if pair else ''}"
        return f"{'Move' if self.before.name == self.after.name else 'Rename'} landmark {self.before.name}"

    def do(self, document: Document) -> None:
        """Set, change or remove the pair."""
        self._change(document, self.before, self.after)

    def undo(self, document: Document) -> None:
        """Remove the pair, or put it back as it was."""
        self._change(document, self.after, self.before)

    def merge(self, later: Edit) -> Edit | None:
        """One step where the same gesture moves the pair on."""
        if not isinstance(later, ChangeLandmark) or not self.gesture or later.gesture != self.gesture:
            return None
        return ChangeLandmark(self.before, later.after, self.index, self.gesture)

    def _change(self, document: Document, old: LandmarkPair | None, new: LandmarkPair | None) -> None:
        if new is not None:
            document.landmarks.put(new, self.index)
        elif old is not None:
            document.landmarks.remove(old.id)


@dataclass(frozen=True, eq=False)
class CompositeEdit(_PlainEdit):
    """Several edits as one step of the history (a result and its difference image)."""

    label: str
    edits: tuple[Edit, ...]

    @property
    def size(self) -> int:  # type: ignore[override]
        """Bytes that its edits keep alive together."""
        return sum(edit.size for edit in self.edits)

    def do(self, document: Document) -> None:
        """Make every change, in order."""
        for edit in self.edits:
            edit.do(document)

    def undo(self, document: Document) -> None:
        """Take every change back, the last one first."""
        for edit in reversed(self.edits):
            edit.undo(document)
