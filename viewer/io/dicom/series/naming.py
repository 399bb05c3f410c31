"""Whose an image is and what it is called."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from pydicom.uid import UID

from viewer.data.grid import PLANES
from viewer.data.study import Image, Source
from viewer.io.dicom.headers.pixel_format import NATIVE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.io.dicom.headers.header import Frame, Header

MAX_TEXT = 256  # letters of one identifying text; the standard allows 64 for most


def source_of(members: Sequence[Header]) -> Source:
    """The identity of an image, from the headers it is made of in slice order."""
    values = members[0].values

    def text(tag: int) -> str:
        return values.text(tag)[:MAX_TEXT]

    return Source(
        patient_id=text(0x00100020),
        patient_name=text(0x00100010),
        patient_birth_date=text(0x00100030),
        patient_sex=text(0x00100040),
        study_uid=text(0x0020000D),
        study_date=text(0x00080020),
        study_time=text(0x00080030),
        study_description=text(0x00081030),
        study_id=text(0x00200010),
        accession_number=text(0x00080050),
        series_uid=text(0x0020000E),
        series_number=int(values.number(0x00200011) or 0),
        series_description=text(0x0008103E),
        modality=text(0x00080060) or "OT",
        body_part=text(0x00180015),
        contrast_agent=text(0x00180010),
        view_position=text(0x00185101),
        photometric=text(0x00280004),
        burned_in=text(0x00280301),
        manufacturer=text(0x00080070),
        files=tuple(header.path for header in members),
        sop_instance_uids=tuple(header.values.text(0x00080018) for header in members),
        dicom=True,
    )


def image_name(header: Header) -> str:
    """The series' description, or its number."""
    values = header.values
    return (
        values.text(0x0008103E)[:MAX_TEXT]
        or f"{values.text(0x00080060) or 'Image'} {int(values.number(0x00200011) or 0)}"
    )


def facets_of(image: Image, frame: Frame, common: frozenset[str], label: str) -> tuple[str, ...]:
    """What may tell an image from the others of its series, in words; `common`: image types they all have."""
    plane = "" if frame.position is None else PLANES[image.grid.plane_axes.index(0)]
    slices, rows, columns = image.grid.shape
    return (
        *(f"oblique {plane}" if plane and image.grid.oblique else plane, label),
        " ".join(kind for kind in frame.kind if kind and kind not in common),
        *(frame.unit, f"{columns}×{rows}", _compression_name(image.transfer_syntax), f"{slices} slices"),
    )


def _compression_name(syntax: str) -> str:
    """A transfer syntax in short ("JPEG Lossless"); "" where nothing is compressed."""
    return "" if syntax in NATIVE else UID(syntax).name.split(",")[0].replace(" Image Compression", "")


def name_apart(images: Sequence[Image], facets: Sequence[tuple[str, ...]]) -> list[Image]:
    """The images of one series with different names: its name and the facets that differ, a number where none does."""
    columns = [column for column in zip(*facets, strict=True) if len(set(column)) > 1]
    names = [image.name for image in images]
    for column in columns:
        shared = Counter(names)
        names = [
            f"{name}, {word}" if shared[name] > 1 and word else name for name, word in zip(names, column, strict=True)
        ]
    repeated, seen = Counter(names), Counter[str]()
    out = []
    for image, name in zip(images, names, strict=True):
        seen[name] += 1
        out.append(replace(image, name=f"{name} ({seen[name]})" if repeated[name] > 1 else name))
    return out
