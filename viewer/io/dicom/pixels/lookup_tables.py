"""Lookup tables of a pydicom data set: palettes (PS3.3 C.7.6.3.1.5, C.7.9.2) and the Modality LUT (C.11.1.1.1).

pydicom takes byte order and odd lengths of tables on trust and wraps indices beyond 8 bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

COLOURS = ("Red", "Green", "Blue")
MOST = 1 << 16  # entries of a table


def apply_palette(pixels: NDArray[Any], ds: Dataset, *, big_endian: bool) -> NDArray[np.uint8]:
    """Stored values [j, i] as colours [j, i, 3]. Raises ValueError or LookupError where a table is damaged or missing.

    Tables of 16 bits whose entries all lie below 256 hold 8-bit colours: a common fault of writers.
    """
    tables, first = [], 0
    for colour in COLOURS:
        name = f"{colour}PaletteColorLookupTable"
        count, first, bits = _descriptor(ds[f"{name}Descriptor"].value, pixels)
        if f"{name}Data" in ds:
            tables.append(_entries(ds[f"{name}Data"].value, count, big_endian))
        else:
            words = _words(ds[f"Segmented{name}Data"].value, bits, big_endian)
            tables.append(np.array(expand_table(words, bits)[:count], np.uint16))
    found = np.stack(tables, axis=-1)
    if found.max() > 255:
        found >>= 8
    return found.astype(np.uint8)[_index(pixels, first, len(found))]


def apply_modality_table(pixels: NDArray[Any], ds: Dataset, *, big_endian: bool) -> NDArray[np.uint16]:
    """Stored values through the Modality LUT. Raises ValueError or LookupError where it is damaged or missing."""
    item = ds.ModalityLUTSequence[0]
    count, first, _ = _descriptor(item.LUTDescriptor, pixels)
    table = _entries(item.LUTData, count, big_endian)
    return table[_index(pixels, first, len(table))]


def _descriptor(told: Sequence[int], pixels: NDArray[Any]) -> tuple[int, int, int]:
    """Number of entries, first value mapped (of the sign of the pixels) and bits of an entry."""
    count, first, bits = (int(part) & 0xFFFF for part in told)
    if pixels.dtype.kind == "i" and first > 0x7FFF:
        first -= 1 << 16
    return count or MOST, first, bits


def _entries(data: Any, count: int, big_endian: bool) -> NDArray[np.uint16]:
    """The entries, of two bytes each where there are enough for that, else of one, whatever the descriptor says."""
    if not isinstance(data, bytes):
        return np.array([int(value) & 0xFFFF for value in np.atleast_1d(data)], np.uint16)
    if len(data) >= 2 * count:
        return np.frombuffer(data, ">u2" if big_endian else "<u2", count).astype(np.uint16)
    if len(data) < count:
        raise ValueError("the lookup table is shorter than its descriptor says")
    return _bytes(data, big_endian)[:count].astype(np.uint16)


def _bytes(data: bytes, big_endian: bool) -> NDArray[np.uint8]:
    """Bytes in their order; in a big-endian file they stand in pairs that are swapped."""
    if big_endian and len(data) % 2 == 0:
        return np.frombuffer(data, ">u2").astype("<u2").view(np.uint8)
    return np.frombuffer(data, np.uint8)


def _words(data: bytes, bits: int, big_endian: bool) -> list[int]:
    even = data[: len(data) // 2 * 2]
    words = _bytes(data, big_endian) if bits == 8 else np.frombuffer(even, ">u2" if big_endian else "<u2")
    return [int(word) for word in words]


def _index(pixels: NDArray[Any], first: int, count: int) -> NDArray[np.int64]:
    return np.clip(pixels.astype(np.int64) - first, 0, count - 1)


def expand_table(words: Sequence[int], bits: int) -> list[int]:
    """The entries of a segmented table: runs as they are (0), lines from the last entry (1), copies of segments (2).

    Raises ValueError where a segment is cut off, unknown, or points to the beginning of none.
    """
    out: list[int] = []
    starts: list[int] = []
    at = 0
    while at + 1 < len(words) and len(out) < MOST:
        if words[at] != 2:
            starts.append(at)
            at = _segment(words, at, out)
            continue
        parts = words[at + 2 : at + (6 if bits == 8 else 4)]
        offset = sum(part << (bits * n) for n, part in enumerate(parts))
        # Counted in bytes; some writers count words.
        copied = next(place for place in (offset * 8 // bits, offset, -1) if place in starts or place < 0)
        if copied < 0:
            raise ValueError("a segmented lookup table points to no segment")
        for _ in range(words[at + 1]):
            copied = _segment(words, copied, out) if len(out) < MOST else copied
        at += 2 + len(parts)
    return out


def _segment(words: Sequence[int], at: int, out: list[int]) -> int:
    """Append what a run or a line makes; the place behind it."""
    kind, count = (*words[at : at + 2], -1, -1)[:2]
    if kind == 0 and 0 < count <= len(words) - at - 2:
        out += words[at + 2 : at + 2 + count]
        return at + 2 + count
    if kind == 1 and out and count > 0 and at + 2 < len(words):
        out += np.rint(np.linspace(out[-1], words[at + 2], count + 1)[1:]).astype(int).tolist()
        return at + 3
    raise ValueError("a segmented lookup table is damaged")
