"""What becomes of verdicts and doubts when segments are edited, and of their layer when the last verdict is given."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from viewer.data.segmentation import DECIDED, Key, Segment, Verdict
from viewer.scene.layer import Review

Segments = tuple[Segment, ...]

ACCEPTED: dict[Verdict, Verdict] = {"unreviewed": "accepted", "edited": "corrected"}
REOPENED: dict[Verdict, Verdict] = {"accepted": "unreviewed", "corrected": "edited"}


def without_stale_verdicts(before: Segments, after: Segments, changed: Collection[Key]) -> Segments:
    """`after`, with "edited" for each segment of a model whose voxels changed: what was accepted is not what is there.

    One whose verdict differs from what it was before keeps it: the edit itself gives it, as one that brings a model's
    answer does. A new one, such as a part that was split off, was accepted by nobody.
    """
    return tuple(
        replace(one, review="edited")
        if one.key in changed
        and (was is None or (was.review, was.provenance) == (one.review, one.provenance))
        and one.review not in ("source", "edited")
        else one
        for one, was in zip(after, _before(before, after), strict=True)
    )


def without_stale_doubts(before: Segments, after: Segments, changed: Collection[Key]) -> Segments:
    """`after`, without the doubt of each mask whose voxels changed since, unless the edit itself brings a new one."""
    return tuple(
        replace(one, mask_doubt=None)
        if one.key in changed and one.mask_doubt is not None and (was is None or was.mask_doubt == one.mask_doubt)
        else one
        for one, was in zip(after, _before(before, after), strict=True)
    )


def _before(before: Segments, after: Segments) -> list[Segment | None]:
    """What each segment was; None for a new one. One that went into another map is known by its place in the list."""
    if len(before) == len(after):
        return list(before)
    were = {one.key: one for one in before}
    return [were.get(one.key) for one in after]


def layer_verdict(review: Review, before: Segments, after: Segments, *, drawn: bool) -> Review:
    """The review of a layer when its segments become `after`: the sum of the verdicts on what a model gave of it.

    As it was where no verdict changes. Rejected where all are; not reviewed while one is undecided. drawn: whether
    people made the layer: then it is a source, until a model answers prompts in it.
    """
    were, are = ([one.review for one in segments if one.review != "source"] for segments in (before, after))
    if were == are or (review == "source" and not any(one.is_learned for one in after)):
        return review
    if not are:
        return "source" if drawn else review
    if not all(one in DECIDED for one in are):
        return "unreviewed"
    return "rejected" if {one.review for one in after} == {"rejected"} else "accepted"


def with_verdicts(segments: Segments, table: dict[Verdict, Verdict]) -> Segments:
    """The segments, each verdict of the table replaced by what that says."""
    return tuple(replace(one, review=table.get(one.review, one.review)) for one in segments)
