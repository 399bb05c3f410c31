"""From scanned headers to images: which slices of a series belong together, in which order, and how they are read.

Slices are split by what cannot share a volume (size, pixel type, image type, orientation …), ordered by the projection
of their positions on the slice normal, and those at the same place become time points. File names and instance numbers
decide nothing where there is a position. Pure functions; no file is touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from viewer.data.grid import Floats, Grid
from viewer.data.notice import Notice
from viewer.data.study import Image
from viewer.io.dicom_header import Frame, FrameSet, Header
from viewer.io.dicom_naming import facets_of, image_name, name_apart, source_of
from viewer.io.dicom_plan import plan_of
from viewer.io.dicom_stack import Stack, neighbours, normal_of, stack_of
from viewer.io.dicom_times import Part, time_points

SAME_DIRECTION = 2e-3  # difference of direction cosines within one stack
SAME_PLACE = 0.01  # mm along the normal within one slice
Found = tuple[Image, Frame, str]  # an image, its middle frame, what tells it from others at the same place
SPATIAL = ("CT", "MR", "PT")
MAX_SPREAD = 4  # regular slices per stored slice, widths of the image in the plane: beyond, a stack is cut


def group(headers: Sequence[Header]) -> list[Image]:
    """The images of one series, from the headers known so far."""
    buckets: dict[tuple[object, ...], tuple[list[int], list[Frame]]] = {}
    for n, header in enumerate(headers):
        for frame in header.frames:
            owners, frames = buckets.setdefault(frame.key, ([], []))
            owners.append(n)
            frames.append(frame)
    found: list[Found] = []
    for owners, frames in buckets.values():
        for one in _by_direction(_without_copies(headers, FrameSet(tuple(owners), tuple(frames)))):
            found += _images(headers, one)
    if not found:
        return []
    common = frozenset.intersection(*(frozenset(frame.kind) for _, frame, _ in found))
    facets = [facets_of(image, frame, common, label) for image, frame, label in found]
    return name_apart(_directions_said(found), facets)


def _directions_said(found: list[Found]) -> list[Image]:
    """The images, with a word in each where their slices face different ways."""
    seeds: list[tuple[float, ...]] = []
    for _, frame, _ in found:
        if frame.orientation and not any(_close(seed, frame.orientation) for seed in seeds):
            seeds.append(frame.orientation)
    sentence = f"The series holds slices in {len(seeds)} directions; each is an image of its own."
    notices = (Notice("several-directions", sentence),) if len(seeds) > 1 else ()
    return [replace(image, notices=(*image.notices, *notices)) for image, _, _ in found]


def _without_copies(headers: Sequence[Header], found: FrameSet) -> FrameSet:
    """Leave out files given twice: the same SOP instance, or all facts of a frame equal, its number included."""
    seen: set[object] = set()
    kept = []
    for n, (owner, frame) in enumerate(zip(found.owners, found.frames, strict=True)):
        instance = (headers[owner].values.raw.get(0x00080018, headers[owner].path), frame.number, frame.syntax)
        facts = frame[3:] if frame.position else instance
        if instance not in seen and facts not in seen:
            kept.append(n)
        seen.update((instance, facts))
    return _duplicates(found.take(kept), len(found.frames) - len(kept))


def _duplicates(found: FrameSet, count: int) -> FrameSet:
    if not count:
        return found
    words = "duplicate slice is" if count == 1 else "duplicate slices are"
    sentence = f"{count} {words} left out (same position and time as another)."
    return found.noted(Notice("duplicates", sentence))


def _by_direction(found: FrameSet) -> list[FrameSet]:
    """Split by slice orientation; frames without a position stay together."""
    known: dict[tuple[float, ...] | None, int] = {}
    seeds: list[tuple[float, ...] | None] = []
    members: list[list[int]] = []
    for n, frame in enumerate(found.frames):
        direction = frame.orientation
        if direction not in known:
            close = (i for i, seed in enumerate(seeds) if _close(seed, direction))
            known[direction] = next(close, len(seeds))
            if known[direction] == len(seeds):
                seeds.append(direction)
                members.append([])
        members[known[direction]].append(n)
    return [found.take(chosen) for chosen in members]


def _close(seed: tuple[float, ...] | None, direction: tuple[float, ...] | None) -> bool:
    if seed is None or direction is None:
        return seed is direction
    return all(abs(a - b) <= SAME_DIRECTION for a, b in zip(seed, direction, strict=True))


def _images(headers: Sequence[Header], found: FrameSet) -> list[Found]:
    """The images of frames with one orientation."""
    if found.frames[0].orientation is None:
        return [_picture(headers, found)]
    positions = np.array([frame.position for frame in found.frames])
    depth = positions @ normal_of(found.frames[0].orientation)
    slices = _slices(depth)
    pixels = headers[found.owners[0]].pixels
    for blocks in (_beside(found, positions, slices, max(pixels.rows, pixels.columns)), _blocks(depth)):
        if len(blocks) > 1:
            return [image for block in blocks for image in _images(headers, found.take(block))]
    syntaxes = sorted({frame.syntax for frame in found.frames})
    if len(syntaxes) > 1 and slices.max() + 1 < len(slices):
        same = [[n for n, frame in enumerate(found.frames) if frame.syntax == syntax] for syntax in syntaxes]
        return [image for block in same for image in _images(headers, found.take(block))]
    sets, dropped = time_points(found.frames, slices.tolist())
    return [_volume(headers, _duplicates(found, dropped), parts, positions) for parts in sets]


def _slices(depth: Floats) -> NDArray[np.intp]:
    """The number of the slice that each frame lies in, counted along the normal."""
    order = np.argsort(depth, kind="stable")
    steps = np.diff(depth[order], prepend=depth[order[0]]) > SAME_PLACE
    slices = np.empty(len(depth), np.intp)
    slices[order] = np.cumsum(steps)
    return slices


def _beside(found: FrameSet, positions: Floats, slices: NDArray[np.intp], size: int) -> list[NDArray[np.intp]]:
    """Split what does not lie over each other: frames of one depth side by side, or slices scattered in the plane."""
    frame = found.frames[0]
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


def _blocks(depth: Floats) -> list[NDArray[np.intp]]:
    """Cut a stack at its wide gaps where it would be mostly empty on a regular grid."""
    levels = np.unique(np.round(depth, 2))
    gaps = np.diff(levels)
    if len(gaps) < 2 or levels[-1] - levels[0] <= (MAX_SPREAD * len(levels) + 16) * neighbours(gaps):
        return []
    cuts = (levels[:-1] + gaps / 2)[gaps > MAX_SPREAD * neighbours(gaps)]
    block = np.searchsorted(cuts, depth)
    return [np.flatnonzero(block == n) for n in range(len(cuts) + 1)]


def _volume(headers: Sequence[Header], found: FrameSet, parts: list[Part], positions: Floats) -> Found:
    """One image of frames with positions."""
    present = sorted(set().union(*(part.cells for part in parts)))
    table = np.array([[part.cells.get(s, -1) for s in present] for part in parts])
    first = table[(table >= 0).argmax(axis=0), np.arange(len(present))]
    frame, header = found.frames[first[0]], headers[found.owners[first[0]]]
    pixels = header.pixels
    stack = stack_of(
        *(positions[first], frame.orientation or (), frame.spacing, (pixels.rows, pixels.columns), frame.thickness),
        header.values.text(0x00200052),
    )
    if not frame.sided:
        stack = stack.without_sides()
    empty = int((table < 0).sum())
    if empty:
        sentence = f"{empty} of {table.size} slices are not there at some time points and are left empty."
        found = found.noted(Notice("incomplete-time-points", sentence))
    if len(parts) > 1:
        sentence = f"The series is multi-phase: {len(parts)} time points, {parts[0].label} to {parts[-1].label}."
        found = found.noted(Notice("multi-phase", sentence))
    return _image(headers, found, table, [part.label for part in parts], stack)


def _picture(headers: Sequence[Header], found: FrameSet) -> Found:
    """An image without a position in the patient: one slice, a frame of a cine or a still of a set per time point."""
    order = sorted(range(len(found.frames)), key=lambda n: (found.frames[n].instance, found.owners[n]))
    frame, pixels = found.frames[order[0]], headers[found.owners[order[0]]].pixels
    depth = frame.thickness if frame.thickness and 0 < frame.thickness < 1000 else 1.0
    notices: tuple[Notice, ...] = ()
    if headers[found.owners[order[0]]].values.text(0x00080060) in SPATIAL:
        notices = (Notice("no-position", "The file tells no position in the patient; its slices cannot be placed."),)
    cine = len(order) == pixels.frames
    seconds = [found.frames[n].seconds for n in order]
    labels = [
        f"{second:.4g} s"
        if cine and second is not None and len(order) > 1
        else f"{'frame' if cine else 'image'} {n + 1}"
        for n, second in enumerate(seconds)
    ]
    grid = Grid.of((1, pixels.rows, pixels.columns), (depth, *frame.spacing), placed=False)
    return _image(headers, found, np.array(order)[:, None], labels, Stack(grid, None, notices))


def _image(
    headers: Sequence[Header], found: FrameSet, table: NDArray[np.intp], labels: list[str], stack: Stack
) -> Found:
    """Put an image together; table: index of the frame for each time point and slice, -1 where there is none."""
    used = table[table >= 0].tolist()
    owners = list(dict.fromkeys(found.owners[n] for n in used))
    members = [headers[n] for n in owners]
    plan, dtype = plan_of(members, owners, found, table, labels, stack.resampling)
    middle = found.frames[used[len(used) // 2]]
    color = members[0].pixels.color
    pixels = {notice.code: notice for header in reversed(members) for notice in header.notices}
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
        notices=(*stack.notices, *found.notices, *pixels.values()),
        plan=plan,
    )
    return image, middle, labels[0] if len(labels) == 1 and middle.position else ""
