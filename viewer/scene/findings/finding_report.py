"""What is reported of one image: its findings that nobody rejected, who reports them, and whether that was signed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations
from typing import Literal

from viewer.data.annotations.finding import Finding
from viewer.data.printable_text import keep_printable
from viewer.data.transform import ImageReference
from viewer.scene.document import Document
from viewer.scene.findings.finding_list import FindingEntry
from viewer.scene.layer import VolumeLayer

Language = Literal["en", "zh"]

TWO_PATIENTS = "These findings are of images of two patients: report each patient's on their own."
SEVERAL_IMAGES = "These findings are of several images: report those of one image at a time."
NOTHING = "There is nothing to report: review the findings first, or ask for those that nobody reviewed, too."
GONE = "The image of {name} is not open: open it, then report its findings."
NAMELESS = "A report is signed by a named reader: say who you are, then sign it."
UNDECIDED = "{name} is not reviewed: accept, edit or reject it, then sign the report."
REJECTED = "{name} was rejected: that stands in the audit trail and not in a report."


@dataclass(frozen=True, eq=False)
class FindingReport:
    """Findings of one image, and the refusals of runs on it, in the order of the list.

    name: what the image is called. reader: who reports, "" where nobody is named. signed: by that reader, who answers
    for it; it is final then. created: ISO 8601 with zone. Raises ValueError, one sentence, for what may be no report:
    a rejected finding, a signature without a name, one under what nobody reviewed, nothing at all.
    """

    image: ImageReference
    name: str
    entries: tuple[FindingEntry, ...]
    reader: str = ""
    signed: bool = False
    language: Language = "en"
    created: str = field(default_factory=lambda: datetime.now().astimezone().isoformat(timespec="seconds"))

    def __post_init__(self) -> None:
        keep_printable(self, "name", "reader")
        if not self.entries:
            raise ValueError(NOTHING)
        if len({one.image for one in self.entries}) > 1:
            raise ValueError(SEVERAL_IMAGES)
        for entry in self.entries:
            if entry.state == "rejected":
                raise ValueError(REJECTED.format(name=entry.name))
            if self.signed and entry.mark:
                raise ValueError(UNDECIDED.format(name=entry.name))
        if self.signed and not self.reader.strip():
            raise ValueError(NAMELESS)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Without the refusals."""
        return tuple(one.finding for one in self.entries if one.finding is not None)


def reported(entries: Iterable[FindingEntry], *, unreviewed: bool) -> tuple[FindingEntry, ...]:
    """Those that a report holds: never what was rejected; what nobody reviewed only where it is asked for."""
    return tuple(one for one in entries if one.state != "rejected" and (unreviewed or not one.mark))


def report_of(
    document: Document,
    entries: Iterable[FindingEntry],
    reader: str = "",
    *,
    signed: bool = False,
    unreviewed: bool = False,
    language: Language = "en",
) -> FindingReport:
    """The report of entries of a document, which are of one image. unreviewed: with those that nobody reviewed.

    Raises ValueError, one sentence: see FindingReport; also for findings of two patients or of several images, and of
    an image that is not open.
    """
    chosen = tuple(entries)
    layers = {one.image: _image_of(document, one) for one in chosen}
    for one, other in combinations(layers.values(), 2):
        if one.source.patient_match(other.source) == "different":
            raise ValueError(TWO_PATIENTS)
    if len(layers) > 1:
        raise ValueError(SEVERAL_IMAGES)
    if not layers:
        raise ValueError(NOTHING)
    (image,) = layers.values()
    return FindingReport(
        ImageReference(image.grid, image.source),
        image.name,
        reported(chosen, unreviewed=unreviewed),
        reader,
        signed,
        language,
    )


def _image_of(document: Document, entry: FindingEntry) -> VolumeLayer:
    layer = document.find(entry.image)
    if not isinstance(layer, VolumeLayer):
        raise ValueError(GONE.format(name=entry.name))
    return layer
