"""What several readers' segmentations of one image come to: the majority's, or the one that explains them best."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import numpy as np

from viewer.compute.labels.comparison import boxes_of, check, mask_of, pairs
from viewer.compute.progress import Refusal
from viewer.data.box import Box, box_union
from viewer.data.provenance import Provenance
from viewer.data.segmentation import Segment, Segmentation
from viewer.settings import application_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from viewer.data.arrays import Floats, Mask, ProgressCallback

Method = Literal["majority", "staple"]
TITLES: dict[Method, str] = {"majority": "Majority", "staple": "STAPLE"}
MOST_READERS = 16
ROUNDS, STILL = 1000, 1e-12  # of the estimate, and the change after which it has come to rest
CERTAIN = 255  # how sure a voxel's label is, in steps

Readers = list[Segment | None]  # a segment as each reader has it


@dataclass(frozen=True)
class Staple:
    """What STAPLE estimates. weights: the probability of the true segment for each pattern of votes, 0…1.

    sensitivity, specificity: by reader, 0…1.
    """

    weights: Floats
    sensitivity: Floats
    specificity: Floats


def staple(counts: Floats, readers: int, rounds: int = ROUNDS) -> Staple:
    """Simultaneous truth and performance level estimation (Warfield et al., IEEE TMI 23, 2004), for one segment.

    counts: of the voxels of the whole image by their pattern of votes; bit r of a pattern is set where reader r has the
    segment. Voxels of one pattern are alike to the method, so it runs on 2^readers numbers and not on the image. The
    prior is the mean share of voxels that readers gave the segment, and the first guess is the mean of the votes, as in
    itk::STAPLEImageFilter: two readers alone leave more than one answer, and the first guess tells which.
    rounds: of the estimate, at most.
    """
    votes = (np.arange(len(counts))[:, None] >> np.arange(readers)) & 1
    weights = majority(readers)
    prior = float(counts @ weights / counts.sum())
    p, q = np.zeros(readers), np.zeros(readers)
    tiny = np.finfo(float).tiny
    for _ in range(rounds):
        before = np.concatenate([p, q])
        inside, outside = counts * weights, counts * (1 - weights)
        p = inside @ votes / max(float(inside.sum()), tiny)
        q = outside @ (1 - votes) / max(float(outside.sum()), tiny)
        yes = prior * np.where(votes, p, 1 - p).prod(axis=1)
        no = (1 - prior) * np.where(votes, 1 - q, q).prod(axis=1)
        weights = yes / np.maximum(yes + no, tiny)
        if np.abs(np.concatenate([p, q]) - before).max() < STILL:
            break
    return Staple(weights, p, q)


def majority(readers: int) -> Floats:
    """The share of readers for each pattern of votes."""
    votes = (np.arange(2**readers)[:, None] >> np.arange(readers)) & 1
    return np.asarray(votes.mean(axis=1))


def consensus(
    segmentations: Sequence[Segmentation],
    method: Method,
    names: Sequence[str] = (),
    tell: ProgressCallback = lambda fraction: None,
) -> Segmentation:
    """One segmentation of every segment that a reader has, matched by code or name as `comparison.pairs` does.

    A voxel belongs to a segment with more than half of the votes, or of the probability. Segments of one label map that
    both claim a voxel: the surer one has it. names: of the readers. tell: gets the progress; may raise Cancelled.
    Raises Refusal, one sentence, for fewer than two or too many readers, and for different grids.
    """
    if not 2 <= len(segmentations) <= MOST_READERS:
        raise Refusal(f"A consensus takes 2 to {MOST_READERS} segmentations, not {len(segmentations)}.")
    for other in segmentations[1:]:
        check(segmentations[0], other)
    started, clock = datetime.now().astimezone().isoformat(timespec="microseconds"), time.perf_counter()
    rows, boxes = matched(segmentations), [boxes_of(one) for one in segmentations]
    draft = _Draft(segmentations[0])
    found: dict[str, dict[str, list[float]]] = {}
    for done, row in enumerate(rows):
        tell(done / len(rows))
        box = None
        for reader, segment in enumerate(row):
            box = box_union(box, boxes[reader][segment.layer].get(segment.label) if segment else None)
        patterns = _patterns(segmentations, row, box) if box else np.zeros((0, 0, 0), np.uint16)
        rated = _rate_patterns(patterns, draft.size, method, len(segmentations))
        draft.add(row, box, rated.weights[patterns], TITLES[method])
        if method == "staple":
            found[draft.segments[-1].name] = {
                "sensitivity": rated.sensitivity.tolist(),
                "specificity": rated.specificity.tolist(),
            }
    parameters = {
        "method": TITLES[method],
        "readers": list(names) or [one.name for one in segmentations],
        "estimates": found,
    }
    said = Provenance(
        "consensus", application_version(), application_version(), parameters, started=started,
        seconds=time.perf_counter() - clock,
    )  # fmt: skip
    tell(1.0)
    name = f"Consensus ({TITLES[method]}, {len(segmentations)} readers)"
    return replace(draft.segmentation, name=name, provenance=said)


def matched(segmentations: Sequence[Segmentation]) -> list[Readers]:
    """Each segment as every reader has it, in the first one's order, then what later ones add."""
    rows: list[Readers] = [[one] for one in segmentations[0].segments]
    for count, other in enumerate(segmentations[1:], 1):
        found = pairs([_first(row) for row in rows], other.segments)
        for row, (_, theirs) in zip(rows, found, strict=False):
            row.append(theirs)
        rows += [[*[None] * count, theirs] for _, theirs in found[len(rows) :]]
    return rows


class _Draft:
    """The segmentation on its way. sure: how sure the label of each voxel is, for each label map."""

    def __init__(self, like: Segmentation) -> None:
        self.size = int(np.prod(like.grid.shape))
        self.segments: list[Segment] = []
        self._like = like
        self._maps: dict[int, NDArray[np.uint16]] = {}
        self._sure: dict[int, NDArray[np.uint8]] = {}

    def add(self, row: Readers, box: Box | None, weights: Floats, title: str) -> None:
        """Add a segment by the probability [k, j, i] of each voxel of its box, 0…1."""
        first = _first(row)
        taken = sum(one.layer == first.layer for one in self.segments)
        segment = replace(first, label=taken + 1, algorithm="SEMIAUTOMATIC", algorithm_name=title)
        self.segments.append(
            replace(segment, state="not started", reader="", remark="", review="unreviewed", doubt=None)
        )
        if first.layer not in self._maps:
            self._maps[first.layer] = np.zeros(self._like.grid.shape, np.uint16)
            self._sure[first.layer] = np.zeros(self._like.grid.shape, np.uint8)
        if box is not None:
            labels, sure = self._maps[first.layer][box], self._sure[first.layer][box]
            steps = np.ceil(weights * CERTAIN).astype(np.uint8)
            mask = (weights > 0.5) & (steps > sure)
            labels[mask], sure[mask] = segment.label, steps[mask]

    @property
    def segmentation(self) -> Segmentation:
        """Label maps close ranks, and are no wider than their labels need."""
        places = {layer: place for place, layer in enumerate(sorted(self._maps))}
        kind = np.uint8 if len(self.segments) <= np.iinfo(np.uint8).max else np.uint16
        maps = [self._maps[layer].astype(kind) for layer in places] or [np.zeros(self._like.grid.shape, kind)]
        segments = tuple(replace(one, layer=places[one.layer]) for one in self.segments)
        source = replace(self._like.source, files=(), sop_instance_uids=())
        return Segmentation(maps[0], self._like.grid, segments, source=source, overlapping=tuple(maps[1:]))


def _rate_patterns(patterns: NDArray[np.uint16], size: int, method: Method, readers: int) -> Staple:
    """What each pattern of votes comes to."""
    if method == "majority":
        return Staple(majority(readers), np.zeros(0), np.zeros(0))
    counts = np.bincount(patterns.ravel(), minlength=2**readers).astype(np.float64)
    counts[0] += size - patterns.size  # all that lies outside of the box
    return staple(counts, readers)


def _patterns(segmentations: Sequence[Segmentation], row: Readers, box: Box) -> NDArray[np.uint16]:
    """Who has the segment, bit by bit, for each voxel of a box."""
    masks: list[Mask] = [mask_of(one, segment, box) for one, segment in zip(segmentations, row, strict=True)]
    patterns = np.zeros(masks[0].shape, np.uint16)
    for reader, mask in enumerate(masks):
        patterns |= mask.astype(np.uint16) << reader
    return patterns


def _first(row: Readers) -> Segment:
    return next(one for one in row if one is not None)
