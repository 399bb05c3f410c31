"""What the inspection's panel and keys do: hold the active result against its input."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from viewer.compute.images.difference import difference
from viewer.scene.compare.inspection import Inspection, Mode, difference_of, input_of
from viewer.scene.edits import AddLayer
from viewer.scene.layer import VolumeLayer, difference_layer
from viewer.tools.measure.region import region_between
from viewer.ui.widgets.held_key import HeldKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.render.slices.slice_view import SliceView
    from viewer.scene.task import Task
    from viewer.session.session import Session

HANDY = 60.0  # px across a region that is put at the cross-hair


class InspectionController:
    """The verbs; the state is the session's. view: tells in whose slices a region is drawn at the cross-hair."""

    def __init__(self, session: Session, view: Callable[[], SliceView]) -> None:
        self.session, self.state = session, session.state
        self._view = view
        self._key = HeldKey()

    @property
    def layer(self) -> VolumeLayer | None:
        """The active image."""
        found = self.session.document.find(self.state.active)
        return found if isinstance(found, VolumeLayer) else None

    @property
    def source_image(self) -> VolumeLayer | None:
        """What the active image was computed from, where the two can be held against each other."""
        return input_of(self.session.document, self.layer)

    @property
    def now(self) -> Inspection | None:
        """How the active result is inspected; None while the layers are shown as they are."""
        inspection = self.state.inspection
        return inspection if self.source_image and inspection and inspection.result == self.state.active else None

    def possible(self) -> bool:
        """Whether the active image is a result whose input is there."""
        return self.source_image is not None

    def is_on(self, mode: Mode) -> bool:
        """Whether the active result is inspected in that way."""
        return self.now is not None and self.now.mode == mode

    def turn_on(self, mode: Mode) -> None:
        """Show result and input blended (half and half), wiped (through the cross-hair), or their difference."""
        if self.layer is None or self.source_image is None:
            return
        if mode == "difference" and difference_of(self.session.document, self.layer) is None:
            self._subtract(self.layer, self.source_image)
            return
        if self.state.layout == "compare":  # its views show one layer each
            self.state.layout = "2x2"
        start = self.now or Inspection(self.layer.id, blend=0.5, at=self.state.crosshair)
        self.layer.visible = self.source_image.visible = True
        self.state.inspection = replace(start, mode=mode)

    def turn_off(self) -> None:
        """Show the layers as they are."""
        self.state.inspection = None

    def flip(self, mode: Mode) -> None:
        """Turn a mode on, or off where it is on."""
        self.turn_off() if self.is_on(mode) else self.turn_on(mode)

    def change(self, **changes: Any) -> None:
        """Change fields of the Inspection, such as its blend, while a result is inspected."""
        if self.now is not None:
            self.state.inspection = replace(self.now, **changes)

    def turn_line(self) -> None:
        """Turn the wipe's line: upright, or lying."""
        if self.now is not None:
            self.change(upright=not self.now.upright)

    def hold(self) -> None:
        """Show the input alone until a key is let go; then as it was before."""
        before = self.state.inspection
        if self.layer is None or self.source_image is None or (self.now and self.now.flipped):
            return
        self._key.hold(lambda: setattr(self.state, "inspection", before))
        self.state.inspection = replace(self.now or Inspection(self.layer.id), flipped=True)

    # ---- the region
    def region_here(self) -> None:
        """Draw a round region, HANDY px across, about the cross-hair in the slice of the active view."""
        view = self._view()
        pose = view.pose
        if pose is None:
            return
        x, y = pose.pixel(self.state.crosshair)
        first, last = view.world_at(x - HANDY / 2, y - HANDY / 2), view.world_at(x + HANDY / 2, y + HANDY / 2)
        if first and last:
            self.state.region = region_between(view, "ellipse", first, last)

    def remove_region(self) -> None:
        """Measure the whole image again."""
        self.state.region = None

    # ---- within
    def _subtract(self, result: VolumeLayer, source_image: VolumeLayer) -> None:
        """Make the difference that is not there (any more), then show it."""
        task = self.session.tasks.add("run", f"Difference: {result.name}")
        task.begin()
        self.session.background.run(task, self._make, task, result, source_image)

    def _make(self, task: Task, result: VolumeLayer, source_image: VolumeLayer) -> None:
        """In the background."""
        layer = difference_layer(difference(result.volumes[0], source_image.volume(result.made_at)))
        layer.made_from, layer.made_at = result.made_from, result.made_at
        self.session.journal.store([layer])

        def add() -> None:
            place = self.session.document.index(result.id) + 1 if self.session.document.find(result.id) else None
            self.session.history.do(AddLayer(layer, place))
            task.end("done")
            if self.state.active == result.id:
                self.turn_on("difference")

        self.session.background.post(add)
