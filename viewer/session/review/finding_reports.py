"""Reports of findings to files (DICOM SR, HTML) and from files (DICOM SR of this program and of others)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from viewer.data.transform import ImageReference
from viewer.io import requests
from viewer.scene.findings.edits import add_findings
from viewer.scene.findings.finding_report import FindingReport, report_of
from viewer.scene.segmentation_layer import SegmentationLayer
from viewer.scene.task import Message, Task

if TYPE_CHECKING:  # pydicom and highdicom come with it: not before the window is there
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from viewer.data.segmentation import Segmentation
    from viewer.io.dicom.sr.read_report import ReportFile
    from viewer.io.dicom.sr.report_files import ReportPaths
    from viewer.io.reader.reader import Reader
    from viewer.scene.document import Document
    from viewer.scene.findings.finding_list import FindingEntry
    from viewer.scene.findings.finding_report import Language
    from viewer.scene.history import History
    from viewer.scene.layer import VolumeLayer
    from viewer.session.review.audit_trail import AuditTrail
    from viewer.session.tasks import Messages, Tasks

UNSHOWN = "the images that it is about are not open: open them, then open it again."
KNOWN = "All findings of {} are in the list already."


@dataclass(eq=False)
class FindingReports:
    """Files are written and read by the reader's processes. trail: says who reports, and notes what is signed."""

    history: History
    reader: Reader
    trail: AuditTrail
    tasks: Tasks
    messages: Messages

    def report(
        self,
        entries: Iterable[FindingEntry] | None = None,
        *,
        signed: bool = False,
        unreviewed: bool = False,
        language: Language = "en",
    ) -> FindingReport:
        """What would be reported of some entries, of all by default. Raises ValueError, one sentence: see report_of."""
        chosen = tuple(self._document.findings) if entries is None else entries
        return report_of(
            self._document, chosen, self.trail.reader, signed=signed, unreviewed=unreviewed, language=language
        )

    def save(
        self,
        report: FindingReport,
        target: Path,
        *,
        key_images: Mapping[str, bytes] | None = None,
        overwrite: bool = False,
    ) -> Task:
        """Write a report: a page where the name ends in .html, else DICOM with regions and key images beside it.

        key_images: PNG of square pictures for the page, by the ids of entries. "Saved" is said only after it was read
        back and compared; the file of a page is replaced, as that of any table.
        """
        task = self.tasks.add("save", f"Save {target.name}")
        task.begin()
        failed = partial(self.tasks.fail, task)

        def done(saved: ReportPaths | None) -> None:
            task.end("done")
            self.note_saved(report)
            beside = [one.name for one in (*saved.regions, saved.key_images) if one is not None] if saved else []
            more = f" Beside it: {', '.join(beside)}." if beside else ""
            self.messages.add(Message(f"Saved and verified: {target.name}.{more}"))

        if target.suffix.lower() == ".html":
            page = (report, target, dict(key_images or {}))
            running = self.reader.call(requests.save_finding_page, *page, done=done, failed=failed)
        else:
            files = (report, target, self._regions(report), overwrite)
            running = self.reader.call(requests.save_finding_report, *files, done=done, failed=failed)
        task.stop_with(running.cancel)
        return task

    def note_saved(self, report: FindingReport) -> None:
        """A line of the audit trail, for every form that a report is written in."""
        self.trail.note("report", report.reader, signed=report.signed, findings=len(report.findings))

    def open(self, path: Path) -> Task:
        """Add the findings of a structured report to the list, as one step; those that are there stay as they are."""
        task = self.tasks.add("load", f"Open {path.name}")
        task.begin()
        layers = self._document.volume_layers
        running = self.reader.call(
            requests.read_finding_report,
            path,
            [ImageReference(layer.grid, layer.source) for layer in layers],
            done=lambda found: self._add(task, path.name, found, layers),
            failed=partial(self.tasks.fail, task),
        )
        task.stop_with(running.cancel)
        return task

    @property
    def _document(self) -> Document:
        return self.history.document

    def _add(self, task: Task, name: str, found: ReportFile, layers: tuple[VolumeLayer, ...]) -> None:
        if not task.running:
            return
        image = layers[found.image] if found.image >= 0 else None
        if image is None or image not in self._document.volume_layers:
            self.tasks.fail(task, f"{name}: {UNSHOWN}")
            return
        new = [replace(one, image=image.id) for one in found.entries if self._document.findings.find(one.id) is None]
        if new:
            self.history.do(add_findings(self._document, f"Open {name}", new))
        else:
            self.messages.add(Message(KNOWN.format(name)))
        task.end("done")
        for sentence in found.notes:
            self.messages.warn(f"{name}: {sentence}")

    def _regions(self, report: FindingReport) -> dict[str, Segmentation]:
        """The segmentations that findings refer to, as they are now: strokes go on meanwhile."""
        regions = {}
        for name in {one.segment.segmentation: None for one in report.findings if one.segment}:
            layer = self._document.find(name)
            if isinstance(layer, SegmentationLayer):
                first, *others = (array.copy() for array in layer.segmentation.maps)
                regions[name] = replace(layer.segmentation, array=first, overlapping=tuple(others))
        return regions
