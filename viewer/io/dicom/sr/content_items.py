"""Content items of a structured report as plain values (PS3.3 C.17.3), whatever a foreign file put into them.

Nothing here goes deeper than it is asked to: how deep a file nests its items does not matter.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydicom.dataset import Dataset

    from viewer.data.arrays import Floats

MOST_TEXT = 1024  # characters of a text or a meaning that are read
MOST_POINTS = 100_000  # of one outline

Code = tuple[str, str, str]  # scheme, value, meaning
NO_CODE: Code = ("", "", "")


class Reference(NamedTuple):
    """What an IMAGE item refers to. frame, segment: 0 where it names none."""

    sop_class: str
    instance: str
    frame: int
    segment: int


class Content(NamedTuple):
    """An item: its value type, the scheme and value of its concept name ("DCM 121071"), and what it says."""

    kind: str
    name: str
    item: Dataset


Contents = tuple[Content, ...]


def contents(item: Dataset) -> Contents:
    """The items right below one. Looked at once: to ask pydicom again for each question takes most of the time."""
    below = item.get("ContentSequence") or ()
    return tuple(Content(str(one.get("ValueType", "")), " ".join(name_of(one)[:2]), one) for one in below)


def chosen(items: Iterable[Content], kind: str, *names: str) -> Iterator[Dataset]:
    """Those of a value type ("" for any), and of those names where any are given."""
    return (one.item for one in items if kind in ("", one.kind) and (not names or one.name in names))


def children(item: Dataset, kind: str, *names: str) -> Iterator[Dataset]:
    """The same of the items right below one."""
    return chosen(contents(item), kind, *names)


def name_of(item: Dataset) -> Code:
    """The code of its concept name; of empty texts without one."""
    return code_in(item, "ConceptNameCodeSequence")


def code_in(item: Dataset, sequence: str) -> Code:
    """The first code of a sequence; a meaning that is missing is the value."""
    codes = item.get(sequence) or ()
    if not codes:
        return NO_CODE
    one = codes[0]
    value = str(one.get("CodeValue") or one.get("LongCodeValue") or one.get("URNCodeValue") or "")
    scheme, meaning = str(one.get("CodingSchemeDesignator") or ""), str(one.get("CodeMeaning") or "")
    return scheme[:MOST_TEXT], value[:MOST_TEXT], (meaning or value)[:MOST_TEXT]


def text_of(item: Dataset | None) -> str:
    """What a TEXT, PNAME or UIDREF item says; "" without one."""
    said = (item.get(name) for name in ("TextValue", "PersonName", "UID")) if item is not None else ()
    return next((str(one)[:MOST_TEXT] for one in said if one), "")


def number_of(item: Dataset) -> tuple[float, str] | None:
    """Value and unit (UCUM) of a NUM item; None where it has none that is a number."""
    values = item.get("MeasuredValueSequence") or ()
    if not values:
        return None
    one = values[0]
    try:
        told = one.get("FloatingPointValue")
        value = float(one.NumericValue if told is None else told)
    except (AttributeError, TypeError, ValueError, OverflowError):
        return None
    return (value, code_in(one, "MeasurementUnitsCodeSequence")[1] or "1") if math.isfinite(value) else None


def points_of(item: Dataset, size: int) -> Floats | None:
    """The coordinates [n, size] of an SCOORD (2: column, row) or SCOORD3D item (3: LPS mm); None where damaged."""
    try:
        flat = np.array(item.GraphicData, dtype=np.float64).ravel()
    except (AttributeError, TypeError, ValueError, OverflowError):
        return None
    whole = 0 < len(flat) <= MOST_POINTS * size and len(flat) % size == 0 and bool(np.isfinite(flat).all())
    return flat.reshape(-1, size) if whole else None


def reference_of(item: Dataset) -> Reference | None:
    """What an IMAGE item refers to; None where it does not say."""
    images = item.get("ReferencedSOPSequence") or ()
    if not images:
        return None
    one = images[0]
    frame, segment = (_first(one.get(f"Referenced{name}Number")) for name in ("Frame", "Segment"))
    return Reference(
        str(one.get("ReferencedSOPClassUID", "")), str(one.get("ReferencedSOPInstanceUID", "")), frame, segment
    )


def _first(numbers: object) -> int:
    found = np.atleast_1d(np.array(numbers if numbers is not None else 0, dtype=object)).ravel()
    return int(found[0]) if len(found) else 0
