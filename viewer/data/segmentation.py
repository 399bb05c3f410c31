"""Labelled regions of a volume."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from viewer.data.annotations.doubt import Doubt
from viewer.data.annotations.mask_doubt import MaskDoubt
from viewer.data.annotations.prompts import Prompt
from viewer.data.arrays import blank_labels
from viewer.data.grid import Grid
from viewer.data.printable_text import keep_printable
from viewer.data.provenance import Provenance
from viewer.data.study import Source

State = Literal["not started", "in progress", "completed", "flagged", "rejected"]
Algorithm = Literal["MANUAL", "SEMIAUTOMATIC", "AUTOMATIC"]  # Segment Algorithm Type (0062,0008), PS3.3 C.8.20.4
Side = Literal["", "left", "right"]
Verdict = Literal["source", "unreviewed", "edited", "accepted", "corrected", "rejected"]
DECIDED: tuple[Verdict, ...] = ("accepted", "corrected", "rejected")  # a reader has said what becomes of the segment
Key = tuple[int, int]  # which label map, and the value in it: what tells the segments of a segmentation apart
Code = tuple[str, str, str]  # scheme, value, meaning

HIGHEST = 65_535  # label that is taken: label maps hold 8 or 16 bits


@dataclass(frozen=True)
class Segment:
    """One label: its value in the array, name, colour (r, g, b in 0…255) and coded meaning (scheme, value, meaning).

    layer: which of the segmentation's label maps holds it; segments that overlap lie in different ones.
    state, reader, remark: how far its review is, whose, and what was said. side: of what comes in pairs; the code does
    not tell it (viewer.data.terminology).
    prompts: those that its voxels were found from, in order. base_mask, base_review: its voxels
    (viewer.data.annotations.packed_mask) and its verdict before the first of them. provenance: of the trained model
    that found voxels from prompts; else the segmentation's holds. mask_doubt: how far its voxels can be trusted as
    these prompts found them; gone with any other change of them.
    review: of what a model gave, what a reader made of it: "edited" is changed since, and not accepted; "corrected" is
    changed and accepted; "source" is what no model gave. doubt: how far it can be trusted, as the model left it.
    """

    label: int
    name: str
    color: tuple[int, int, int] = (230, 159, 0)
    code: Code | None = None
    layer: int = 0
    algorithm: Algorithm = "MANUAL"
    algorithm_name: str = ""
    state: State = "not started"
    reader: str = ""
    remark: str = ""
    side: Side = ""
    prompts: tuple[Prompt, ...] = ()
    base_mask: str = ""
    base_review: Verdict = "source"
    provenance: Provenance | None = field(default=None, hash=False)
    mask_doubt: MaskDoubt | None = None
    review: Verdict = "source"
    doubt: Doubt | None = None

    def __post_init__(self) -> None:
        keep_printable(self, "name", "reader", "remark")

    @property
    def key(self) -> Key:
        """What a segmentation knows it by: the number of its label map, and its label there."""
        return self.layer, self.label

    @property
    def is_learned(self) -> bool:
        """Whether a trained model had a part in its voxels by its own provenance, whatever its segmentation is."""
        return self.provenance is not None and self.provenance.learned

    @property
    def latest_doubt(self) -> Doubt | None:
        """How far its voxels can be trusted: as their prompts found them, else as the model left them."""
        return self.mask_doubt.doubt if self.mask_doubt else self.doubt


@dataclass(frozen=True, eq=False)
class Segmentation:
    """A label map [k, j, i] of unsigned integers (0 is background) and the segments its values stand for.

    overlapping: further label maps of the same shape, for segments that share voxels with those of the first.
    Raises ValueError where a map does not fit the grid or is not unsigned, where a segment has a label that its map
    cannot hold, and where two segments are the same label of one map.
    """

    array: NDArray[Any]
    grid: Grid
    segments: tuple[Segment, ...]
    name: str = ""
    source: Source = field(default_factory=Source)
    provenance: Provenance | None = None
    badges: tuple[str, ...] = ()  # what a reader must know, as of a Volume: "resampled …"
    overlapping: tuple[NDArray[Any], ...] = ()

    def __post_init__(self) -> None:
        for array in self.maps:
            if array.shape != self.grid.shape:
                raise ValueError(f"a label map of shape {array.shape} does not fit a grid of {self.grid.shape}")
            if array.dtype.kind != "u":
                raise ValueError(f"a label map holds unsigned integers, not {array.dtype}")
        highest = [min(HIGHEST, int(np.iinfo(array.dtype).max)) for array in self.maps]
        for segment in self.segments:
            if not 0 <= segment.layer < len(highest) or not 0 < segment.label <= highest[segment.layer]:
                raise ValueError(f"the segment {segment.name} has the label {segment.label}, which its map cannot hold")
        if len({segment.key for segment in self.segments}) < len(self.segments):
            raise ValueError("two segments are the same label of one label map")
        keep_printable(self, "name", "badges")

    @property
    def maps(self) -> tuple[NDArray[Any], ...]:
        """Every label map, the first one first."""
        return self.array, *self.overlapping

    def segment(self, key: Key | None) -> Segment | None:
        """The segment of that key, or None."""
        return next((one for one in self.segments if one.key == key), None)

    def mask(self, segment: Segment) -> NDArray[np.bool_]:
        """The voxels of a segment [k, j, i]."""
        return np.asarray(self.maps[segment.layer] == segment.label)

    def free_label(self, layer: int = 0) -> int:
        """A label of that map that no segment has had lately. Raises ValueError, one sentence, where all are taken."""
        taken = {segment.label for segment in self.segments if segment.layer == layer}
        label = max(taken, default=0) + 1
        if label > HIGHEST:
            label = next((n for n in range(1, HIGHEST + 1) if n not in taken), 0)
        if not label:
            raise ValueError(f"{self.name} has {HIGHEST} segments, and a label map holds no more: remove one first.")
        return label

    def with_segments(self, segments: Iterable[Segment]) -> Segmentation:
        """The same maps with other segments: widened where a label needs it, new ones blank, unused last ones left out.

        Maps that need no change are shared, not copied.
        """
        segments = tuple(segments)
        count = 1 + max((segment.layer for segment in segments), default=0)
        maps = [*self.maps[:count]]
        maps += [blank_labels(self.grid.shape, self.array.dtype) for _ in range(count - len(maps))]
        for layer, array in enumerate(maps):
            top = max((segment.label for segment in segments if segment.layer == layer), default=0)
            if top > np.iinfo(array.dtype).max:
                maps[layer] = array.astype(np.uint16)
        return replace(self, array=maps[0], overlapping=tuple(maps[1:]), segments=segments)
