"""What keys and menus do with the views: layout, size, time point, the look of the 3-D view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.scene.active_image import selected_image
from viewer.scene.view_state import LAYOUTS, VIEWS
from viewer.tools.navigate.timepoint import timepoints

if TYPE_CHECKING:
    from viewer.render.volumes.volume_presets import Preset
    from viewer.ui.views.view_grid import ViewGrid


class ViewsController:
    """The verbs that take more than one call; the others are the views' own."""

    def __init__(self, views: ViewGrid) -> None:
        self.views, self.session, self.state = views, views.session, views.session.state

    def next_layout(self) -> None:
        """Of those that any image fills."""
        layouts = [name for name in LAYOUTS if name != "compare"]
        now = layouts.index(self.state.layout) if self.state.layout in layouts else -1
        self.state.layout = layouts[(now + 1) % len(layouts)]

    def next_view(self, step: int) -> None:
        """Make another view the active one, round and round."""
        self.state.view = VIEWS[(VIEWS.index(self.state.view) + step) % len(VIEWS)]

    def next_timepoint(self, step: int) -> None:
        """Go so many time points on, or back; not beyond the ends."""
        last = timepoints(self.session.document) - 1
        self.state.timepoint = min(max(self.state.timepoint + step, 0), max(last, 0))

    def has_timepoints(self) -> bool:
        """Whether any image has more than one time point."""
        return timepoints(self.session.document) > 1

    def zoom(self, factor: float) -> None:
        """Enlarge the active view by a factor."""
        self.views.active.zoom(factor)

    def fit(self) -> None:
        """Let every view show the whole of its image."""
        for view in self.views.by_name.values():
            view.fit()

    def is_preset_offered(self, preset: Preset) -> bool:
        """Whether a look of the 3-D view is made for the active image."""
        image = selected_image(self.session.document, self.state)
        return image is not None and (not preset.modalities or image.source.modality in preset.modalities)
