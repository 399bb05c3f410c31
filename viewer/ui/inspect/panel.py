"""A result against its input: how they are seen together, and what the result changed, in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from viewer.ui.inspect.controller import InspectionController
from viewer.ui.inspect.modes import Modes
from viewer.ui.inspect.region import RegionSection
from viewer.ui.inspect.residual import ResidualSection
from viewer.ui.inspect.truth import TruthSection
from viewer.ui.layers.layer_row import Badges
from viewer.ui.widgets.basics import Elided, label, set_role
from viewer.ui.widgets.section_column import SectionColumn

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.render.slices.slice_view import SliceView
    from viewer.session.session import Session

EMPTY = "Choose a result whose input is open: here it is held against it. A drawn region is measured in any image."


class InspectPanel(SectionColumn):
    """Follows the active layer. view: the slices that the keyboard means. controller: the verbs behind its buttons."""

    def __init__(self, session: Session, view: Callable[[], SliceView]) -> None:
        super().__init__()
        self.session = session
        self.controller = InspectionController(session, view)
        self.setAccessibleName("Inspect")
        self.empty = label(EMPTY, "dim")
        self.name, self.source, self.badges = Elided(Qt.TextElideMode.ElideMiddle), Elided(), Badges()
        set_role(self.name, "heading")
        set_role(self.source, "dim")
        self.modes = Modes(self.controller)
        self.region = RegionSection(self.controller)
        self.residual = ResidualSection(self.controller)
        self.truth = TruthSection(self.controller)
        self.add(self.empty, self.name, self.source, self.badges, self.modes, self.region, self.residual, self.truth)
        document, events = session.document, session.state.events
        for signal in (document.inserted, document.removed, events.active, session.history.changed):
            signal.connect(self._show)
        self._show()

    def _show(self, *_: object) -> None:
        layer, source_image = self.controller.layer, self.controller.source_image
        self.empty.setVisible(source_image is None)
        for widget in (self.name, self.source, self.badges, self.modes):
            widget.setVisible(source_image is not None)
        if layer is not None and source_image is not None:
            self.name.say(layer.name)
            self.source.say(f"against its input, {source_image.name}")
            self.badges.show_badges(layer.badges)
        self.residual.show_pair(source_image, layer)
        self.truth.show_pair(source_image, layer)
