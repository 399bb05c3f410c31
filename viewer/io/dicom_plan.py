"""The plan for reading an image: each slice's place in its file, and how stored values become those in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer.data.volume import Window
from viewer.io.dicom_header import Frame, Header
from viewer.io.plan import FRAME, Plan, Resampling

AIR = -1000.0  # HU


def plan_of(
    members: Sequence[Header],
    owners: Sequence[int],
    owner_of: Sequence[int],
    frames: Sequence[Frame],
    table: NDArray[np.intp],
    labels: Sequence[str],
    resampling: Resampling | None,
) -> tuple[Plan, str]:
    """The plan and the dtype of the loaded image.

    members: the headers used, numbered `owners`; owner_of, frames: header number and facts of every frame;
    table: index of the frame for each time point and slice, -1 where there is none.
    """
    pixels = members[0].pixels
    records = _records(members, owners, owner_of, frames, table)
    there = records[records["file"] >= 0]
    scales = np.unique(np.stack([there["slope"], there["intercept"]]), axis=1)
    lut = pixels.modality_lut
    rescale = scales.shape[1] > 1 and not pixels.color and not lut
    slope, intercept = (1.0, 0.0) if rescale or pixels.color or lut else (float(x) for x in scales[:, 0])
    used = table[table >= 0]
    middle = frames[used[len(used) // 2]]
    padding = _padding(members[0])
    dtype = "float32" if rescale else pixels.loaded
    plan = Plan(
        kind="dicom",
        files=tuple(header.path for header in members),
        sizes=tuple(header.size for header in members),
        mtimes=tuple(header.mtime for header in members),
        frames=records,
        stored=pixels.stored,
        rows=pixels.rows,
        columns=pixels.columns,
        samples=pixels.samples,
        bits_stored=max(header.pixels.bits_stored for header in members),
        high_bit=max(header.pixels.high_bit for header in members),
        photometric=pixels.photometric,
        transfer_syntax=members[0].syntax,
        slope=slope,
        intercept=intercept,
        rescale=rescale,
        modality_lut=lut,
        padding=padding,
        blank=_blank(dtype, middle, rescale, padding),
        inverted=pixels.photometric == "MONOCHROME1",
        windows=tuple(Window(*window) for window in middle.windows),
        times=tuple(labels) if len(table) > 1 else (),
        resampling=resampling,
    )
    return plan, dtype


def _records(
    members: Sequence[Header],
    owners: Sequence[int],
    owner_of: Sequence[int],
    frames: Sequence[Frame],
    table: NDArray[np.intp],
) -> NDArray[Any]:
    """FRAME records [time point, k]. A file whose bits differ from its neighbours' is left to the decoder."""
    places = {owner: n for n, owner in enumerate(owners)}
    bits = max((header.pixels.bits_stored, header.pixels.high_bit) for header in members)
    rows: list[tuple[Any, ...]] = []
    for n in table.ravel().tolist():
        if n < 0:
            rows.append((-1, 0, -1, 0, 1.0, 0.0))
            continue
        frame, place = frames[n], places[owner_of[n]]
        pixels, offset = members[place].pixels, members[place].offset
        raw = pixels.frame_bytes > 0 and offset >= 0 and (pixels.bits_stored, pixels.high_bit) == bits
        at = offset + frame.number * pixels.frame_bytes if raw else -1
        rows.append((place, frame.number, at, pixels.frame_bytes if raw else 0, frame.slope, frame.intercept))
    return np.array(rows, FRAME).reshape(table.shape)


def _padding(header: Header) -> float | None:
    if 0x00280120 not in header.values.raw:
        return None
    return float(header.values.short(0x00280120, signed=header.pixels.stored[1] == "i"))


def _blank(dtype: str, frame: Frame, rescale: bool, padding: float | None) -> float:
    """The loaded value that stands for nothing: padding, air in CT, else 0."""
    slope, intercept = frame.slope, frame.intercept
    if padding is not None:
        return padding * slope + intercept if rescale else padding
    if frame.unit != "HU":
        return 0.0
    value = AIR if rescale else round((AIR - intercept) / slope)
    if np.dtype(dtype).kind in "iu":
        limits = np.iinfo(dtype)
        return float(min(max(value, limits.min), limits.max))
    return float(value)
