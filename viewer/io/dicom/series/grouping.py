"""From scanned headers to images: which slices of a series belong together, in which order, and how they are read.

Slices are split by what cannot share a volume (patient, size, what the values mean, orientation …), ordered by the
projection of their positions on the slice normal, and those at the same place become time points. File names and
instance numbers decide nothing where there is a position, and no slice is left out unless the same image is there.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from viewer.data.grid import Grid
from viewer.data.notice import UNMEASURED, Notice
from viewer.data.study import Image
from viewer.io.dicom.attributes.dates import unwrap_midnight
from viewer.io.dicom.headers.header import Frame, FrameSet, Header
from viewer.io.dicom.headers.mosaic import is_mosaic
from viewer.io.dicom.headers.suv import suvbw
from viewer.io.dicom.series.duplicates import without_copies
from viewer.io.dicom.series.identity import NO_SERIES_UID, SERIES_UID, UID_PER_SLICE, split_by_identity
from viewer.io.dicom.series.naming import facets_of, image_name, name_apart, source_of
from viewer.io.dicom.series.positions import SAME_PLACE, places_of, slice_numbers, stacks_apart
from viewer.io.dicom.series.read_plan import plan_of
from viewer.io.dicom.series.separation import depth_of, same_direction, split_by_direction, split_by_meaning
from viewer.io.dicom.series.stack import Stack, neighbour_distance, normal_of, stack_of
from viewer.io.dicom.series.timepoints import OVERLAPPING, Part, time_points

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from viewer.data.arrays import Floats

NamedImage = tuple[Image, Frame, str]  # an image, its middle frame, what tells it from others at the same place
SPATIAL = ("CT", "MR", "PT")
NO_POSITION = Notice(
    "no-position", "The file tells no position in the patient; its slices cannot be placed.", "not placed"
)
MAX_SPREAD = 4  # regular slices per stored slice, widths of the image in the plane: beyond, a stack is cut


def group(headers: Sequence[Header]) -> list[Image]:
    """The images of one series (or of files that may be one, see `identity`), from the headers known so far."""
    parts, notices = split_by_identity(sorted(headers, key=lambda header: _natural_key(header.path)))
    images = [one for members in parts for one in _series(members)]
    if not images:
        return []
    common = frozenset.intersection(*(frozenset(frame.kind) for _, frame, _ in images))
    facets = [facets_of(image, frame, common, label) for image, frame, label in images]
    return [image.with_notices(*notices) for image in name_apart([image for image, _, _ in images], facets)]


def _natural_key(path: str) -> list[tuple[int, str]]:
    """Sorts "im2" before "im10": the last resort where headers do not tell which copy of a stack a slice belongs to."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", path)]


def _series(headers: list[Header]) -> list[NamedImage]:
    """The images of one patient and study: of one series, or of one that has another UID in every slice."""
    uids = {header.values.text(SERIES_UID) for header in headers}
    if len(uids) == 1:
        images = _images_of_series(headers)
        return images if uids != {""} else _noted(images, NO_SERIES_UID)
    joined = [one for one in _images_of_series(headers) if _is_stack(one[0])]
    files = {path for image, _, _ in joined for path in image.source.files}
    alone = [one for header in headers if header.path not in files for one in _images_of_series([header])]
    return [*_noted(joined, UID_PER_SLICE), *alone]


def _is_stack(image: Image) -> bool:
    """Whether slices are so surely one image that their Series Instance UIDs need not say so."""
    codes = {notice.code for notice in image.notices}
    return image.grid.placed and image.grid.shape[0] > 2 and "uneven-spacing" not in codes


def _images_of_series(headers: Sequence[Header]) -> list[NamedImage]:
    """The images of one series."""
    buckets: dict[tuple[object, ...], tuple[list[int], list[Frame]]] = {}
    for n, header in enumerate(headers):
        for frame in header.frames:
            owners, frames = buckets.setdefault(frame.key, ([], []))
            owners.append(n)
            frames.append(frame)
    sets = [FrameSet(tuple(owners), _unwrap_times(frames)) for owners, frames in buckets.values()]
    stacks = [
        stack for one in sets for part in split_by_direction(one) for stack in _stacks(without_copies(headers, part))
    ]
    alike = [part for stack in stacks for part in split_by_meaning(stack)]
    return _note_directions([image for part in alike for image in _images(headers, part)])


def _unwrap_times(frames: Sequence[Frame]) -> tuple[Frame, ...]:
    """The frames, whose times of day go on over midnight."""
    times = unwrap_midnight([frame.seconds for frame in frames], [frame.instance for frame in frames])
    return tuple(frame._replace(seconds=time) for frame, time in zip(frames, times, strict=True))


def _noted(images: list[NamedImage], *notices: Notice) -> list[NamedImage]:
    return [(image.with_notices(*notices), frame, label) for image, frame, label in images]


def _note_directions(images: list[NamedImage]) -> list[NamedImage]:
    """The images, with a notice in each where their slices face different ways."""
    seeds: list[tuple[float, ...]] = []
    for _, frame, _ in images:
        if frame.orientation and not any(same_direction(seed, frame.orientation) for seed in seeds):
            seeds.append(frame.orientation)
    sentence = f"The series holds slices in {len(seeds)} directions; each is an image of its own."
    return _noted(images, Notice("several-directions", sentence)) if len(seeds) > 1 else images


def _slices(frame_set: FrameSet) -> tuple[NDArray[np.intp], float]:
    """The slice that each placed frame lies in, and how far apart frames of one slice lie, mm."""
    depth = depth_of(frame_set)
    normal = normal_of(frame_set.frames[0].orientation or ())
    across = np.array([frame.position for frame in frame_set.frames]) - depth[:, None] * normal
    return slice_numbers(frame_set.frames, depth, across)


def _stacks(frame_set: FrameSet) -> list[FrameSet]:
    """The frames of each stack, where stacks reach into each other."""
    if frame_set.frames[0].orientation is None:
        return [frame_set]
    blocks = stacks_apart(frame_set.frames, depth_of(frame_set), _slices(frame_set)[0])
    return [replace(frame_set.take(block), label=word).noted(OVERLAPPING) for block, word in blocks] or [frame_set]


def _images(headers: Sequence[Header], frame_set: FrameSet) -> list[NamedImage]:
    """The images of frames with one orientation."""
    if frame_set.frames[0].orientation is None:
        return [_picture(headers, frame_set)]
    positions, depth = np.array([frame.position for frame in frame_set.frames]), depth_of(frame_set)
    slices, spread = _slices(frame_set)
    pixels = headers[frame_set.owners[0]].pixels
    for blocks in (
        _split_side_by_side(frame_set, positions, slices, max(pixels.rows, pixels.columns)),
        _split_at_gaps(depth, slices),
    ):
        if len(blocks) > 1:
            return [image for block in blocks for image in _images(headers, frame_set.take(block))]
    syntaxes = sorted({frame.syntax for frame in frame_set.frames})
    if len(syntaxes) > 1 and slices.max() + 1 < len(slices):
        same = [[n for n, frame in enumerate(frame_set.frames) if frame.syntax == syntax] for syntax in syntaxes]
        return [image for block in same for image in _images(headers, frame_set.take(block))]
    if spread > SAME_PLACE:
        sentence = f"Slices at one place lie up to {spread:.2g} mm apart between time points; they are taken as one."
        frame_set = frame_set.noted(Notice("drifting-places", sentence))
    sets = time_points(frame_set.frames, slices.tolist())
    return [_volume(headers, frame_set.noted(*notices), parts, positions) for parts, notices in sets]


def _split_side_by_side(
    frame_set: FrameSet, positions: Floats, slices: NDArray[np.intp], size: int
) -> list[NDArray[np.intp]]:
    """Split what does not lie over each other: frames of one depth side by side, or slices scattered in the plane."""
    frame = frame_set.frames[0]
    directions = np.array(frame.orientation).reshape(2, 3)
    places = positions @ directions.T / (frame.spacing[1], frame.spacing[0])
    count = int(slices.max()) + 1
    if np.ptp(places, axis=0).max() > MAX_SPREAD * size and count > 1:
        return [np.flatnonzero(slices == n) for n in range(count)]
    first = np.zeros((count, 2))
    first[slices[::-1]] = places[::-1]
    if np.abs(places - first[slices]).max() <= 0.5:
        return []
    _, block = np.unique(np.rint(places), axis=0, return_inverse=True)
    return [np.flatnonzero(block.ravel() == n) for n in range(int(block.max()) + 1)]


def _split_at_gaps(depth: Floats, slices: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Cut a stack at its wide gaps where it would be mostly empty on a regular grid."""
    levels = places_of(depth, slices)
    gaps = np.diff(levels)
    if len(gaps) < 2 or levels[-1] - levels[0] <= (MAX_SPREAD * len(levels) + 16) * neighbour_distance(gaps):
        return []
    cuts = (levels[:-1] + gaps / 2)[gaps > MAX_SPREAD * neighbour_distance(gaps)]
    block = np.searchsorted(cuts, depth)
    return [np.flatnonzero(block == n) for n in range(len(cuts) + 1)]


def _volume(headers: Sequence[Header], frame_set: FrameSet, parts: list[Part], positions: Floats) -> NamedImage:
    """One image of frames with positions."""
    present = sorted(set().union(*(part.cells for part in parts)))
    table = np.array([[part.cells.get(s, -1) for s in present] for part in parts])
    first = table[(table >= 0).argmax(axis=0), np.arange(len(present))]
    frame, header = frame_set.frames[first[0]], headers[frame_set.owners[first[0]]]
    pixels = header.pixels
    stack = stack_of(
        *(positions[first], frame.orientation or (), frame.spacing, (pixels.rows, pixels.columns), frame.thickness),
        _frame_of_reference(frame_set),
    )
    if not frame.sided:
        stack = stack.without_sides()
    empty = int((table < 0).sum())
    if empty:
        sentence = f"{empty} of {table.size} slices are not there at some time points and are left empty."
        frame_set = frame_set.noted(Notice("incomplete-time-points", sentence))
    if len(parts) > 1:
        sentence = f"The series is multi-phase: {len(parts)} time points, {parts[0].label} to {parts[-1].label}."
        frame_set = frame_set.noted(Notice("multi-phase", sentence))
    return _image(headers, frame_set, table, parts, stack)


def _picture(headers: Sequence[Header], frame_set: FrameSet) -> NamedImage:
    """Frames without a position in the patient: a stack by Slice Location or number where a scanner made them.

    Else one slice, a frame of a cine or a still of a set per time point.
    """
    order = sorted(range(len(frame_set.frames)), key=lambda n: (frame_set.frames[n].instance, frame_set.owners[n]))
    frame, header = frame_set.frames[order[0]], headers[frame_set.owners[order[0]]]
    notices: tuple[Notice, ...] = ()
    if header.values.text(0x00080060) in SPATIAL:
        notices = (NO_POSITION,)
        if len(order) > 1 and _is_scanned(frame_set):
            return _unplaced_stack(headers, frame_set, order)
    depth = frame.thickness if frame.thickness and 0 < frame.thickness < 1000 else 1.0
    cine = len(order) == header.pixels.frames
    seconds = [frame_set.frames[n].seconds for n in order]
    labels = [
        f"{second:.4g} s"
        if cine and second is not None and len(order) > 1
        else f"{'frame' if cine else 'image'} {n + 1}"
        for n, second in enumerate(seconds)
    ]
    grid = _flat_grid(header, (depth, *frame.spacing), 1)
    return _image(
        headers, frame_set, np.array(order)[:, None], [Part({}, label) for label in labels], Stack(grid, None, notices)
    )


def _is_scanned(frame_set: FrameSet) -> bool:
    """Whether frames without a position are slices: they tell a location, or how far apart or thick they are."""
    frames = frame_set.frames
    if is_mosaic(frames[0].kind):
        return False
    still = len({frame.seconds for frame in frames}) < len(frames) or frames[0].location is not None
    return still and any((frame.location, frame.between, frame.thickness) != (None, None, None) for frame in frames)


def _unplaced_stack(headers: Sequence[Header], frame_set: FrameSet, order: list[int]) -> NamedImage:
    """Slices in the order of their Slice Location, else of their numbers, as far apart as the header says."""
    frames = frame_set.frames
    locations = [frames[n].location for n in order]
    known = [location for location in locations if location is not None]
    frame = frames[order[0]]
    notices = [NO_POSITION]
    if len(set(known)) == len(order):
        order = sorted(order, key=lambda n: frames[n].location or 0.0)
        spacing = neighbour_distance(np.diff(np.sort(known)))
        notices.append(Notice("slice-location", "Its slices are ordered by Slice Location; no side is known."))
    else:
        spacing = abs(frame.between or 0.0) or frame.thickness or 0.0
        notices.append(Notice("instance-order", "Its slices are ordered by their numbers; no side is known."))
    if not 0 < spacing < 1000:
        spacing = 1.0
        notices.append(Notice("no-slice-spacing", "No distance of its slices is told; 1 mm is assumed.", UNMEASURED))
    grid = _flat_grid(headers[frame_set.owners[order[0]]], (spacing, *frame.spacing), len(order))
    return _image(headers, frame_set, np.array(order)[None], [Part({})], Stack(grid, None, tuple(notices)))


def _flat_grid(header: Header, spacing: tuple[float, float, float], slices: int) -> Grid:
    """The grid of slices without a place in the patient."""
    return Grid.of((slices, header.pixels.rows, header.pixels.columns), spacing, placed=False)


def _frame_of_reference(frame_set: FrameSet) -> str:
    """The Frame of Reference UID of all frames; "" where they name several."""
    uids = {frame.frame_of_reference for frame in frame_set.frames}
    return uids.pop() if len(uids) == 1 else ""


def _image(
    headers: Sequence[Header], frame_set: FrameSet, table: NDArray[np.intp], parts: Sequence[Part], stack: Stack
) -> NamedImage:
    """Put an image together; table: index of the frame for each time point and slice, -1 where there is none."""
    labels = [part.label for part in parts]
    used = table[table >= 0].tolist()
    owners = list(dict.fromkeys(frame_set.owners[n] for n in used))
    members = [headers[n] for n in owners]
    plan, dtype = plan_of(members, owners, frame_set, table, labels, stack.resampling)
    middle = frame_set.frames[used[len(used) // 2]]
    color = members[0].pixels.color
    pixels = {notice.code: notice for header in reversed(members) for notice in header.notices}
    doubts = {notice.code: notice for n in reversed(used) for notice in frame_set.frames[n].doubts}
    starts = [part.start for part in parts] if len(table) > 1 else []
    factor, unknown = suvbw([header.tracer for header in members if header.tracer])
    b_values = [frame_set.frames[row[row >= 0][0]].b_value for row in table]
    image = Image(
        source=source_of(members),
        grid=stack.grid,
        dtype=dtype,
        name=image_name(members[0]),
        timepoints=len(table),
        components=3 if color else 1,
        unit="" if color else middle.unit,
        regular=stack.resampling is None,
        transfer_syntax=members[0].syntax,
        notices=(*stack.notices, *frame_set.notices, *doubts.values(), *pixels.values(), *unknown),
        times=() if None in starts else tuple(start for start in starts if start is not None),
        b_values=() if None in b_values or len(table) == 1 else tuple(b for b in b_values if b is not None),
        suvbw_factor=factor,
        plan=plan,
    )
    return image, middle, frame_set.label or (labels[0] if len(labels) == 1 and middle.position else "")
