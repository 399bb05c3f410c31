"""The rows of the study browser: what is written on a patient, a study, a series and an image."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from viewer.data.printable_text import printable
from viewer.ui.widgets import text_format

if TYPE_CHECKING:
    from viewer.data.study import Image, LabelFile, Source

Kind = Literal["root", "patient", "study", "series", "image"]


@dataclass(eq=False)
class Node:
    """One row. order: its place among its siblings; text: what the filter looks through, lower case."""

    kind: Kind
    order: tuple[Any, ...] = ()
    parent: Node | None = None
    title: str = ""
    facts: str = ""
    details: str = ""
    text: str = ""
    image: Image | None = None
    labels: LabelFile | None = None
    children: list[Node] = field(default_factory=list)

    @property
    def row(self) -> int:
        """Its place among its parent's children."""
        return bisect_left(self.parent.children, self.order, key=order_of) if self.parent else 0

    @property
    def images(self) -> list[Image]:
        """The images at and below this row."""
        own = [self.image] if self.image else []
        return own + [image for child in self.children for image in child.images]

    @property
    def label_files(self) -> list[LabelFile]:
        """The files of segments at and below this row."""
        own = [self.labels] if self.labels else []
        return own + [labels for child in self.children for labels in child.label_files]

    @property
    def sources(self) -> list[Source]:
        """Of all that is at and below this row."""
        return [image.source for image in self.images] + [labels.source for labels in self.label_files]

    @property
    def upward(self) -> list[Node]:
        """The row itself and those above it, without the root."""
        return [self, *self.parent.upward] if self.parent else []


def order_of(node: Node) -> tuple[Any, ...]:
    """What rows of one parent are sorted by."""
    return node.order


def patient_node(source: Source) -> Node:
    """The row of a patient; of image files where there is none."""
    source = source.shown
    if not source.patient_id and not source.patient_name:
        return Node("patient", (1, "", ""), title="No patient named" if source.dicom else "Image files")
    name = text_format.person(source.patient_name)
    born = f"born {text_format.date(source.patient_birth_date)}" if source.patient_birth_date else ""
    facts = " · ".join(part for part in (source.patient_id, born, source.patient_sex) if part)
    order = (0, name.casefold(), source.patient_id)
    return Node("patient", order, title=name or source.patient_id, facts=facts, details=facts)


def study_node(source: Source) -> Node:
    """The row of a study, the newest first; of the folder where files belong to none."""
    source = source.shown
    if not source.dicom and not source.study_uid:
        folder = str(Path(source.files[0]).parent) if source.files else ""
        title, place = printable(Path(folder).name), printable(folder)
        return Node("study", (0, "", folder), title=title or place, details=place)
    when = text_format.date(source.study_date)
    title = " · ".join(part for part in (when, source.study_description) if part) or "Study without a date"
    # The newest study first.
    day = -int(source.study_date) if source.study_date.isdigit() else 0
    order = (day, source.study_time, source.study_uid)
    return Node("study", order, title=title, details=text_format.clock(source.study_time))


def describe_labels(node: Node, labels: LabelFile) -> None:
    """Write the row of a file of segments."""
    node.labels, source = labels, labels.source.shown
    node.title = numbered(source, source.series_description)
    node.facts, node.details = source.modality, text_format.count(labels.count, "segment")
    node.text = _looked_through(source, node.title)


def numbered(source: Source, name: str) -> str:
    """A series' name after its number, where it has one."""
    return f"{source.series_number} · {name}" if source.series_number else name


def _looked_through(source: Source, title: str) -> str:
    """What the filter looks through."""
    words = (source.patient_name.replace("^", " "), source.patient_id, text_format.date(source.study_date))
    more = (source.study_date, source.study_description, title, source.modality, source.body_part)
    paths = (Path(source.files[0]).name,) if source.files and not source.dicom else ()
    return " ".join((*words, *more, source.accession_number, *paths)).lower()


def describe_series(node: Node, images: list[Image]) -> None:
    """Write the row of a series as it is known now."""
    source = images[0].source.shown
    node.title = numbered(source, source.series_description or printable(images[0].name) or source.modality)
    node.image = images[0] if len(images) == 1 else None
    if node.image:
        describe_image(node, node.image, "", title=node.title)
    else:
        node.facts = f"{source.modality} · {text_format.count(len(images), 'image')}"
        node.details = ""
    node.text = _looked_through(source, node.title)


def describe_image(node: Node, image: Image, text: str, title: str = "") -> None:
    """Write the row of one image."""
    node.image = image
    node.title = title or printable(image.name) or f"Image {node.row + 1}"
    node.facts = f"{image.source.shown.modality} · {text_format.extent(image)}"
    slices, rows, columns = image.grid.shape
    matrix = f" · {columns} × {rows}" if slices > 1 else ""
    node.details = f"{text_format.spacing(image.grid, 2)}{matrix}"
    node.text = f"{text} {node.title}".lower()


def tooltip(node: Node) -> str:
    """Everything the row has no room for, the warnings in full."""
    lines = [node.title, node.facts, node.details]
    if node.image:
        image = node.image
        lines += [
            f"{text_format.size(image.bytes)} · {image.dtype}{' · ' + printable(image.unit) if image.unit else ''}"
        ]
        lines += [f"⚠ {warning}" for warning in image.warnings]
    return "\n".join(line for line in lines if line)


def accessible(node: Node) -> str:
    """What a screen reader says."""
    marks = badges(node.image) if node.image else ()
    return ", ".join(part for part in (node.title, node.facts, node.details, *marks) if part)


def badges(image: Image) -> tuple[str, ...]:
    """The short marks of an image's row."""
    time = ("4-D",) if image.timepoints > 1 else ()
    return (*time, *image.badges)
