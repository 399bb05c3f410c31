"""Named undo and redo within a budget of bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from psygnal import Signal

from viewer.scene.document import Document
from viewer.scene.edits import Edit

Step = Literal["do", "undo", "redo"]


class History:
    """Every change of a document goes through here. `record` is told before the change is made (the journal).

    budget: bytes that undone and undoable edits may keep alive; the oldest are forgotten first, never the latest.
    """

    changed = Signal()

    def __init__(
        self, document: Document, *, budget: int = 2 << 30, record: Callable[[Step, Edit], None] | None = None
    ) -> None:
        self.document = document
        self.budget = budget
        self._record = record or (lambda step, edit: None)
        self._done: list[Edit] = []
        self._undone: list[Edit] = []
        self._waiting: list[Edit] | None = None

    @property
    def undo_labels(self) -> tuple[str, ...]:
        """What can be undone, the latest first."""
        return tuple(edit.label for edit in reversed(self._done))

    @property
    def redo_labels(self) -> tuple[str, ...]:
        """What can be redone, the next first."""
        return tuple(edit.label for edit in reversed(self._undone))

    @property
    def size(self) -> int:
        """Bytes kept alive."""
        return sum(edit.size for edit in (*self._done, *self._undone))

    @contextmanager
    def hold_steps(self) -> Iterator[None]:
        """Let steps wait until the end, but those that are done `again`: an earlier session's come back first."""
        self._waiting = []
        try:
            yield
        finally:
            waiting, self._waiting = self._waiting, None
            for edit in waiting:
                self.do(edit)

    def do(self, edit: Edit, *, again: bool = False) -> None:
        """Record, make and remember a change. What was undone before can no longer be redone."""
        if self._waiting is not None and not again:
            self._waiting.append(edit)
            return
        self._record("do", edit)
        edit.do(self.document)
        self._undone.clear()
        merged = self._done[-1].merge(edit) if self._done else None
        if merged:
            self._done[-1] = merged
        else:
            self._done.append(edit)
        while self.size > self.budget and len(self._done) > 1:
            self._done.pop(0)
        self.changed.emit()

    def undo(self, *, again: bool = False) -> None:
        """Take the latest change back; nothing where there is none."""
        if self._done and (self._waiting is None or again):
            self._record("undo", self._done[-1])
            edit = self._done.pop()
            edit.undo(self.document)
            self._undone.append(edit)
            self.changed.emit()

    def redo(self, *, again: bool = False) -> None:
        """Make the change again that was undone last; nothing where there is none."""
        if self._undone and (self._waiting is None or again):
            self._record("redo", self._undone[-1])
            edit = self._undone.pop()
            edit.do(self.document)
            self._done.append(edit)
            self.changed.emit()

    def forget(self) -> None:
        """Forget every step: what was done stays done, and nothing can be redone."""
        self._done.clear()
        self._undone.clear()
        self.changed.emit()
