"""Review of findings, one by one: accepted, edited, rejected with a reason, removed, or added by a person."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from viewer.data.annotations.finding import Finding
from viewer.data.box import label_box
from viewer.scene.edits import CompositeEdit, Edit
from viewer.scene.findings.edits import add_findings, change_finding, remove_findings
from viewer.scene.findings.finding_list import FindingEntry
from viewer.scene.segmentation_layer import SegmentationLayer
from viewer.session.review.structure_review import acceptance, rejection

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.compute.labels.lesions import Lesion
    from viewer.data.annotations.finding import FindingState, Statement
    from viewer.data.annotations.region import Point
    from viewer.data.arrays import ProgressCallback
    from viewer.data.segmentation import Key
    from viewer.scene.document import Document
    from viewer.scene.history import History
    from viewer.scene.layer import VolumeLayer
    from viewer.scene.task import Task
    from viewer.session.background import Background
    from viewer.session.review.audit_trail import AuditTrail
    from viewer.session.tasks import Tasks


@dataclass(eq=False)
class FindingReview:
    """Each verdict is one step of the history. trail: says who decides; that is written into the finding.

    Where a finding's region is a segment, that is accepted and rejected in the same step.
    """

    history: History
    background: Background
    tasks: Tasks
    trail: AuditTrail

    def accept(self, entry: FindingEntry) -> None:
        """Accept a finding as it is. Raises ValueError, one sentence, where its region was rejected or is gone."""
        if entry.finding is not None and not entry.finding.decided:
            after = replace(entry.finding, state="accepted", reader=self.trail.reader)
            self._decide(entry, f"Accept {entry.name}", after, acceptance)

    def reject(self, entry: FindingEntry, reason: str) -> None:
        """Reject a finding: it stays in the list with the reason; the voxels of its segment go.

        Raises ValueError, one sentence, without a reason, and where its segment is locked.
        """
        if not reason.strip():
            raise ValueError("A finding is rejected with a reason: choose or write one.")
        if entry.finding is not None and entry.finding.state != "rejected":
            after = replace(entry.finding, state="rejected", reason=reason.strip(), reader=self.trail.reader)
            self._decide(entry, f"Reject {entry.name}", after, rejection)

    def restate(self, entry: FindingEntry, statement: Statement) -> None:
        """Say something else of the place; the probability was of what the model said, so it goes."""
        if entry.finding is not None and entry.finding.statement != statement:
            after = replace(self._edited(entry.finding), statement=statement, probability=None)
            self.history.do(change_finding(self._document, f"Edit {entry.name}", entry, after))

    def add(self, image: VolumeLayer, place: Point, statement: Statement) -> FindingEntry:
        """Add what a person found at a place of the world (LPS mm)."""
        taken = {one.name for one in self._document.findings}
        names = (f"{statement.english} {number}" for number in range(1, len(taken) + 2))
        name = next(one for one in names if one not in taken)
        point, reader = image.own_place(place), self.trail.reader
        finding = Finding(statement, point=point, tracking_id=name, state="manual", reader=reader)
        entry = FindingEntry(image.id, finding)
        self.history.do(add_findings(self._document, f"Add {name}", (entry,)))
        return entry

    def remove(self, entry: FindingEntry) -> None:
        """Take an entry out of the list; its region stays."""
        self.history.do(remove_findings(self._document, f"Remove {entry.name}", (entry,)))

    def remove_run(self, run: str) -> None:
        """Take out all that one run brought, whatever was decided on it; what persons found stays."""
        entries = [one for one in self._document.findings if run and one.run == run]
        if entries:
            self.history.do(remove_findings(self._document, f"Remove findings of {entries[0].title}", entries))

    def measure_again(self, entry: FindingEntry) -> Task:
        """Measure a finding's region as it is now: it is "edited" then, by the reader. In the background."""
        finding, layer = entry.finding, segment_layer(self._document, entry)
        key = finding.segment.key if finding and finding.segment else (0, 0)
        generation = layer.generation if layer else -1

        def call(tell: ProgressCallback) -> Lesion:
            found = measured_region(layer, key) if layer else None
            if found is None:
                raise ValueError(f"{entry.name} has no voxels any more: reject it, or undo what took them.")
            return found

        def done(found: Lesion) -> None:
            if layer is None or layer.generation != generation or self._document.findings.find(entry.id) != entry:
                self.background.post(partial(self.tasks.fail, task, f"{entry.name} was changed meanwhile: try again."))
                return
            self._measured(entry, found)

        task = self.background.ask(f"Measure {entry.name}", call, done)
        return task

    @property
    def _document(self) -> Document:
        return self.history.document

    def _measured(self, entry: FindingEntry, found: Lesion) -> None:
        finding = entry.finding
        if finding is None or finding.segment is None:
            return
        codes = {one.name[:2]: one for one in found.measurements}
        kept = [one for one in finding.measurements if one.name[:2] not in codes]
        after = replace(
            self._edited(finding),
            measurements=(*codes.values(), *kept),
            point=found.place,
            segment=replace(finding.segment, checksum=found.checksum),
        )
        self.history.do(change_finding(self._document, f"Measure {entry.name}", entry, after))

    def _edited(self, finding: Finding) -> Finding:
        """What a person found stays "manual" when it is edited."""
        state: FindingState = "manual" if finding.state == "manual" else "edited"
        return replace(finding, state=state, reason="", reader=self.trail.reader)

    def _decide(
        self,
        entry: FindingEntry,
        label: str,
        after: Finding,
        verdict: Callable[[SegmentationLayer, Key, str], Edit | None],
    ) -> None:
        """One step: the finding, and its segment where it has one that is still there."""
        layer, edits = segment_layer(self._document, entry), list[Edit]()
        key = after.segment.key if after.segment else None
        segment = layer.segmentation.segment(key) if layer and key else None
        if layer and key and segment and segment.review != "source" and segment.review != "rejected":
            edit = verdict(layer, key, self.trail.reader)
            edits += [edit] if edit is not None else []
        change = change_finding(self._document, label, entry, after)
        self.history.do(CompositeEdit(label, (change, *edits)) if edits else change)


def segment_layer(document: Document, entry: FindingEntry) -> SegmentationLayer | None:
    """The layer that holds a finding's region; None where it has none, or that is not open."""
    region = entry.finding.segment if entry.finding else None
    layer = document.find(region.segmentation) if region else None
    return layer if isinstance(layer, SegmentationLayer) else None


def measured_region(layer: SegmentationLayer, key: Key) -> Lesion | None:
    """A segment's voxels, measured as they are; None without any. Takes some time: not for the main thread."""
    from viewer.compute.labels.lesions import measure_lesion

    if key[0] >= len(layer.segmentation.maps):
        return None
    labels = layer.segmentation.maps[key[0]]
    box = label_box(labels, key[1])
    return None if box is None else measure_lesion(labels[box] == key[1], box, layer.grid)


def changed_regions(layer: SegmentationLayer, entries: tuple[FindingEntry, ...]) -> frozenset[str]:
    """Ids of the findings whose region in a layer is no longer what was measured. Not for the main thread."""
    from viewer.data.annotations.packed_mask import mask_checksum
    from viewer.data.box import label_boxes

    boxes = [label_boxes(labels) for labels in layer.segmentation.maps]
    changed = set()
    for entry in entries:
        region = entry.finding.segment if entry.finding else None
        if region is None:
            continue
        map, label = region.key
        box = boxes[map].get(label) if map < len(boxes) else None
        mask = layer.segmentation.maps[map][box] == label if box is not None else None
        now = mask_checksum(mask, [side.start for side in box]) if box is not None and mask is not None else 0
        changed |= {entry.id} if now != region.checksum else set()
    return frozenset(changed)
