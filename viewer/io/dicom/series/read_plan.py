"""The plan for reading an image: each slice's place in its file, and how stored values become those in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.data.volume import Diffusion, Window
from viewer.io.dicom.headers.mosaic import corner_of
from viewer.io.dicom.headers.pixel_format import Pixels, padding_range
from viewer.io.read_plan import FRAME, Plan, Resampling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from viewer.io.dicom.headers.header import Frame, FrameSet, Header

AIR = -1000.0  # HU


def plan_of(
    members: Sequence[Header],
    owners: Sequence[int],
    frame_set: FrameSet,
    table: NDArray[np.intp],
    labels: Sequence[str],
    resampling: Resampling | None,
) -> tuple[Plan, str]:
    """The plan and the dtype of the loaded image, made of `members` (whose indices are `owners`).

    table: index of the frame in `frame_set` for each time point and slice, -1 where there is none.
    """
    pixels = members[0].pixels
    plan = _storage(members, owners, frame_set, table)
    slope, intercept, rescale = _scale(plan.frames, pixels)
    used = table[table >= 0]
    middle = frame_set.frames[used[len(used) // 2]]
    padding, limit = padding_range(members[0].values, pixels)
    dtype = "float32" if rescale else str(np.result_type(*{header.pixels.loaded for header in members}))
    plan = replace(
        plan,
        slope=slope,
        intercept=intercept,
        rescale=rescale,
        padding=padding,
        padding_limit=limit,
        blank=_blank_value(dtype, middle, rescale, padding),
        windows=tuple(Window(*window) for window in middle.windows),
        times=tuple(labels) if len(table) > 1 else (),
        diffusion=_diffusion(frame_set, table),
        resampling=resampling,
    )
    return plan, dtype


def _diffusion(frame_set: FrameSet, table: NDArray[np.intp]) -> tuple[Diffusion | None, ...]:
    """The diffusion weighting of each time point; () where none is told."""
    firsts = [frame_set.frames[row[row >= 0][0]] for row in table]
    told = [None if frame.b_value is None else Diffusion(frame.b_value, frame.gradient) for frame in firsts]
    return tuple(told) if any(told) else ()


def _storage(members: Sequence[Header], owners: Sequence[int], frame_set: FrameSet, table: NDArray[np.intp]) -> Plan:
    """Where and how the pixels are stored."""
    pixels = members[0].pixels
    bits = max((header.pixels.bits_stored, header.pixels.high_bit) for header in members)
    return Plan(
        kind="dicom",
        files=tuple(header.path for header in members),
        sizes=tuple(header.size for header in members),
        stamps=tuple(header.stamp for header in members),
        frames=_records(members, owners, frame_set, table, bits),
        stored=pixels.stored,
        rows=pixels.rows,
        columns=pixels.columns,
        mosaic=pixels.mosaic,
        samples=pixels.samples,
        bits_stored=bits[0],
        high_bit=bits[1],
        photometric=pixels.photometric,
        transfer_syntax=members[0].syntax,
        modality_lut=pixels.modality_lut,
        inverted=pixels.photometric == "MONOCHROME1",
    )


def _scale(records: NDArray[Any], pixels: Pixels) -> tuple[float, float, bool]:
    """Slope and intercept of the loaded values, and whether slices differ, so that each is scaled on load."""
    there = records[records["file"] >= 0]
    scales = np.unique(np.stack([there["slope"], there["intercept"]]), axis=1)
    if pixels.color or pixels.modality_lut or scales.shape[1] > 1:
        return 1.0, 0.0, not (pixels.color or pixels.modality_lut)
    return float(scales[0, 0]), float(scales[1, 0]), False


def _records(
    members: Sequence[Header],
    owners: Sequence[int],
    frame_set: FrameSet,
    table: NDArray[np.intp],
    bits: tuple[int, int],
) -> NDArray[Any]:
    """FRAME records [time point, k]. A file with other bits (stored, high, sign) than most is left to the decoder."""
    places = {owner: n for n, owner in enumerate(owners)}
    rows: list[tuple[Any, ...]] = []
    for n in table.ravel().tolist():
        if n < 0:
            rows.append((-1, 0, -1, 0, 0, 0, 1.0, 0.0))
            continue
        frame, place = frame_set.frames[n], places[frame_set.owners[n]]
        pixels, offset = members[place].pixels, members[place].offset
        usual = (pixels.bits_stored, pixels.high_bit, pixels.stored) == (*bits, members[0].pixels.stored)
        raw = pixels.frame_bytes > 0 and offset >= 0 and usual
        stored = 0 if pixels.mosaic else frame.number
        at = offset + stored * pixels.frame_bytes if raw else -1
        length, corner = pixels.frame_bytes if raw else 0, corner_of(frame.number, pixels)
        rows.append((place, stored, at, length, *corner, frame.slope, frame.intercept))
    return np.array(rows, FRAME).reshape(table.shape)


def _blank_value(dtype: str, frame: Frame, rescale: bool, padding: float | None) -> float:
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
