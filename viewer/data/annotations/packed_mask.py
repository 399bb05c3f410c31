"""A mask as a short text, for what is kept as JSON."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Sequence

import numpy as np

from viewer.data.arrays import Mask
from viewer.data.box import Box, box_at, box_shape, box_size, mask_box

LARGEST = 1 << 31  # voxels


def pack_mask(mask: Mask, start: Sequence[int] = (0, 0, 0)) -> str:
    """A mask [k, j, i] that begins at voxel `start`: its box and, base64 of zlib, the bits in it; "" if it is empty."""
    box = mask_box(mask)
    if box is None:
        return ""
    numbers = [first + side.start for first, side in zip(start, box, strict=True)] + list(box_shape(box))
    return f"{' '.join(map(str, numbers))} {base64.b64encode(zlib.compress(np.packbits(mask[box]).tobytes())).decode()}"


def mask_checksum(mask: Mask, start: Sequence[int] = (0, 0, 0)) -> int:
    """The CRC-32 of a mask [k, j, i] that begins at voxel `start`: another one where a voxel came or went."""
    box = mask_box(mask)
    if box is None:
        return 0
    place = [first + side.start for first, side in zip(start, box, strict=True)]
    return zlib.crc32(np.packbits(mask[box]).tobytes(), zlib.crc32(repr((place, box_shape(box))).encode()))


def unpack_mask(text: str) -> tuple[Box, Mask] | None:
    """The box and the mask in it; None where it is empty. Raises ValueError where the text is no packed mask."""
    if not text:
        return None
    *numbers, data = text.split(" ")
    if len(numbers) != 6 or not all(number.isdecimal() for number in numbers):
        raise ValueError("a mask's box is six whole numbers")
    box = box_at([int(number) for number in numbers[:3]], [int(number) for number in numbers[3:]])
    count = box_size(box)
    if not 0 < count <= LARGEST:
        raise ValueError("a mask's box is empty or too large")
    length = (count + 7) // 8
    try:
        packed = zlib.decompressobj().decompress(base64.b64decode(data, validate=True), length + 1)
    except (binascii.Error, zlib.error) as error:
        raise ValueError("a mask is damaged") from error
    if len(packed) != length:
        raise ValueError("a mask has another size than its box")
    bits = np.unpackbits(np.frombuffer(packed, np.uint8), count=count)
    return box, bits.astype(np.bool_).reshape(box_shape(box))
