"""The verbs that make and change segmentations. Each change is one step of the history."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.compute.labels.label_image import COLORS
from viewer.compute.progress import Cancelled
from viewer.data.arrays import blank_labels
from viewer.data.box import Box, label_box
from viewer.data.segmentation import Code, Key, Segment, Segmentation, Side
from viewer.effects.effect_run import Call, Effect, How, apply
from viewer.scene.edits import AddLayer
from viewer.scene.segmentation.edits import EditLabels
from viewer.scene.segmentation.masking import EVERYWHERE, Masking
from viewer.scene.segmentation.stroke import Stroke
from viewer.scene.segmentation_layer import SegmentationLayer, segmentation_layer
from viewer.scene.task import Message, Task

if TYPE_CHECKING:
    from viewer.data.arrays import Mask
    from viewer.data.volume import Volume
    from viewer.scene.document import Document
    from viewer.scene.history import History
    from viewer.scene.layer import VolumeLayer
    from viewer.scene.view_state import ViewState
    from viewer.session.background import Background
    from viewer.session.journal import SessionJournal
    from viewer.session.tasks import Messages, Tasks


@dataclass(eq=False)
class Segments:
    """Boxes and masks are those of the segmentation's grid, [k, j, i]."""

    document: Document
    state: ViewState
    history: History
    journal: SessionJournal
    background: Background
    tasks: Tasks
    messages: Messages

    # ---- segmentations
    def new_layer(self, image: VolumeLayer, name: str = "") -> SegmentationLayer:
        """An empty segmentation over an image, on its grid; of several time points that of the one that is shown."""
        layer = self._blank_layer(image, name)
        self.history.do(AddLayer(layer))
        return layer

    def first_layer(self, image: VolumeLayer) -> SegmentationLayer:
        """The same with an empty segment, chosen; not in the document yet."""
        layer = self._blank_layer(image)
        made = Segment(1, "Segment 1", COLORS[0])
        layer.segmentation, layer.active = replace(layer.segmentation, segments=(made,)), made.key
        return layer

    def _blank_layer(self, image: VolumeLayer, name: str = "") -> SegmentationLayer:
        several = len(image.volumes) > 1
        volume = image.volume(self.state.timepoint)
        at = f", time point {self.state.timepoint + 1}" if several else ""
        source = volume.source.of_timepoint(self.state.timepoint, len(image.volumes), volume.grid.shape[0])
        values = Segmentation(
            blank_labels(volume.grid.shape, np.uint8), volume.grid, (), name or f"Segments of {image.name}{at}", source
        )
        layer = segmentation_layer(values, image)
        layer.drawn_at = self.state.timepoint if several else None
        return layer

    def add_layer(self, layer: SegmentationLayer) -> Task:
        """Show one that was read or computed: first it is stored for recovery, in the background.

        Over an image that is hidden it comes hidden, too. Label maps that cannot be written to are copied.
        """
        task = self.tasks.add("load", f"Show {layer.name}")
        task.begin()
        self.background.run(task, self._add_layer, task, layer)
        return task

    def _add_layer(self, task: Task, layer: SegmentationLayer) -> None:
        first, *others = (map if map.flags.writeable else map.copy() for map in layer.segmentation.maps)
        layer.segmentation = replace(layer.segmentation, array=first, overlapping=tuple(others))
        self.journal.store([layer])

        def add() -> None:
            under = self.document.find(layer.made_from)
            layer.visible = layer.visible and (under is None or under.visible)
            self.history.do(AddLayer(layer))
            task.end("done")

        self.background.post(add)

    # ---- segments
    def add(
        self,
        layer: SegmentationLayer,
        name: str = "",
        color: tuple[int, int, int] | None = None,
        code: Code | None = None,
        side: Side = "",
    ) -> Segment:
        """An empty segment, chosen from now on. Raises ValueError, one sentence, where there is no label left."""
        segments = layer.segmentation.segments
        number = len(segments)
        chosen = color or COLORS[number % len(COLORS)]
        made = Segment(layer.segmentation.free_label(), name or f"Segment {number + 1}", chosen, code, side=side)
        self._arrange(layer, f"Add {made.name}", (*segments, made))
        layer.active = made.key
        self.state.prompting = replace(self.state.prompting, positive=True)  # a new one begins with what it is
        return made

    def remove(self, layer: SegmentationLayer, key: Key) -> None:
        """Remove a segment with its voxels. Raises ValueError, one sentence: it is locked; KeyError: it is gone."""
        removed = _segment_of(layer, key)
        if key in layer.locked:
            raise ValueError(f"{removed.name} is locked: unlock it to remove it.")
        stroke = Stroke(layer)
        labels = layer.segmentation.maps[removed.layer]
        around = label_box(labels, removed.label)
        if around is not None:
            stroke.fill(removed.layer, around, labels[around] == removed.label, 0)
        stroke.set_segments(tuple(one for one in layer.segmentation.segments if one is not removed))
        self.end_stroke(stroke, f"Remove {removed.name}")

    def change(self, layer: SegmentationLayer, key: Key, *, gesture: str = "", **fields: Any) -> None:
        """Another name, colour, code, state, reader or remark; changes of one gesture are one step.

        Raises KeyError where there is no such segment.
        """
        segments = layer.segmentation.segments
        before = _segment_of(layer, key)
        after = replace(before, **fields)
        verb = "Rename" if after.name != before.name else "Change"
        changed = tuple(after if one is before else one for one in segments)
        self._arrange(layer, f"{verb} {before.name}", changed, gesture)

    def move(self, layer: SegmentationLayer, key: Key, to: int) -> None:
        """Put it at another place in the list, counted from the top. Raises KeyError where there is no such segment."""
        moved = _segment_of(layer, key)
        others = [one for one in layer.segmentation.segments if one is not moved]
        self._arrange(layer, f"Move {moved.name}", (*others[:to], moved, *others[to:]))

    def _arrange(self, layer: SegmentationLayer, label: str, after: tuple[Segment, ...], gesture: str = "") -> None:
        before = layer.segmentation.segments
        if after != before:
            self.history.do(EditLabels(layer, label, before, after, gesture=gesture))

    # ---- voxels
    def end_stroke(self, stroke: Stroke, label: str) -> bool:
        """Make what a stroke did a step of the history; False where it did nothing."""
        edit = stroke.edit(label)
        if edit is not None:
            self.history.do(edit)
        return edit is not None

    def apply_mask(
        self,
        layer: SegmentationLayer,
        key: Key,
        mask: Mask,
        box: Box,
        label: str,
        how: How = "add",
        masking: Masking = EVERYWHERE,
        image: Volume | None = None,
    ) -> bool:
        """Add a mask to a segment, take it away, or make it the segment's voxels in the box; False: nothing changed.

        Raises ValueError, one sentence, where the rules forbid it (viewer.scene.segmentation.masking).
        """
        stroke = Stroke(layer)
        apply(stroke, (key, mask, box), how, masking, image)
        return self.end_stroke(stroke, label)

    def run_effect(
        self,
        layer: SegmentationLayer,
        label: str,
        call: Call,
        how: How = "set",
        masking: Masking = EVERYWHERE,
        image: Volume | None = None,
    ) -> Task:
        """Compute masks of segments in the background, and put them into the layer as one step.

        call: gets what it tells its progress to (0…1), which is where a cancel takes effect, and gives (key, mask, box)
        of each segment; raises ValueError, one sentence, where it cannot.
        An answer about a layer that was edited meanwhile is dropped, and that is said.
        """
        task = self.tasks.add("run", f"{label}: {layer.name}")
        effect = Effect(layer, label, call, how, masking, image)
        task.stop = effect.cancel
        task.begin()
        self.background.run(task, self._run_effect, task, effect)
        return task

    def _run_effect(self, task: Task, effect: Effect) -> None:
        """In the background."""
        try:
            edit = effect.edit(self.background.progress(task))
        except Cancelled:
            self.background.post(partial(task.end, "cancelled"))
        except ValueError as error:
            self.background.fail(task, str(error))
        else:
            self.background.post(partial(self._finish_effect, task, effect, edit))

    def _finish_effect(self, task: Task, effect: Effect, edit: EditLabels | None) -> None:
        if not effect.fits(self.document):
            name = effect.layer.name
            self.tasks.fail(task, f"{effect.label}: {name} was changed while it was computed; run it again.")
            return
        if edit is None:
            self.messages.add(Message(f"{effect.label} changed nothing in {effect.layer.name}."))
        else:
            self.history.do(edit)
        task.end("done")


def _segment_of(layer: SegmentationLayer, key: Key) -> Segment:
    segment = layer.segmentation.segment(key)
    if segment is None:
        raise KeyError(key)
    return segment
