"""Whose an image is, and which series it belongs to, where the files' identifiers contradict each other or are missing.

A series is what one Series Instance UID names (PS3.3 C.7.3.1), of one patient and one study (C.7.1.1, C.7.2.1).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from viewer.data.notice import Notice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.io.dicom.attributes.values import Values
    from viewer.io.dicom.headers.header import Header

SERIES_UID, STUDY_UID, NAME = 0x0020000E, 0x0020000D, 0x00100010
PATIENT = (0x00100020, 0x00100021, NAME, 0x00100030, 0x00100040)  # id, its issuer, name, birth date, sex
# What stands for a Series Instance UID that is empty, or another one for every slice: study, series, what they hold.
FAMILY = (STUDY_UID, 0x00080020, 0x00080030, 0x00080050, 0x00200011, 0x0008103E, 0x00080060, 0x00080016)
NO_SERIES_UID = Notice(
    "no-series-uid",
    "The files tell no Series Instance UID; they are grouped by patient, study, series number and geometry.",
)
UID_PER_SLICE = Notice(
    "series-uid-per-slice",
    "Every slice has a Series Instance UID of its own; they are one image by study, series number and geometry.",
)


def series_key(header: Header) -> str:
    """What its files are collected under: the Series Instance UID, or the family where it is empty."""
    return header.values.text(SERIES_UID) or family_key(header)


def family_key(header: Header) -> str:
    """The same for files that may be one series whatever their Series Instance UIDs say."""
    values = header.values
    known = values.text(PATIENT[0]) or values.text(STUDY_UID)
    folder = "" if known else os.path.dirname(header.path)
    return "|".join(("family", *(values.text(tag) for tag in (*PATIENT, *FAMILY)), folder))


def split_by_identity(headers: Sequence[Header]) -> tuple[list[list[Header]], tuple[Notice, ...]]:
    """Headers of one series parted by patient and study, and what must be said where there are several.

    What a header does not tell contradicts nothing; one that fits several patients stays by itself.
    """
    told: dict[tuple[str, ...], list[Header]] = {}
    for header in headers:
        told.setdefault(_identity(header.values), []).append(header)
    identities: list[tuple[str, ...]] = []
    members: list[list[Header]] = []
    for identity in sorted(told, key=lambda texts: (texts.count(""), texts)):
        fitting = [n for n, known in enumerate(identities) if _agree(known, identity)]
        if len(fitting) == 1:
            identities[fitting[0]] = tuple(a or b for a, b in zip(identities[fitting[0]], identity, strict=True))
            members[fitting[0]] += told[identity]
        else:
            identities.append(identity)
            members.append(list(told[identity]))
    return members, _notices(identities)


def _notices(identities: list[tuple[str, ...]]) -> tuple[Notice, ...]:
    patients, studies = len({identity[1:] for identity in identities}), len({identity[0] for identity in identities})
    notices = []
    if patients > 1:
        sentence = (
            f"One Series Instance UID holds images of {patients} patients: each is an image of its own. "
            "Check how the files were exported or de-identified."
        )
        notices.append(Notice("several-patients", sentence, f"one of {patients} patients"))
    if studies > 1:
        sentence = f"One Series Instance UID holds images of {studies} studies: each is an image of its own."
        notices.append(Notice("several-studies", sentence, f"one of {studies} studies"))
    return tuple(notices)


def _identity(values: Values) -> tuple[str, ...]:
    """Study, then patient; the groups of the name (alphabetic, ideographic, phonetic) each for itself."""
    groups = [group.rstrip("^ ").casefold() for group in values.text(NAME).split("=")]
    name = (*groups[:3], *[""] * (3 - len(groups)))
    return (values.text(STUDY_UID), *(values.text(tag) for tag in PATIENT if tag != NAME), *name)


def _agree(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return all(a == b or not a or not b for a, b in zip(one, other, strict=True))
