"""Ophthalmic tomography without a plane position: B-scans placed by their lines on a reference image.

Ophthalmic Frame Location Macro (PS3.3 C.8.17.10.1): the ends of the line that the columns of a frame lie on, row and
column in pixels of another image. Places are mm in that image: x along its rows, y along its columns, z into depth.
"""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING

from viewer.data.notice import UNMEASURED, Notice
from viewer.io.dicom.attributes.validity import ORIENTATION, POSITION
from viewer.io.dicom.attributes.values import Values
from viewer.io.dicom.headers.pixel_spacing import pixel_spacing

if TYPE_CHECKING:
    from collections.abc import Sequence

LOCATION, COORDINATES, KIND, REFERENCE = 0x00220031, 0x00220032, 0x00220039, 0x00081155
PARALLEL = 0.01  # difference of directions, which are rounded to pixels
ESTIMATED = Notice(
    "b-scan-spacing",
    "The file tells no pixel spacing of the image that its B-scans lie on; their distance is an estimate, as if its "
    "pixels were square.",
    UNMEASURED,
)
Line = tuple[float, float, float, float]  # row and column of the first, of the last column of a frame


def on_reference(frames: Sequence[Values], locations: Sequence[Values]) -> Sequence[Values]:
    """The frames with the place of their lines; as they are where one has a place, or lines are not parallel."""
    lines = [line for one in locations if (line := _line(one))]
    alike = len({one.raw.get(REFERENCE) for one in locations}) == 1
    if not alike or len(lines) < len(frames) or any(POSITION in frame.raw for frame in frames):
        return frames
    told = pixel_spacing(locations[0])
    rows, columns = told or (_estimate_spacing(frames, lines),) * 2
    ways = [_direction(line, rows, columns) for line in lines]
    x, y = (sum(parts) / len(ways) for parts in zip(*ways, strict=True))
    if any(math.dist(way, (x, y)) > PARALLEL for way in ways):
        return frames
    length = math.hypot(x, y)
    orientation = (x / length, y / length, 0.0, 0.0, 0.0, 1.0)
    return [
        _with_place(frame, location, (line[1] * columns, line[0] * rows, 0.0), orientation)
        for frame, location, line in zip(frames, locations, lines, strict=True)
    ]


def location_doubts(values: Values) -> tuple[Notice, ...]:
    """What must be said of a frame that was placed by its line."""
    location = values.item(LOCATION)
    return (ESTIMATED,) if location and not pixel_spacing(location) else ()


def _line(location: Values) -> Line | None:
    """The line of a straight B-scan; None of any other frame."""
    ends = location.reals(COORDINATES, 4)
    if location.text(KIND) != "LINEAR" or len(ends) != 4 or max(map(abs, ends)) > 1e6 or ends[:2] == ends[2:]:
        return None
    return ends[0], ends[1], ends[2], ends[3]


def _estimate_spacing(frames: Sequence[Values], lines: Sequence[Line]) -> float:
    """Distance of pixels in the reference image, mm: a line is as long as the row of pixels that lies on it."""
    lengths = []
    for frame, (row, column, last_row, last_column) in zip(frames, lines, strict=True):
        own = pixel_spacing(frame) or (1.0, 1.0)
        steps = max(1, frame.short(0x00280011) - 1)
        lengths.append(steps * own[1] / math.hypot(last_row - row, last_column - column))
    return median(lengths)


def _direction(line: Line, rows: float, columns: float) -> tuple[float, float]:
    x, y = (line[3] - line[1]) * columns, (line[2] - line[0]) * rows
    length = math.hypot(x, y)
    return x / length, y / length


def _with_place(frame: Values, location: Values, position: tuple[float, ...], orientation: tuple[float, ...]) -> Values:
    told = {POSITION: position, ORIENTATION: orientation}
    raw = {**frame.raw, **{tag: "\\".join(map(repr, numbers)).encode() for tag, numbers in told.items()}}
    return Values(frame.big_endian, raw, {**frame.items, LOCATION: [location]})
