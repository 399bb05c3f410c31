"""What keys and menus do with the layers: order, review, removal, and the window of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.data.volume import Window, automatic_window
from viewer.scene.active_image import selected_image
from viewer.tools.window_presets import Preset, presets

if TYPE_CHECKING:
    from viewer.data.study import Image
    from viewer.scene.layer import Layer, Review, VolumeLayer
    from viewer.session.session import Session


class LayersController:
    """The verbs; what they work on is the session's active layer."""

    def __init__(self, session: Session) -> None:
        self.session, self.state = session, session.state

    @property
    def image(self) -> VolumeLayer | None:
        """The active image."""
        return selected_image(self.session.document, self.state)

    @property
    def layer(self) -> Layer | None:
        """The active layer of whatever kind; without one the lowest image."""
        return self.session.document.find(self.state.active) or self.session.document.base

    # ---- layers
    def is_result(self) -> bool:
        """Whether the active layer was made by a plugin."""
        return self.layer is not None and self.layer.review != "source"

    def review(self, verdict: Review) -> None:
        """Accept or reject the active layer."""
        if self.layer is not None:
            self.session.review.decide(self.layer, verdict)

    def remove(self) -> None:
        """Take the active layer away; undo brings it back."""
        if self.layer is not None:
            self.session.layers.remove(self.layer)

    def next(self, step: int) -> None:
        """Make another layer the active one, round and round."""
        layers = list(self.session.document)
        if layers:
            now = next((place for place, one in enumerate(layers) if one.id == self.state.active), 0)
            self.state.active = layers[(now + step) % len(layers)].id

    def flip_visible(self) -> None:
        """Hide the active layer, or show it again, to see what is under it."""
        if self.layer is not None:
            self.layer.visible = not self.layer.visible

    def move(self, step: int) -> None:
        """Move the active layer up in the stack by so many places, or down."""
        if self.layer is not None:
            place = self.session.document.index(self.layer.id) + step
            if 0 <= place < len(self.session.document):
                self.session.layers.move(self.layer, place)

    @property
    def other_placement(self) -> Image | None:
        """The active image by the other placement of its file; None where that has none."""
        return self.image.other_placement if self.image else None

    def open_other_placement(self) -> None:
        """Open it as a layer of its own: what was done on the image that is shown stays with it."""
        if (image := self.other_placement) is not None:
            self.session.studies.load(image)

    # ---- the window
    def preset(self, place: int) -> Preset | None:
        """The window preset of the active image's modality at a place, from 0."""
        known = presets(self.image.volume(self.state.timepoint)) if self.image else ()
        return known[place] if place < len(known) else None

    def use_preset(self, place: int) -> None:
        """Give the active image the window of that place in its list of presets."""
        preset, image = self.preset(place), self.image
        if preset and image:
            image.window = preset.window(image.volume(self.state.timepoint))

    def use_stored_window(self) -> None:
        """Take the first window of the file, or an automatic one."""
        if self.image:
            volume = self.image.volume(self.state.timepoint)
            self.image.window = volume.windows[0] if volume.windows else automatic_window(volume)

    def scale_width(self, factor: float) -> None:
        """Make the window wider by a factor, or narrower below 1."""
        if self.image:
            self.image.window = Window(self.image.window.center, self.image.window.width * factor)

    def shift_center(self, part: float) -> None:
        """Raise the window's level by a part of its width."""
        if self.image:
            now = self.image.window
            self.image.window = Window(now.center + part * now.width, now.width)
