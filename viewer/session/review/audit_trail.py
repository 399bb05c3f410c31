"""Keeps the audit trail: hears of every review decision, whichever way it was made, and writes it down at once."""

from __future__ import annotations

import getpass
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from psygnal import Signal

from viewer.io.reports import audit_log
from viewer.scene.layer import Layer, VolumeLayer
from viewer.scene.segmentation_layer import SegmentationLayer
from viewer.settings import state_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from viewer.data.segmentation import Key, Segment
    from viewer.scene.document import Document

NAME = "audit.jsonl"


class AuditTrail:
    """path: of the trail: a task list's own while one is open. reader: who decides. case: id of the case that is open.

    warn: gets one sentence where the disk refuses. added: a decision was written down, or another trail is kept.
    """

    added = Signal()

    def __init__(self, document: Document, warn: Callable[[str], None]) -> None:
        self._document, self._warn = document, warn
        self.reader = _login()
        self.case = ""
        self.path = state_folder() / NAME
        self._followed: WeakKeyDictionary[Layer, dict[Key, Segment]] = WeakKeyDictionary()
        document.inserted.connect(self._follow)

    def move_to(self, folder: Path | None) -> None:
        """Write to the trail in that folder from now on; without one to the user's own."""
        self.path, self.case = (folder or state_folder()) / NAME, ""
        self.added.emit()

    def note(self, what: str, reader: str = "", **facts: Any) -> None:
        """Write a decision down."""
        case = {"case": self.case} if self.case else {}
        try:
            audit_log.append(self.path, reader or self.reader, what, **case, **facts)
        except OSError as error:
            self._warn(f"The audit trail cannot be written ({error.strerror}): check {self.path.parent}.")
        self.added.emit()

    def _follow(self, _: int, layer: Layer) -> None:
        if layer in self._followed or layer not in tuple(self._document):
            return  # it is back by undo, or a preview
        self._followed[layer] = _segments(layer)
        layer.events.review.connect(partial(self._reviewed, layer))
        if isinstance(layer, SegmentationLayer):
            layer.events.segmentation.connect(partial(self._changed, layer))

    def _reviewed(self, layer: Layer, *_: object) -> None:
        made = None
        if isinstance(layer, SegmentationLayer):
            made = layer.segmentation.provenance
        elif isinstance(layer, VolumeLayer):
            made = layer.volumes[0].provenance
        self.note("result", made_by=made.plugin if made else "", verdict=layer.review)

    def _changed(self, layer: SegmentationLayer, *_: object) -> None:
        before, now = self._followed[layer], _segments(layer)
        self._followed[layer] = now
        for key, segment in now.items():
            if key in before and before[key].state != segment.state:
                self.note("segment", segment.reader, segment=segment.name, state=segment.state)
            if key in before and before[key].review != segment.review:
                self.note("structure", segment=segment.name, verdict=segment.review)


def _segments(layer: Layer) -> dict[Key, Segment]:
    found = layer.segmentation.segments if isinstance(layer, SegmentationLayer) else ()
    return {segment.key: segment for segment in found}


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # nobody is named
        return ""
