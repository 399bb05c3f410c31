"""What was, and what is, in some boxes of label maps, compressed: what a stroke costs to keep."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from viewer.data.arrays import Labels
from viewer.data.box import Box, box_at, box_shape, mask_box, shift_box
from viewer.data.segmentation import Key

BLOCK = 32  # voxels along each side of what is looked at, set aside and kept at once
FAST = 1  # zlib's level: label maps shrink a hundredfold at any

Place = tuple[int, int, int, int, int, int, int]  # label map, first voxel k, j, i, shape k, j, i
Change = tuple[int, Box, Labels, Labels]  # label map, box, what was there, what is


@dataclass(frozen=True)
class LabelDelta:
    """Changed boxes. places: where they lie. dtype: of the labels. before, after: these, one box after the other."""

    places: tuple[Place, ...]
    dtype: str
    before: bytes
    after: bytes

    @classmethod
    def of(cls, changes: Iterable[Change]) -> LabelDelta | None:
        """Only what differs is kept, block by block; None where nothing does."""
        blocks = (block for change in changes for block in _blocks(change))
        kept = [part for block in blocks if (part := _trimmed(block)) is not None]
        if not kept:
            return None
        places, were, are = zip(*((_place(layer, box), was, now) for layer, box, was, now in kept), strict=True)
        dtype = np.result_type(*were, *are)
        return cls(places, dtype.str, _packed(were, dtype), _packed(are, dtype))

    def check(self, shape: Sequence[int]) -> None:
        """Raises ValueError where a box lies outside of label maps of that shape, or where labels are missing."""
        for _, *start, deep, high, wide in self.places:
            ends = zip(start, (deep, high, wide), shape, strict=True)
            if not all(0 <= first < first + size <= most for first, size, most in ends):
                raise ValueError("a box lies outside its label map")
        for packed in (self.before, self.after):
            self._unpacked(packed)

    @property
    def size(self) -> int:
        """Bytes kept."""
        return len(self.before) + len(self.after)

    @property
    def keys(self) -> frozenset[Key]:
        """The segments, told by label map and label, that gained or lost a voxel."""
        found: set[Key] = set()
        for (map, _, was), (_, _, now) in zip(self.unpack(self.before), self.unpack(self.after), strict=True):
            changed = was != now
            found |= {(map, int(label)) for one in (was, now) for label in np.unique(one[changed]) if label}
        return frozenset(found)

    def unpack(self, packed: bytes) -> Iterator[tuple[int, Box, Labels]]:
        """The boxes of `before` or `after`: number of the label map, box [k, j, i], labels."""
        labels, at = self._unpacked(packed), 0
        for place in self.places:
            shape = place[4:]
            size = math.prod(shape)
            yield place[0], box_at(place[1:4], shape), labels[at : at + size].reshape(shape)
            at += size

    def _unpacked(self, packed: bytes) -> Labels:
        """The labels of all boxes in a row. Raises ValueError where they are not as many as the boxes hold."""
        try:
            labels = np.frombuffer(zlib.decompress(packed), self.dtype)
        except zlib.error as error:
            raise ValueError("boxes of labels are not whole") from error
        if len(labels) != sum(math.prod(place[4:]) for place in self.places):
            raise ValueError("boxes of labels are not whole")
        return labels


def _blocks(change: Change) -> Iterator[Change]:
    layer, box, before, after = change
    for starts in product(*(range(0, size, BLOCK) for size in before.shape)):
        k, j, i = (slice(start, start + BLOCK) for start in starts)
        part = before[k, j, i]
        yield layer, shift_box(box_at((k.start, j.start, i.start), part.shape), box), part, after[k, j, i]


def _trimmed(change: Change) -> Change | None:
    layer, box, before, after = change
    found = mask_box(before != after)
    if found is None:
        return None
    return layer, shift_box(found, box), before[found], after[found]


def _packed(arrays: Iterable[Labels], dtype: np.dtype[Any]) -> bytes:
    packer = zlib.compressobj(FAST)
    parts = [packer.compress(np.ascontiguousarray(array, dtype).data) for array in arrays]
    return b"".join([*parts, packer.flush()])


def _place(layer: int, box: Box) -> Place:
    k, j, i = box
    return layer, k.start, j.start, i.start, *box_shape(box)
