"""Where the frames of a segmentation lie, and of which segment each is: their functional groups (PS3.3 C.7.6.16).

Thousands of groups take pydicom many seconds: what is wanted is picked out of their bytes where these are plain.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from viewer.io.errors import OpenError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from viewer.data.arrays import Floats
    from viewer.data.transform import ImageReference

ITEM, PLANE, MEASURES, PLACE = 0xFFFEE000, 0x00209116, 0x00289110, 0x00200032
POSITION, SEGMENT, NUMBER = 0x00209113, 0x0062000A, 0x0062000B
LONG = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")  # VRs of long length
UNDEFINED = 0xFFFFFFFF
UNPLACED = "Its frames have no position in the patient (X-ray, microscopy): open the image that it is of first."


class FramePlaces(NamedTuple):
    """Where each of n frames lies, and of which segment it is.

    positions: of first pixels, LPS mm [n, 3]. numbers: of segments; 0 in label maps. cosines: directions of rows and
    columns [n, 6]. spacing: mm between rows and columns [n, 2]. between, thickness: Spacing Between Slices and Slice
    Thickness, mm; 0 where they are not told.
    """

    positions: Floats
    numbers: list[int]
    cosines: Floats
    spacing: Floats
    between: float
    thickness: float


def frame_places(ds: Dataset, images: Sequence[ImageReference] = ()) -> FramePlaces:
    """Where the frames of a segmentation lie, and of which segments they are.

    images: what it may be of; frames without a place of their own lie on those that they name. Raises OpenError, one
    sentence, where frames have no place; KeyError and the like where a part is missing.
    """
    shared = (ds.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    labelled = ds.SegmentationType != "LABELMAP"
    if "PlaneOrientationSequence" in shared and "PixelMeasuresSequence" in shared:
        quick = _plain_groups(ds.get_item("PerFrameFunctionalGroupsSequence"))
        if quick and all(place and (number or not labelled) for place, number in quick):
            marked = [number for _, number in quick]
            return _frame_places(
                [place for place, _ in quick], marked, shared.PlaneOrientationSequence, shared.PixelMeasuresSequence
            )
    groups = ds.get("PerFrameFunctionalGroupsSequence") or []
    numbers = [0] * len(groups)
    if labelled:
        numbers = [
            int(_group_item(one, shared, "SegmentIdentificationSequence").ReferencedSegmentNumber) for one in groups
        ]
    if not any("PlanePositionSequence" in one for one in (shared, *groups[:1])):
        return _on_images(
            [_source_frame(one, shared) for one in groups], numbers, (int(ds.Rows), int(ds.Columns)), images
        )
    places = [_group_item(one, shared, "PlanePositionSequence").ImagePositionPatient for one in groups]
    orientations = [_group_item(one, shared, "PlaneOrientationSequence") for one in groups]
    return _frame_places(
        places, numbers, orientations, [_group_item(one, shared, "PixelMeasuresSequence") for one in groups]
    )


def _frame_places(
    places: Sequence[Any], numbers: list[int], orientations: Sequence[Dataset], measures: Sequence[Dataset]
) -> FramePlaces:
    """The places of frames. orientations, measures: of every frame, or one for all."""
    cosines = np.array([list(one.ImageOrientationPatient) for one in orientations], float).reshape(-1, 6)
    spacing = np.array([list(one.PixelSpacing) for one in measures], float).reshape(-1, 2)
    distances = [float(measures[0].get(name, 0) or 0) for name in ("SpacingBetweenSlices", "SliceThickness")]
    positions = np.array([list(one) for one in places], float).reshape(-1, 3)
    if not all(np.isfinite(one).all() for one in (positions, cosines, spacing)) or spacing.min() <= 0:
        raise ValueError("a place is no number")
    count = len(positions)
    between, thickness = (abs(mm) if np.isfinite(mm) else 0.0 for mm in distances)
    every = np.broadcast_to(cosines, (count, 6)), np.broadcast_to(spacing, (count, 2))
    return FramePlaces(positions, numbers, *every, between, thickness)


def _on_images(
    sources: Sequence[tuple[str, int]], numbers: list[int], size: tuple[int, int], images: Sequence[ImageReference]
) -> FramePlaces:
    """Of frames that tell no place: on the slices of the first image that all of them name, pixel by pixel."""
    for grid, source in images:
        order = {instance: n for n, instance in enumerate(source.sop_instance_uids)}
        slices = [order.get(instance, -1) if len(order) > 1 else frame - 1 for instance, frame in sources]
        known = all(instance in order for instance, _ in sources) and len(order) in (1, grid.shape[0])
        if known and grid.shape[1:] == size and min(slices) >= 0 and max(slices) < grid.shape[0]:
            count, (row, column) = len(slices), grid.direction[:, :2].T
            cosines = np.broadcast_to(np.concatenate([row, column]), (count, 6))
            places = grid.to_world([(k, 0, 0) for k in slices])
            return FramePlaces(places, numbers, cosines, np.broadcast_to(grid.spacing[1:], (count, 2)), 0.0, 0.0)
    raise OpenError(UNPLACED)


def _source_frame(group: Dataset, shared: Dataset) -> tuple[str, int]:
    """The instance that a frame was drawn on, and the frame in it; "" where it does not say."""
    derived = (group.get("DerivationImageSequence") or shared.get("DerivationImageSequence") or [Dataset()])[0]
    image = (derived.get("SourceImageSequence") or [Dataset()])[0]
    numbers = np.atleast_1d(image.get("ReferencedFrameNumber") or 1)
    return str(image.get("ReferencedSOPInstanceUID", "")), int(numbers[0])


def _group_item(group: Dataset, shared: Dataset, name: str) -> Dataset:
    item: Dataset = (group.get(name) or shared[name].value)[0]
    return item


def _plain_groups(raw: Any) -> list[tuple[list[float], int]]:
    """Position ([] where there is none) and segment (0) of every item; [] where it takes a reader of DICOM."""
    if not isinstance(raw, RawDataElement) or raw.is_implicit_VR or not raw.is_little_endian or not raw.value:
        return []
    try:
        return [_place_and_number(raw.value, at, end) for at, end in _items(raw.value, 0, len(raw.value))]
    except (ValueError, struct.error):
        return []


def _place_and_number(data: bytes, at: int, end: int) -> tuple[list[float], int]:
    place: list[float] = []
    number = 0
    for tag, first, last in _elements_within(data, at, end):
        if tag == PLACE:
            place = [float(part) for part in data[first:last].split(b"\\")]
        elif tag == NUMBER:
            (number,) = struct.unpack_from("<H", data, first)
    return place if len(place) == 3 else [], number


def _elements_within(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The elements in a group's position and segment. Raises ValueError where it has planes of its own."""
    for tag, start, stop in _elements(data, at, end):
        if tag in (PLANE, MEASURES):
            raise ValueError("it differs from frame to frame")
        if tag in (POSITION, SEGMENT):
            for item in _items(data, start, stop):
                yield from _elements(data, *item)


def _items(data: bytes, at: int, end: int) -> list[tuple[int, int]]:
    """Where the items of a sequence begin and end. Raises ValueError where one does not tell its length."""
    found = []
    while at < end:
        group, element, length = struct.unpack_from("<HHL", data, at)
        if group << 16 | element != ITEM or length == UNDEFINED or at + 8 + length > end:
            raise ValueError("no plain item")
        found.append((at + 8, at + 8 + length))
        at += 8 + length
    return found


def _elements(data: bytes, at: int, end: int) -> list[tuple[int, int, int]]:
    """Tag, begin and end of every element (PS3.5 7.1.2). Raises ValueError where one does not tell its length."""
    found = []
    while at < end:
        group, element, vr, length = struct.unpack_from("<HH2sH", data, at)
        at += 8
        if vr in LONG:
            (length,) = struct.unpack_from("<L", data, at)
            at += 4
        if length == UNDEFINED or at + length > end:
            raise ValueError("no plain element")
        found.append((group << 16 | element, at, at + length))
        at += length
    return found
