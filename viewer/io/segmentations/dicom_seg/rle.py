"""Masks as frames of RLE Lossless (PS3.5 annex G): fractional segmentations have a byte a pixel, nearly all 0."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.data.arrays import Mask

RUN = 128  # bytes at most that one pair of bytes stands for
HEAD = struct.pack("<16L", 1, 64, *[0] * 14)  # one segment, behind this header


def encode_frame(mask: Mask, box: tuple[slice, slice], columns: int, rows: int) -> bytes:
    """A frame that is 1 where the mask is, which lies in a box of it, and 0 elsewhere; every row for itself (G.3.1)."""
    part = np.zeros((len(mask), columns), np.uint8)
    part[:, box[1]] = mask
    empty = _empty_row(columns)
    data = HEAD + empty * box[0].start + _runs(part) + empty * (rows - box[0].stop)
    even: bytes = data + b"\0" * (len(data) % 2)
    return even


@lru_cache(maxsize=1)
def _empty_row(columns: int) -> bytes:
    return _runs(np.zeros((1, columns), np.uint8))


def _runs(rows: NDArray[np.uint8]) -> bytes:
    """Runs of equal bytes: 257 - length and the byte; a single one as 0 and the byte."""
    flat = rows.ravel()
    begins = np.ones(rows.shape, np.bool_)
    np.not_equal(rows[:, 1:], rows[:, :-1], out=begins[:, 1:])
    starts = np.flatnonzero(begins)
    lengths = np.diff(starts, append=flat.size)
    pieces = -(-lengths // RUN)
    counts = np.full(pieces.sum(), RUN)
    counts[np.cumsum(pieces) - 1] = lengths - (pieces - 1) * RUN
    heads = np.where(counts == 1, 0, 257 - counts)
    return np.column_stack([heads, np.repeat(flat[starts], pieces)]).astype(np.uint8).tobytes()
