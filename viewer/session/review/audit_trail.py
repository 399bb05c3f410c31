"""Keeps the audit trail: hears of every review decision, whichever way it was made, and writes it down at once."""

from __future__ import annotations

import getpass
from collections import Counter
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
    from viewer.scene.findings.finding_list import FindingEntry

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
        self._findings: dict[str, FindingEntry] = {}
        document.inserted.connect(self._follow)
        document.findings.changed.connect(self._findings_changed)

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

    def _findings_changed(self) -> None:
        """What came and went, a line a run, and each finding that is judged otherwise by now, also by undo and redo."""
        before, self._findings = self._findings, {one.id: one for one in self._document.findings}
        came = [one for id, one in self._findings.items() if id not in before]
        gone = [one for id, one in before.items() if id not in self._findings]
        for entries, verdict in ((came, "unreviewed"), (gone, "removed")):
            for title, count in Counter(one.title for one in entries if one.run).items():
                self.note("findings", made_by=title, count=count, verdict=verdict)
        changed = [one for id, one in self._findings.items() if id in before and before[id] != one]
        for entry in (*(one for one in came if not one.run), *changed):
            self._note_finding(entry, entry.state)
        for entry in (one for one in gone if not one.run):
            self._note_finding(entry, "removed")

    def _note_finding(self, entry: FindingEntry, verdict: str) -> None:
        said, algorithm = entry.finding, entry.algorithm
        facts = {"statement": said.statement.english, "tracking": said.tracking_uid} if said else {}
        facts |= {"made_by": f"{algorithm.name} {algorithm.version}"} if algorithm else {}
        facts |= {"reason": said.reason} if said and said.reason else {}
        self.note("finding", said.reader if said else "", finding=entry.name, verdict=verdict, **facts)


def _segments(layer: Layer) -> dict[Key, Segment]:
    found = layer.segmentation.segments if isinstance(layer, SegmentationLayer) else ()
    return {segment.key: segment for segment in found}


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # nobody is named
        return ""
