"""What the Segments tab does with segmentations and their segments; the same verbs as keys and menus call."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from viewer.effects.effect import EffectContext, Operation
from viewer.scene.active_image import active_image
from viewer.scene.segmentation.brush import STEP
from viewer.tools.mouse_dispatch import PROMPTING
from viewer.tools.segment.paint_tool import chosen_segmentation, find_paint_target, labelled_image
from viewer.ui.widgets.text_format import number

if TYPE_CHECKING:
    from viewer.data.segmentation import Code, Key, Segment
    from viewer.scene.layer import Layer, VolumeLayer
    from viewer.scene.segmentation_layer import SegmentationLayer
    from viewer.session.session import Session

FOLLOWED = ("segmentation", "active", "hidden", "locked", "name", "visible")
FILL = 0.35  # opacity inside the outline


class SegmentsController:
    """The verbs, and what they work on. changed: another segmentation, other segments, or another look of them."""

    changed = Signal()

    def __init__(self, session: Session) -> None:
        self.session, self.state = session, session.state
        self._followed: SegmentationLayer | None = None
        document = session.document
        events = session.state.events
        for signal in (
            document.inserted, document.removed, document.moved, document.visibility,
            events.active, events.timepoint, events.layout, events.compared,
        ):  # fmt: skip
            signal.connect(self._refresh)
        self._refresh()

    # ---- what is meant
    @property
    def layer(self) -> SegmentationLayer | None:
        """The segmentation that tools and effects change."""
        return chosen_segmentation(self.session.document, self.state)

    @property
    def segment(self) -> Segment | None:
        """The segment that they change."""
        return self.layer.active_segment if self.layer else None

    @property
    def image(self) -> VolumeLayer | None:
        """The image that is labelled; without a segmentation the one that is seen."""
        if self.layer:
            return labelled_image(self.session.document, self.layer)
        return active_image(self.session.document, self.state)

    @property
    def problem(self) -> str:
        """Why nothing can be changed now, in one sentence; "" where it can."""
        goal = find_paint_target(self.session.document, self.state)
        return goal if isinstance(goal, str) else ""

    def effect_target(self, other: Key | None = None) -> EffectContext | None:
        """What an effect works on: the chosen segment, its image, another segment where one is meant."""
        goal = find_paint_target(self.session.document, self.state)
        if isinstance(goal, str):
            return None
        layer = goal.layer
        here = layer.grid.nearest(layer.own_place(self.state.crosshair))
        return EffectContext(
            layer, goal.segment, goal.image, layer.segmentation.segment(other) if other else None, here
        )

    def first_values(self, operation: Operation) -> dict[str, Any]:
        """Settings to begin with, where the image tells better ones than the defaults: a range is its window."""
        image = self.image
        if operation.live != "range" or image is None:
            return {}
        return {"lower": round(image.window.lower, 1), "upper": round(image.window.upper, 1)}

    # ---- segmentations
    def new(self) -> None:
        """Add a segmentation of the image that is seen, with a first segment to paint."""
        image = active_image(self.session.document, self.state)
        if image is None:
            self.session.messages.warn("There is no image to label: show one first.")
            return
        layer = self.session.segments.new_layer(image)
        self.session.segments.add(layer)
        self.state.active = layer.id

    def choose_layer(self, layer: Layer) -> None:
        """Make a segmentation the one that tools and effects change."""
        self.state.active = layer.id

    # ---- segments
    def add(self, name: str = "", code: Code | None = None, color: tuple[int, int, int] | None = None) -> None:
        """Add a segment, chosen at once; in a new segmentation where there is none."""
        if self.layer is None:
            self.new()
        elif segment := self.session.segments.add(self.layer, name, color, code):
            self.layer.active = segment.key

    def remove(self) -> None:
        """Remove the chosen segment, with its voxels."""
        if self.layer and self.segment:
            self.session.segments.remove(self.layer, self.segment.key)

    def change(self, segment: Segment, **fields: Any) -> None:
        """Change a segment's name, colour, code or state, by the field's name: one step of the history."""
        if self.layer and any(getattr(segment, name) != value for name, value in fields.items()):
            self.session.segments.change(self.layer, segment.key, **fields)

    def shift(self, step: int) -> None:
        """Move the chosen segment down in the list by so many places, or up."""
        if self.layer and self.segment:
            place = self.layer.segmentation.segments.index(self.segment) + step
            if 0 <= place < len(self.layer.segmentation.segments):
                self.session.segments.move(self.layer, self.segment.key, place)

    def choose(self, key: Key) -> None:
        """Make a segment of it the one that they change."""
        if self.layer:
            self.layer.active = key

    def next(self, step: int) -> None:
        """Choose the next segment of the list, round and round."""
        if self.layer and self.layer.segmentation.segments:
            keys = [segment.key for segment in self.layer.segmentation.segments]
            now = keys.index(self.layer.active) if self.layer.active in keys else -step
            self.layer.active = keys[(now + step) % len(keys)]

    def flip_hidden(self, key: Key | None = None) -> None:
        """Hide a segment (else the chosen one), or show it."""
        self._flip("hidden", key)

    def flip_locked(self, key: Key | None = None) -> None:
        """Lock a segment (else the chosen one), or unlock it."""
        self._flip("locked", key)

    def show_only(self) -> None:
        """Hide all other segments; once more, and all are shown."""
        if self.layer and self.segment:
            others = frozenset(one.key for one in self.layer.segmentation.segments) - {self.segment.key}
            self.layer.hidden = frozenset() if self.layer.hidden == others else others

    @property
    def is_filled(self) -> bool:
        """Whether segments are filled, not only outlined."""
        return self.layer is not None and self.layer.fill > 0

    def flip_fill(self) -> None:
        """Draw outlines alone, or tint their inside, too."""
        if self.layer:
            self.layer.fill = 0.0 if self.layer.fill else FILL

    # ---- tools
    def choose_tool(self, tool: str) -> None:
        """Choose a tool; where there is nothing to paint in, that is made, for prompts with the first of them."""
        prompting = any(tool == one.id for one in PROMPTING)
        if self.layer is None and self.image is not None and not prompting:
            self.new()
        self.state.tool = tool

    def flip_solid(self) -> None:
        """Paint in the slice alone, or through the slices."""
        self.set_brush(solid=not self.state.brush.solid)

    def flip_taking(self) -> None:
        """Let outlines add what they enclose, or take it away."""
        self.set_brush(taking=not self.state.brush.taking)

    def resize(self, steps: int) -> None:
        """Make the brush larger by so many steps, or smaller."""
        self.state.brush = self.state.brush.resized(STEP**steps)

    def set_brush(self, **fields: Any) -> None:
        """Change settings of the brush: fields of scene's Brush, by name."""
        self.state.brush = replace(self.state.brush, **fields)

    def set_rules(self, **fields: Any) -> None:
        """Change what painting may touch: fields of Masking, by name."""
        self.state.masking = replace(self.state.masking, **fields)

    # ---- prompts
    def set_prompting(self, **fields: Any) -> None:
        """Change how the next prompt is meant: fields of PromptSettings, by name."""
        self.state.prompting = replace(self.state.prompting, **fields)

    def choose_prompt_method(self, method: str) -> None:
        """Find masks by another method from the next prompt on: a value of the plugin's parameter."""
        self.session.prompts.method = method
        self.session.prompts.warm_up()

    def delete_prompt(self) -> None:
        """Delete the chosen prompt; the mask is found anew from the others."""
        goal, prompt = find_paint_target(self.session.document, self.state), self.state.prompt
        if isinstance(goal, str):
            self.session.messages.warn(goal)
        elif goal.image and any(one.id == prompt for one in goal.segment.prompts):
            masking = replace(self.state.masking, overlap=self.state.prompting.overlap)
            self.session.prompts.remove(goal.layer, goal.segment.key, prompt, goal.image, masking)

    def delete_prompts(self) -> None:
        """Delete all prompts of the chosen segment, which is then what it was before the first of them."""
        goal = find_paint_target(self.session.document, self.state)
        if isinstance(goal, str):
            self.session.messages.warn(goal)
        elif goal.image and goal.segment.prompts:
            self.session.prompts.clear(goal.layer, goal.segment.key, goal.image)

    @property
    def limits(self) -> str:
        """What may change, in words; "" where everything may."""
        masking, layer = self.state.masking, self.layer
        of = layer.segmentation.segment(masking.of) if layer and masking.of else None
        parts = []
        if masking.region in ("inside", "outside"):
            parts.append(f"{masking.region} {of.name if of else 'segments'}")
        elif masking.region == "visible":
            parts.append("inside visible segments")
        if masking.values:
            parts.append("values " + " to ".join(number(value) for value in masking.values))
        if masking.overlap == "keep others":
            parts.append("others are kept")
        return f"Limited: {', '.join(parts)}" if parts else ""

    # ---- within
    def _flip(self, look: str, key: Key | None) -> None:
        layer, key = self.layer, key or (self.segment.key if self.segment else None)
        if layer and key:
            setattr(layer, look, getattr(layer, look) ^ {key})

    def _refresh(self, *_: object) -> None:
        layer = self.layer
        if layer is not self._followed:
            self._follow(self._followed, connect=False)
            self._follow(layer, connect=True)
            self._followed = layer
        self._tell()

    def _follow(self, layer: SegmentationLayer | None, *, connect: bool) -> None:
        for name in FOLLOWED if layer else ():
            signal = getattr(layer.events, name)  # type: ignore[union-attr]
            (signal.connect if connect else signal.disconnect)(self._tell)

    def _tell(self, *_: object) -> None:
        self.changed.emit()
