"""What an effect on segments is: a function whose signature is its form. They stand in viewer.effects.catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from inspect import Parameter as Argument
from inspect import signature
from typing import Annotated, Any, Literal, get_type_hints

import numpy as np
from docstring_parser import parse
from numpy.typing import NDArray

from viewer.compute.progress import Refusal
from viewer.data.arrays import Floats, Mask, ProgressCallback
from viewer.data.box import Box, dilate_box, mask_box, whole_box
from viewer.data.segmentation import Key, Segment
from viewer.data.volume import Volume
from viewer.effects.effect_run import Answer, Call, How
from viewer.plugin.parameter import Range, declare_parameter
from viewer.plugin.plugin import Plugin
from viewer.scene.segmentation_layer import SegmentationLayer

Answers = Iterable[Answer]
Millimetres = Annotated[float, Range(0.1, 100.0, 0.5)]
Live = Literal["", "range", "preview", "play"]


@dataclass(frozen=True)
class EffectContext:
    """What an effect works on: a segment of a layer, the image it labels, another segment where one was asked for.

    crosshair: its voxel (k, j, i). cache: what an effect may find again at the next look, to go on from.
    It reads only, and may do so in the background: answers about a layer that changed meanwhile are dropped.
    """

    layer: SegmentationLayer
    segment: Segment
    image: Volume | None
    other: Segment | None = None
    crosshair: tuple[int, int, int] | None = None
    cache: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """Of the segment that is worked on: its label map and its label there."""
        return self.segment.key

    @property
    def spacing(self) -> Floats:
        """Size of a voxel along k, j, i, mm."""
        return self.layer.grid.spacing

    @property
    def whole(self) -> Box:
        """The box of all voxels [k, j, i]."""
        return whole_box(self.layer.grid.shape)

    def segment_mask(self, segment: Segment, box: Box) -> Mask:
        """Where a segment is within a box of voxels [k, j, i]."""
        return np.asarray(self.layer.segmentation.maps[segment.layer][box] == segment.label)

    def part(self, margin: float = 0.0) -> tuple[Box, Mask]:
        """The segment's box [k, j, i] with so many mm around it, and its mask there. Raises Refusal if it is empty."""
        found = mask_box(self.segment_mask(self.segment, self.whole))
        if found is None:
            raise Refusal(f"{self.segment.name} is empty: paint something first.")
        box = self.expand(found, margin)
        return box, self.segment_mask(self.segment, box)

    def expand(self, box: Box, margin: float) -> Box:
        """A box with so many mm around it, within the voxels."""
        more = np.ceil(margin / self.spacing).astype(int)
        return dilate_box(box, more.tolist(), self.layer.grid.shape)

    def values(self, box: Box) -> NDArray[np.float32]:
        """The image's physical values in a box. Raises Refusal where there is no grey image on the labels' grid."""
        image = self.image
        if image is None or image.color or not image.grid.matches(self.layer.grid):
            raise Refusal(f"{self.layer.name} has no grey image on its grid: there are no values to work with.")
        return np.asarray(image.array[box] * np.float32(image.slope) + np.float32(image.intercept), dtype=np.float32)


Function = Callable[..., Answers]


@dataclass(frozen=True)
class Operation:
    """form: its parameters, with what checks and explains them. how: what its masks do to segments.

    live: what can be seen before it is done: the range of values, the mask, or the mask step by step.
    other: what the second segment is for; "" where none is asked for. creates: it makes something anew, which may
    replace the segment, be added to it, or be taken from it.
    """

    form: Plugin
    icon: str
    how: How
    live: Live
    other: str
    creates: bool

    @property
    def id(self) -> str:
        """The name of the effect's function, by which it is found."""
        return self.form.id

    @property
    def title(self) -> str:
        """What menus and the history call it."""
        return self.form.title

    def call(self, context: EffectContext, values: dict[str, Any]) -> Call:
        """The computation with checked parameters. Raises Refusal, one sentence, for a wrong one."""
        checked = self.form.validate(values)
        if self.other and context.other is None:
            raise Refusal(f"{self.title} needs another segment: choose one.")
        return partial(_run, self.form.function, context, checked)


def operation(
    title: str, icon: str, *, how: How = "set", live: Live = "", other: str = "", creates: bool = False
) -> Callable[[Function], Operation]:
    """Declare a function (context, tell, *, parameters) as an effect."""

    def declare(function: Function) -> Operation:
        hints, text = get_type_hints(function, include_extras=True), parse(function.__doc__ or "")
        told = {one.arg_name: (one.description or "").strip() for one in text.params}
        parameters = tuple(
            declare_parameter(one.name, hints[one.name], one.default, told.get(one.name, ""))
            for one in signature(function).parameters.values()
            if one.kind is Argument.KEYWORD_ONLY
        )
        summary = " ".join((text.short_description or "").split())
        form = Plugin(function.__name__, title, "Segments", "1", function, (), parameters, (), summary)
        return Operation(form, icon, how, live, other, creates)

    return declare


def _run(function: Function, context: EffectContext, values: dict[str, Any], tell: ProgressCallback) -> Answers:
    return function(context, tell, **values)


def each_segment(context: EffectContext, box: Box, labels: NDArray[Any]) -> Answers:
    """What becomes of every segment of the chosen one's label map; locked ones stay as they are."""
    for segment in context.layer.segmentation.segments:
        if segment.layer == context.segment.layer and segment.key not in context.layer.locked:
            yield segment.key, np.asarray(labels == segment.label), box
