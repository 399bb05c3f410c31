"""Siemens' CSA header: a private element that holds named texts, in two layouts ("SV10" and an older one).

Layout: https://nipy.org/nibabel/dicom/siemens_csa.html. A damaged header tells nothing rather than something wrong.
"""

from __future__ import annotations

import math
import struct

NAME = 64  # bytes of a tag's name; 20 more follow before its items
MOST_ITEMS = 4096


def csa_texts(data: bytes, name: str) -> tuple[str, ...]:
    """The values of a tag, those that are empty left out; () where it is not there or damaged."""
    start = 8 if data.startswith(b"SV10") else 0
    key = name.encode() + b"\0"
    at = data.find(key, start + 8)
    while at >= 0 and (at - start - 8) % 4:  # names lie on 4-byte boundaries
        at = data.find(key, at + 1)
    if at < 0:
        return ()
    try:
        return tuple(_items(data, at, old=not start))
    except (struct.error, ValueError):
        return ()


def csa_numbers(data: bytes, name: str) -> tuple[float, ...]:
    """The values of a tag as numbers; () where it is not there or one is none."""
    try:
        found = tuple(float(text) for text in csa_texts(data, name))
    except ValueError:
        return ()
    return found if all(map(math.isfinite, found)) else ()


def _items(data: bytes, at: int, *, old: bool) -> list[str]:
    """The texts of the tag at `at`. The older layout counts lengths from the first tag's number of items.

    Raises struct.error or ValueError where it ends too early.
    """
    (count,) = struct.unpack_from("<i", data, at + NAME + 12)
    (first,) = struct.unpack_from("<i", data, 8 + NAME + 12) if old else (0,)
    if not 0 <= count <= MOST_ITEMS:
        raise ValueError("no number of items")
    at += NAME + 20
    texts = []
    for _ in range(count):
        head = struct.unpack_from("<4i", data, at)
        length = head[0] - first if old else head[1]
        at += 16
        if not 0 <= length <= len(data) - at:
            raise ValueError("no length of an item")
        texts.append(data[at : at + length].split(b"\0")[0].strip().decode("latin-1"))
        at += -(-length // 4) * 4
    return [text for text in texts if text]
