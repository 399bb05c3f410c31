"""What a segment is and how far its review came, in DICOM: the same for segmentations and structure sets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast, get_args

from pydicom.sr.coding import Code as DicomCode

from viewer.data.segmentation import Code, Segment, Side, State
from viewer.data.terminology import SIDES
from viewer.io.dicom.export.source_attributes import code_sequence_item

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

UNKNOWN: Code = ("SCT", "85756007", "Tissue")  # what a segment without a code is said to be
REVIEW = re.compile(r"Review: ([a-z ]+?)(?: \((.*?)\))?\.(?: (.*))?", re.DOTALL)


def code_item(code: Code) -> Dataset:
    """An item of a code sequence (PS3.3 8.8)."""
    scheme, value, meaning = code
    item = code_sequence_item(DicomCode(value[:16], scheme[:16], meaning[:64]))
    if len(value) > 16:
        del item.CodeValue
        item.LongCodeValue = value
    return item


def code_of(item: Dataset) -> Code | None:
    """The scheme, value and meaning in an item of a code sequence; None where scheme or value is missing."""
    value = str(item.get("CodeValue", "") or item.get("LongCodeValue", "") or "")
    scheme, meaning = str(item.get("CodingSchemeDesignator", "")), str(item.get("CodeMeaning", ""))
    return (scheme, value, meaning) if value and scheme else None


def property_type(segment: Segment) -> Dataset:
    """An item of the Segmented Property Type Code Sequence: what the segment is, with its side as the modifier."""
    item = code_item(segment.code or UNKNOWN)
    if segment.side:
        item.SegmentedPropertyTypeModifierCodeSequence = [code_item(SIDES[segment.side])]
    return item


def side_of(item: Dataset) -> Side:
    """The side that a property type's modifiers tell."""
    modifiers = {(code_of(one) or ("", ""))[:2] for one in item.get("SegmentedPropertyTypeModifierCodeSequence") or ()}
    return next((side for side, code in SIDES.items() if code[:2] in modifiers), "")


def review_text(segment: Segment) -> str:
    """State, reader and remark, in words."""
    state = f"{segment.state}{f' ({segment.reader})' if segment.reader else ''}"
    return f"Review: {state}. {segment.remark}".strip()[:1024]


def review_of(text: str) -> tuple[State, str, str] | None:
    """State, reader and remark of such words; None of others."""
    match = REVIEW.fullmatch(text)
    if match is None or match[1] not in get_args(State):
        return None
    return cast("State", match[1]), match[2] or "", match[3] or ""
