"""Codes of structured reports that pydicom's dictionary has not, and codes of findings as such reports hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highdicom.sr import CodedConcept
from pydicom.sr.codedict import codes

if TYPE_CHECKING:
    from pydicom.sr.coding import Code

    from viewer.data.annotations.finding import FindingState
    from viewer.scene.findings.finding_list import ReadingOrder

OWN = "99TOMOLENS"  # the scheme of what no standard has a code for; each with its meaning
MOST_MEANING, MOST_SCHEME = 64, 16  # characters, PS3.5 6.2 (LO, SH)
MOST_TEXT = 1024

REVIEW_STATE = ("review-state", "Review state")
STATES: dict[FindingState, str] = {
    "unreviewed": "not-reviewed",
    "accepted": "accepted",
    "edited": "edited",
    "rejected": "rejected",
    "manual": "added-by-hand",
}
READING_ORDER = ("reading-order", "Reading order")
READINGS: dict[ReadingOrder, str] = {"at once": "at-once", "after own look": "after-own-look"}

PROCEDURES: dict[str, Code] = {
    "CT": codes.LN.CTUnspecifiedBodyRegion,
    "MR": codes.LN.MRIUnspecifiedBodyRegion,
    "PT": codes.LN.PETUnspecifiedBodyRegion,
    "NM": codes.LN.NMUnspecifiedBodyRegion,
    **dict.fromkeys(("CR", "DX", "RF", "XA"), codes.LN.XRUnspecifiedBodyRegion),
}
IMAGING = CodedConcept("363679005", "SCT", "Imaging procedure")


def coded(code: tuple[str, str, str], meaning: str = "") -> CodedConcept:
    """A code (scheme, value, meaning), its meaning in another language where one is given."""
    scheme, value, text = code
    return CodedConcept(value, scheme[:MOST_SCHEME], (meaning or text)[:MOST_MEANING])


def own_code(value: str, meaning: str) -> CodedConcept:
    """A code of the program's own scheme."""
    return coded((OWN, value, meaning))
