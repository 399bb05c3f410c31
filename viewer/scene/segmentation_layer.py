"""A segmentation as a layer: the one whose values are written in place, by strokes (see .segmentation.stroke)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from viewer.data.annotations.measurement_table import MeasurementTable
from viewer.data.annotations.region import Point
from viewer.data.box import Box
from viewer.data.grid import Grid
from viewer.data.provenance import is_learned
from viewer.data.segmentation import Key, Segment, Segmentation
from viewer.scene.layer import MARKS, PlacedLayer, VolumeLayer
from viewer.scene.segmentation.given_labels import GivenLabels
from viewer.scene.segmentation.verdicts import layer_verdict


@dataclass(eq=False)
class SegmentationLayer(PlacedLayer):
    """Segments over an image: `made_from` is the id of the image layer that they label, where that is known.

    Its voxels and its segments change by edits only; a change of the segments is a new Segmentation over the same
    arrays. What only looks different is set directly: active: key of the chosen segment. hidden, locked: keys of
    segments that are not drawn, and that no stroke may change. fill: opacity inside the outline, 0…1. outline: whether
    it is drawn. smooth: whether surfaces in 3-D are.
    generation: grows with every change of the voxels or the segments: an answer about an older one comes too late.
    saved: the generation that was saved last, 0 for one that came from a file; -1 for none.
    tables: figures that were measured of it, when its generation was `measured`; -1 where that is long ago.
    drawn_at: the time point of the image that it was drawn on, and is seen at; None for one that holds at all of them.
    given: what a model gave, before anybody edited it; None where no model did.
    cancel_stroke: takes back the stroke that is being drawn, where there is one: no step is made or undone under it.
    """

    segmentation: Segmentation = field(kw_only=True)
    active: Key | None = None
    hidden: frozenset[Key] = frozenset()
    locked: frozenset[Key] = frozenset()
    fill: float = 0.35
    outline: bool = True
    smooth: bool = True
    drawn_at: int | None = None
    saved: int = -1
    given: GivenLabels | None = None
    tables: tuple[MeasurementTable, ...] = ()
    measured: int = 0
    cancel_stroke: Callable[[], None] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.generation = 0  # no field: it would tell of itself at every step of a stroke, and every view would draw

    @property
    def grid(self) -> Grid:
        """Where the voxels of its label maps lie."""
        return self.segmentation.grid

    @property
    def active_segment(self) -> Segment | None:
        """The chosen segment, or None."""
        return self.segmentation.segment(self.active)

    @property
    def visible_segments(self) -> tuple[Segment, ...]:
        """The segments that are drawn, in the order of the list."""
        return tuple(segment for segment in self.segmentation.segments if segment.key not in self.hidden)

    def is_at(self, timepoint: int) -> bool:
        """Whether it is seen at a time point."""
        return self.drawn_at in (None, timepoint)

    def segments_at(self, world: Point) -> tuple[Segment, ...]:
        """The segments of the voxel that is at a place of the world, LPS mm."""
        index = self.grid.nearest(self.own_place(world))
        if index is None:
            return ()
        found = [
            self.segmentation.segment((layer, int(array[index]))) for layer, array in enumerate(self.segmentation.maps)
        ]
        return tuple(segment for segment in found if segment is not None)

    @property
    def unsaved(self) -> bool:
        """True where segments would be lost with this layer."""
        return bool(self.segmentation.segments) and self.saved != self.generation

    @property
    def tables_current(self) -> bool:
        """False where the segments have changed since its tables were measured."""
        return self.measured == self.generation

    def notify_written(self, layer: int, box: Box) -> None:
        """Tell that a label map was written in place."""
        self.generation += 1
        self.touched.emit(layer, box)

    @property
    def badges(self) -> tuple[str, ...]:
        """The marks that a view and an export must carry, the review mark first."""
        segments, made = self.segmentation.segments, is_learned(self.segmentation.provenance)
        learned = made or any(one.is_learned for one in segments)
        return (*self.marks(learned=learned), *self.segmentation.badges)

    def review_mark(self, segment: Segment) -> str:
        """What the list must say of a segment that waits for review: "AI, not reviewed"; "" of every other one."""
        learned = segment.is_learned or is_learned(self.segmentation.provenance)
        return MARKS["unreviewed", learned] if segment.review in ("unreviewed", "edited") else ""

    @property
    def bytes(self) -> int:
        """Size of all its label maps in bytes."""
        return sum(array.nbytes for array in self.segmentation.maps)


def segmentation_layer(segmentation: Segmentation, image: VolumeLayer | None = None) -> SegmentationLayer:
    """A layer over the image that it labels, where there is one: it stands where that stands.

    Where its segments tell that a trained model made them and nobody accepted them it waits for review, and no mark
    that a file brought along says so beside.
    """
    first = next(iter(segmentation.segments), None)
    waits = layer_verdict("source", (), segmentation.segments, drawn=True) == "unreviewed"
    if waits:
        badges = tuple(badge for badge in segmentation.badges if badge not in MARKS.values())
        segmentation = replace(segmentation, badges=badges)
    return SegmentationLayer(
        review="unreviewed" if waits else "source",
        name=segmentation.name,
        segmentation=segmentation,
        active=first.key if first else None,
        made_from=image.id if image else "",
        transform=image.transform if image else None,
    )
