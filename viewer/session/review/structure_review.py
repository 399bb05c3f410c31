"""Review of a result structure by structure: the most doubtful first, each accepted, corrected or rejected."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from viewer.data.box import box_union, label_box
from viewer.data.segmentation import DECIDED
from viewer.scene.segmentation.edits import EditLabels
from viewer.scene.segmentation.stroke import Stroke
from viewer.scene.segmentation.verdicts import ACCEPTED

if TYPE_CHECKING:
    from viewer.data.annotations.region import Point
    from viewer.data.arrays import ProgressCallback
    from viewer.data.segmentation import Key, Segment, Segmentation
    from viewer.scene.document import Document
    from viewer.scene.history import History
    from viewer.scene.layer import VolumeLayer
    from viewer.scene.segmentation_layer import SegmentationLayer
    from viewer.scene.task import Task
    from viewer.session.background import Background
    from viewer.session.review.audit_trail import AuditTrail
    from viewer.session.tasks import Tasks


@dataclass(eq=False)
class StructureReview:
    """Each verdict is one step of the history. trail: says who decides; that is written into the segment."""

    history: History
    background: Background
    tasks: Tasks
    trail: AuditTrail

    def accept(self, layer: SegmentationLayer, key: Key) -> None:
        """Accept a structure: "accepted" as the model gave it, "corrected" where it was edited since.

        What no model gave is completed. Raises ValueError, one sentence, where it was rejected; KeyError where it is
        gone.
        """
        if (edit := acceptance(layer, key, self.trail.reader)) is not None:
            self.history.do(edit)

    def reject(self, layer: SegmentationLayer, key: Key) -> None:
        """Reject a structure: its voxels go, the segment stays, and so does what the model gave.

        Raises ValueError, one sentence, where it is locked; KeyError where it is gone.
        """
        if (edit := rejection(layer, key, self.trail.reader)) is not None:
            self.history.do(edit)

    def restore(self, layer: SegmentationLayer, key: Key) -> Task:
        """Make a structure what the model gave, to be reviewed anew; voxels of other segments by now stay theirs."""
        segment, given, generation = _segment(layer, key), layer.given, layer.generation
        title = f"Bring back {segment.name}"

        def call(tell: ProgressCallback) -> Segmentation:
            if given is None:
                raise ValueError(f"{layer.name} is no model's result: there is nothing to bring back.")
            if key in layer.locked:
                raise ValueError(f"{segment.name} is locked: unlock it to bring back what the model gave.")
            if not any(one.key == key or one.name == segment.name for one in given.segments):
                raise ValueError(f"{segment.name} is nothing that the model gave: undo its prompts, or reject it.")
            return given.segmentation(layer.grid)

        def done(found: Segmentation) -> None:
            if generation != layer.generation or layer not in tuple(self.history.document):
                self.background.post(lambda: self.tasks.fail(task, f"{layer.name} was changed meanwhile: try again."))
            else:
                self._restore(layer, segment, found, title)

        task = self.background.ask(title, call, done)
        return task

    def _restore(self, layer: SegmentationLayer, segment: Segment, found: Segmentation, title: str) -> None:
        named = (one for one in found.segments if one.name == segment.name)
        was = found.segment(segment.key) or next(named, None)
        labels, stroke = layer.segmentation.maps[segment.layer], Stroke(layer)
        around = label_box(labels, segment.label)
        if was is not None:
            around = box_union(label_box(found.maps[was.layer], was.label), around)
        if around is not None:
            there = np.zeros(labels[around].shape, np.bool_)
            if was is not None:
                there = found.maps[was.layer][around] == was.label
            own, free = labels[around] == segment.label, labels[around] == 0
            stroke.fill(segment.layer, around, own & ~there, 0)
            stroke.fill(segment.layer, around, free & there, segment.label)
        stroke.change(segment.key, lambda one: replace(one, review="unreviewed", reader=""))
        edit = stroke.edit(title)
        if edit is not None:
            self.history.do(edit)


def acceptance(layer: SegmentationLayer, key: Key, reader: str) -> EditLabels | None:
    """The edit that accepts a structure, or completes what no model gave; None where that was done.

    Raises ValueError, one sentence, where it was rejected; KeyError where it is gone.
    """
    segment = _segment(layer, key)
    if segment.review == "rejected":
        raise ValueError(f"{segment.name} was rejected: bring back what the model gave first.")
    if is_decided(segment):
        return None
    before = layer.segmentation.segments
    decided = replace(segment, review=ACCEPTED.get(segment.review, "source"), reader=reader)
    if segment.review == "source":
        decided = replace(decided, state="completed")
    after = tuple(decided if one is segment else one for one in before)
    return EditLabels(layer, f"Accept {segment.name}", before, after)


def rejection(layer: SegmentationLayer, key: Key, reader: str) -> EditLabels | None:
    """The edit that rejects a structure: its voxels are gone already, as after a stroke; None where nothing changes.

    Raises ValueError, one sentence, where it is locked; KeyError where it is gone.
    """
    segment = _segment(layer, key)
    if key in layer.locked:
        raise ValueError(f"{segment.name} is locked: unlock it to reject it.")
    stroke, labels = Stroke(layer), layer.segmentation.maps[segment.layer]
    around = label_box(labels, segment.label)
    if around is not None:
        stroke.fill(segment.layer, around, labels[around] == segment.label, 0)
    stroke.change(key, lambda one: replace(one, review="rejected", reader=reader))
    return stroke.edit(f"Reject {segment.name}")


def reviewed_segments(layer: SegmentationLayer | None) -> tuple[Segment, ...]:
    """The segments that a model gave, and those of which prompts tell how sure they are, the most doubtful first."""
    segments = layer.segmentation.segments if layer else ()
    given = [one for one in segments if one.review != "source" or one.latest_doubt is not None]
    return tuple(sorted(given, key=lambda one: one.latest_doubt.rank if one.latest_doubt else (1.0, 0)))


def is_decided(segment: Segment) -> bool:
    """Whether a reader has said what becomes of it; of what no model gave the state says it."""
    return segment.review in DECIDED or (segment.review == "source" and segment.state in ("completed", "rejected"))


def next_to_review(layer: SegmentationLayer, key: Key | None) -> Segment | None:
    """The next after a segment, by doubt and round and round, that is not decided; None where all are."""
    segments = reviewed_segments(layer)
    place = next((n for n, one in enumerate(segments) if one.key == key), -1)
    ahead = (*segments[place + 1 :], *segments[: place + 1])
    return next((one for one in ahead if not is_decided(one)), None)


def find_doubt_map(document: Document, layer: SegmentationLayer) -> VolumeLayer | None:
    """The doubt map of the run that made a segmentation, on its grid; of a drawn one the topmost of its image.

    None where there is none: the map of another run says nothing of this one.
    """
    maps = [
        one
        for one in reversed(document.volume_layers)
        if one.is_doubt and one.grid.matches(layer.grid) and one.made_from == layer.made_from
    ]
    made = layer.segmentation.provenance
    return next((one for one in maps if made is None or one.volumes[0].provenance == made), None)


def most_doubtful_place(layer: SegmentationLayer, segment: Segment, map: VolumeLayer | None) -> Point | None:
    """Where in the world (LPS mm) a segment is most doubtful; without a map its middle; None without voxels.

    By the doubt of its own mask where it has one, else by the map. Takes some time for large images: not for the main
    thread.
    """
    from viewer.compute.labels.doubt_map import most_doubtful, most_doubtful_voxel

    voxel, grid = None, layer.grid
    if segment.mask_doubt is not None:
        own, grid = segment.mask_doubt.map()
        voxel = most_doubtful_voxel(own)
    if voxel is None:
        stored, grid = map.volumes[0].array if map is not None else None, layer.grid
        voxel = most_doubtful(layer.segmentation.maps[segment.layer], segment.label, stored)
    if voxel is None:
        return None
    x, y, z = (float(mm) for mm in grid.to_world(voxel))
    return layer.world_place((x, y, z))


def _segment(layer: SegmentationLayer, key: Key) -> Segment:
    segment = layer.segmentation.segment(key)
    if segment is None:
        raise KeyError(key)
    return segment
