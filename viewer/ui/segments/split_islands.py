"""The parts of a segment that do not hang together, each a segment of its own."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QThreadPool

from viewer.compute.labels.label_image import COLORS
from viewer.data.arrays import Mask, Tell
from viewer.data.box import Box
from viewer.effects.effect import Given
from viewer.scene.segmentation.stroke import Stroke
from viewer.ui.segments.controller import SegmentsEditing
from viewer.ui.widgets.background_call import Look

Found = tuple[Box, list[Mask]]


def split(do: SegmentsEditing) -> None:
    """Beside the window; one step of the history. The largest part stays the segment itself."""
    given = do.given()
    if given is None:
        do.session.warn(do.problem)
        return
    generation = given.layer.generation

    def call(tell: Tell) -> list[Found]:
        from viewer.compute.effects.shape.islands import split as parts_of

        box, mask = given.part()
        return [(box, parts_of(mask))]

    def made(found: list[Found]) -> None:
        if given.layer.generation != generation:
            do.session.warn(f"{given.layer.name} was changed while it was split; split it again.")
        else:
            _into_segments(do, given, *found[0])

    work = do.work = Look(call)
    work.answers.found.connect(made)
    work.answers.failed.connect(do.session.warn)
    QThreadPool.globalInstance().start(work)


def _into_segments(do: SegmentsEditing, given: Given, box: Box, parts: list[Mask]) -> None:
    layer, segment = given.layer, given.segment
    if len(parts) < 2:
        do.session.warn(f"{segment.name} hangs together: there is nothing to split.")
        return
    stroke = Stroke(layer)
    for number, part in enumerate(parts[1:], 2):
        segments = layer.segmentation.segments
        label, color = layer.segmentation.free_label(segment.layer), COLORS[len(segments) % len(COLORS)]
        stroke.arrange((*segments, replace(segment, label=label, name=f"{segment.name} {number}", color=color)))
        stroke.fill(segment.layer, box, part, label)
    do.session.end_stroke(stroke, f"Split {segment.name}")
