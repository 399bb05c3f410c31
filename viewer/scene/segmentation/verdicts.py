"""What becomes of verdicts on segments when these are edited, and of their layer when the last verdict is given."""

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

    One whose verdict differs from what it was before keeps it: the edit itself gives it. A new one, such as a part
    that was split off, was accepted by nobody.
    """
    were = {one.key: one.review for one in before}
    same = len(before) == len(after)  # then one that went into another map is known by its place
    reviews = [before[n].review if same else were.get(one.key) for n, one in enumerate(after)]
    return tuple(
        replace(one, review="edited")
        if one.key in changed and was in (None, one.review) and one.review not in ("source", "edited")
        else one
        for one, was in zip(after, reviews, strict=True)
    )


def layer_verdict(review: Review, before: Segments, after: Segments) -> Review:
    """The review of a layer when its segments become `after`: of a result the sum of its segments' verdicts.

    As it was where no verdict changes. Rejected where all are; not reviewed while one is undecided.
    """
    were, are = ([one.review for one in segments if one.review != "source"] for segments in (before, after))
    if review == "source" or not are or were == are:
        return review
    if not all(one in DECIDED for one in are):
        return "unreviewed"
    return "rejected" if set(are) == {"rejected"} else "accepted"


def with_verdicts(segments: Segments, table: dict[Verdict, Verdict]) -> Segments:
    """The segments, each verdict of the table replaced by what that says."""
    return tuple(replace(one, review=table.get(one.review, one.review)) for one in segments)
