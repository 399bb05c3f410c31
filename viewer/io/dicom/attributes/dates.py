"""Moments in DICOM headers: a date and a time of day, with its offset from UTC (PS3.5 6.2, DA, TM and DT)."""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.io.dicom.attributes.values import Values

DAY = 86400.0
CLOCK = re.compile(r"(\d\d):?(?:(\d\d):?(?:(\d\d)(\.\d+)?)?)?")  # colons as ACR-NEMA 2.0 had them
OFFSET = re.compile(r"([+-])(\d\d)(\d\d)")
UTC_OFFSET = 0x00080201
STUDY_DATE, SERIES_DATE = 0x00080020, 0x00080021
ACQUISITION = (0x00080022, 0x00080032)
CONTENT = (0x00080023, 0x00080033)
FRAME_REFERENCE, FRAME_ACQUISITION, ACQUISITION_DATETIME = 0x00189151, 0x00189074, 0x0008002A


def acquisition_time(values: Values) -> float | None:
    """When a frame was acquired, s; None where the header does not say. See `moment` for what they count from."""
    for tag in (FRAME_REFERENCE, FRAME_ACQUISITION):
        if (found := _datetime(values, tag)) is not None:
            return found
    pair = moment(values, *ACQUISITION)
    if pair is not None and pair >= DAY:
        return pair
    whole = _datetime(values, ACQUISITION_DATETIME)
    return pair if whole is None else whole


def moment(values: Values, date_tag: int, time_tag: int) -> float | None:
    """Seconds of a date and a time of day since the year 1, in UTC where an offset is told.

    Less than a day where no date is told: the time of day alone. None where no time is told.
    """
    clock = _time_of_day(values.text(time_tag))
    if clock is None:
        return None
    day = _day_number(values.text(date_tag))
    return clock if day is None else day * DAY + clock - _utc_offset(values.text(UTC_OFFSET))


def unwrap_midnight(seconds: Sequence[float | None], order: Sequence[float]) -> list[float | None]:
    """Times of day as they went on over midnight, where a gap of more than half a day says that they did.

    order: a number of each that rises in time (instance numbers); it must agree where a date is told.
    """
    known = sorted({second for second in seconds if second is not None})
    gap, at = max(((b - a, b) for a, b in pairwise(known)), default=(0.0, 0.0))
    if gap <= DAY / 2 or known[-1] - known[0] >= DAY:
        return list(seconds)
    late = [n for s, n in zip(seconds, order, strict=True) if s is not None and s >= at]
    early = [n for s, n in zip(seconds, order, strict=True) if s is not None and s < at]
    if known[0] >= DAY and max(late) >= min(early):
        return list(seconds)
    return [second + DAY if second is not None and second < at else second for second in seconds]


def _datetime(values: Values, tag: int) -> float | None:
    text = values.text(tag)
    day, clock = _day_number(text[:8]), _time_of_day(text[8:])
    if day is None or clock is None:
        return None
    return day * DAY + clock - _utc_offset(text[8:] if OFFSET.search(text[8:]) else values.text(UTC_OFFSET))


def _day_number(text: str) -> int | None:
    """Days since the year 1 of YYYYMMDD or YYYY.MM.DD; None where it is no date."""
    digits = text.replace(".", "")
    if len(digits) != 8 or not (digits.isascii() and digits.isdigit()):
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:])).toordinal()
    except ValueError:
        return None


def _time_of_day(text: str) -> float | None:
    """Seconds of the day of HH, HHMM, HHMMSS or HHMMSS.FFFFFF; None where it is no time."""
    found = CLOCK.match(text)
    if not found:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.group(1, 2, 3))
    if hours > 23 or minutes > 59 or seconds > 60:
        return None
    return 3600.0 * hours + 60 * minutes + seconds + float(found[4] or 0)


def _utc_offset(text: str) -> float:
    """Seconds that local time is ahead of UTC; 0 where it is not told."""
    found = OFFSET.search(text)
    return (-1.0 if found[1] == "-" else 1.0) * (3600 * int(found[2]) + 60 * int(found[3])) if found else 0.0
