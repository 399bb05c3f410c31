"""Structured reports of TID 1500 "Measurement Report" (PS3.16) as findings: this program's own and those of others.

What DICOM has no place for (checks of the input, the interval of a probability, the run) is in a private element of
own reports, which is believed only in the very file that was written, and only where it says what the content says.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import pydicom
from pydicom import uid
from pydicom.errors import BytesLengthException, InvalidDicomError

from viewer.data.printable_text import keep_printable
from viewer.io.archive import read_small
from viewer.io.dicom.attributes.texts import decode_texts
from viewer.io.dicom.export.derived_series import CREATOR
from viewer.io.dicom.export.object_header import object_source
from viewer.io.dicom.sr.content_items import children, chosen, code_in, contents, name_of, reference_of, text_of
from viewer.io.dicom.sr.read_group import Author, GroupReader
from viewer.io.errors import OpenError, refuse_damage
from viewer.io.work_item import keep_alive
from viewer.scene.findings.finding_list import FindingEntry
from viewer.scene.journal.serialization import restore_finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pydicom.dataset import Dataset

    from viewer.data.annotations.finding import Finding
    from viewer.data.study import Source
    from viewer.data.transform import ImageReference
    from viewer.io.dicom.sr.content_items import Contents
    from viewer.scene.findings.finding_list import ReadingOrder

UTF8 = "ISO_IR 192"
OWN_REPORT = 0x03  # the element in the private block (0071,xx) of CREATOR
MOST_BYTES = 64 << 20
MOST_FINDINGS = 2_000
CLASSES = {
    uid.EnhancedSRStorage: "Enhanced SR",
    uid.ComprehensiveSRStorage: "Comprehensive SR",
    uid.Comprehensive3DSRStorage: "Comprehensive 3D SR",
    uid.ExtensibleSRStorage: "Extensible SR",
}
MEASUREMENTS, GROUP, PERSON = "DCM 126010", "DCM 125007", "DCM 121008"
OBSERVER, DEVICE = "DCM 121005", "121007"

LARGE = f"It is larger than {MOST_BYTES >> 20} MB: a report of findings is not so long."
NO_REPORT = "It is a DICOM file, but no structured report of measurements: choose one of modality SR."
OTHER_TEMPLATE = "It is a structured report of another kind ({title}): only measurement reports (TID 1500) are read."
NO_GROUP = "It is a measurement report without a single finding: there is nothing to list."
NO_IMAGE = "It refers to no image, so that nothing in it has a place: have it written with its references."
TOO_MANY = f"It has more than {MOST_FINDINGS:,} findings, which are no list to read: have it split."
DAMAGED = "Its report is incomplete or damaged: a part of its header or content is missing or wrong."
CHANGED = (
    "Another program has changed it: what only Tomolens writes into a report (checks, intervals, runs) is left out."
)
SEGMENTS = "{count} of its regions are segments in a file of their own: open that, too, to see them."
UNREAD = "{count} of its figures and places are no numbers, and were left out."
UNPLACED = "{count} of its places are not in the space or the slices of an image that is open, and were left out."


@dataclass(frozen=True, eq=False)
class ReportFile:
    """What a report says.

    entries: without an image (""); those of an own report name the layer that they had. image: which of the images that
    were asked about it is of, -1 for none. source: whose it is. instances: that it refers to. title: who wrote it and
    when. verified_by: who answers for it, "" for nobody. notes: what a person should know, a sentence each.
    """

    entries: tuple[FindingEntry, ...]
    image: int
    source: Source
    instances: frozenset[str]
    title: str
    verified_by: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        keep_printable(self, "title", "verified_by", "notes")


def read_report(path: Path, images: Sequence[ImageReference] = ()) -> ReportFile:
    """The findings in a report. images: what it may be of: places in pixels need them. Raises OpenError; OSError."""
    data = read_small(str(path), MOST_BYTES, LARGE)
    with refuse_damage(DAMAGED, BytesLengthException):
        try:
            ds = pydicom.dcmread(BytesIO(data))
        except InvalidDicomError as error:
            raise OpenError("It is no DICOM file: choose a structured report (modality SR).") from error
        if ds.get("SOPClassUID") not in CLASSES:
            raise OpenError(NO_REPORT)
        return _report(ds if ds.get("SpecificCharacterSet") == UTF8 else decode_texts(ds), images)


def _report(ds: Dataset, images: Sequence[ImageReference]) -> ReportFile:
    groups = _groups(ds)
    instances = _instances(ds, groups)
    if not instances:
        raise OpenError(NO_IMAGE)
    source = object_source(ds)
    image = _image_of(instances, source, images)
    verified = _verified_by(ds)
    author = _author(ds, verified)
    reader = GroupReader(author, images[image] if image >= 0 else None)
    read = [_read_group(reader, group, n) for n, group in enumerate(groups)]
    run = str(ds.SOPInstanceUID)
    entries = tuple(
        FindingEntry("", one, None, run, author.title, reading, f"{run}/{n}") for n, (one, reading) in enumerate(read)
    )
    notes = [CHANGED] if _has_record(ds) else []
    if (own := _own_entries(ds, entries)) is not None:
        entries, notes = own, []
    notes += [SEGMENTS.format(count=reader.segments)] * (reader.segments > 0)
    notes += [UNPLACED.format(count=reader.unplaced)] * (reader.unplaced > 0)
    notes += [UNREAD.format(count=reader.unread)] * (reader.unread > 0)
    return ReportFile(entries, image, source, instances, author.title, verified, tuple(notes))


def _read_group(reader: GroupReader, group: Contents, number: int) -> tuple[Finding, ReadingOrder]:
    keep_alive()  # thousands of them take long, and none hangs
    return reader.finding(group, number)


def _groups(ds: Dataset) -> list[Contents]:
    """The measurement groups. Raises OpenError where it is no measurement report, has no group, or too many."""
    templates = [str(one.get("TemplateIdentifier", "")) for one in ds.get("ContentTemplateSequence") or ()]
    containers = list(children(ds, "CONTAINER", MEASUREMENTS))
    if not containers and "1500" not in templates:
        raise OpenError(OTHER_TEMPLATE.format(title=name_of(ds)[2] or "without a title"))
    groups = [group for one in containers for group in children(one, "CONTAINER", GROUP)]
    if not groups:
        raise OpenError(NO_GROUP)
    if len(groups) > MOST_FINDINGS:
        raise OpenError(TOO_MANY)
    return [contents(group) for group in groups]


def _instances(ds: Dataset, groups: list[Contents]) -> frozenset[str]:
    """Every instance that it refers to: as evidence, and in its groups."""
    named = _evidence(ds)
    shown = [reference_of(one) for group in groups for one in chosen(group, "IMAGE")]
    return frozenset((*named, *(one.instance for one in shown if one is not None and one.instance)))


def _evidence(ds: Dataset) -> Iterator[str]:
    """Instances in the evidence sequences (PS3.3 C.17.2.3)."""
    names = ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence")
    studies = [study for name in names for study in ds.get(name) or ()]
    for series in (one for study in studies for one in study.get("ReferencedSeriesSequence") or ()):
        yield from (str(one.get("ReferencedSOPInstanceUID", "")) for one in series.get("ReferencedSOPSequence") or ())


def _image_of(instances: frozenset[str], source: Source, images: Sequence[ImageReference]) -> int:
    """The first image that it refers to, of nobody else; -1 for none."""
    mine = (
        n
        for n, image in enumerate(images)
        if instances & set(image.source.sop_instance_uids) and image.source.patient_match(source) != "different"
    )
    return next(mine, -1)


def _verified_by(ds: Dataset) -> str:
    observers = ds.get("VerifyingObserverSequence") or ()
    names = [str(one.get("VerifyingObserverName", "")).rstrip("^") for one in observers]
    return names[0] if names and ds.get("VerificationFlag") == "VERIFIED" else ""


def _author(ds: Dataset, verified: str) -> Author:
    """Who wrote it: person, equipment and date."""
    alone = not any(code_in(one, "ConceptCodeSequence")[1] == DEVICE for one in children(ds, "CODE", OBSERVER))
    person = next((text_of(one).rstrip("^") for one in children(ds, "PNAME", PERSON)), "")
    maker = str(ds.get("Manufacturer") or ds.get("ManufacturerModelName") or "") or "an unnamed program"
    date = str(ds.get("ContentDate") or "")
    day = f", {date[:4]}-{date[4:6]}-{date[6:8]}" if len(date) == 8 else ""
    return Author(f"Report of {person or maker}{day}", person, verified, str(ds.SOPInstanceUID), alone)


def _has_record(ds: Dataset) -> bool:
    return CREATOR in ds.private_creators(0x0071)


def _own_entries(ds: Dataset, said: tuple[FindingEntry, ...]) -> tuple[FindingEntry, ...] | None:
    """What this program wrote about the very file, where the content says the same; None else."""
    try:
        record = json.loads(ds.private_block(0x0071, CREATOR)[OWN_REPORT].value)
        if record["instance"] != ds.SOPInstanceUID:
            return None
        own = tuple(restore_finding(one) for one in record["entries"])
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError):
        return None
    same = len(own) == len(said) and all(
        one.finding and other.finding and _agree(one.finding, other.finding)
        for one, other in zip(own, said, strict=True)
    )
    return own if same else None


def _agree(own: Finding, said: Finding) -> bool:
    """Whether a finding of the record is the one that the content tells."""
    sure = [one.probability.value if one.probability else -1.0 for one in (own, said)]
    figures = [[(one.name[:2], one.value, one.unit) for one in finding.measurements] for finding in (own, said)]
    return (
        own.statement.code[:2] == said.statement.code[:2]
        and own.tracking_uid == said.tracking_uid
        and own.state == said.state
        and abs(sure[0] - sure[1]) < 1e-9
        and figures[0] == figures[1]
    )
