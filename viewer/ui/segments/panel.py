"""The Segments tab: segmentations and their segments, the tools that paint them, the effects that change them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QSplitter,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from viewer.tools.mouse_dispatch import PAINTING, PROMPTING
from viewer.tools.segment.paint_tool import seen_segmentations
from viewer.ui.segments.clipboard import SegmentClipboard
from viewer.ui.segments.controller import SegmentsController
from viewer.ui.segments.effects.section import EffectsSection
from viewer.ui.segments.masking import MaskingSection
from viewer.ui.segments.measurements import MeasurementsSection
from viewer.ui.segments.paint import PaintSection
from viewer.ui.segments.prompts.section import PromptsSection
from viewer.ui.segments.segment_list import SegmentList
from viewer.ui.segments.statistics import StatisticsSection
from viewer.ui.widgets import theme
from viewer.ui.widgets.basics import button, label, show_dialog
from viewer.ui.widgets.section_column import SectionColumn

if TYPE_CHECKING:
    from viewer.session.session import Session

PAINT, PROMPTS, LIMITS = 0, 1, 3  # pages
EMPTY = "Label an image: paint with the brush (B), click a structure (Q), or begin with a threshold."


class SegmentsPanel(QWidget):
    """controller: the verbs behind its buttons."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.setAccessibleName("Segments")
        self.controller = SegmentsController(session)
        self.clipboard = SegmentClipboard(self.controller)
        self.layers = QComboBox()
        self.layers.setAccessibleName("Segmentation")
        self.layers.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.new = button("New", "add", self.controller.new)
        self.new.setToolTip("A segmentation of the image that is seen, with a first segment")
        self.list = SegmentList(self.controller)
        self.list.naming_asked.connect(self.name)
        self.empty = label(EMPTY, "dim")
        self.paint, self.prompts = PaintSection(self.controller), PromptsSection(self.controller)
        self.effects = EffectsSection(self.controller)
        self.masking, self.statistics = MaskingSection(self.controller), StatisticsSection(self.controller)
        self.measurements = MeasurementsSection(self.controller)
        self.limits = button("", "lock", lambda: self.pages.setCurrentIndex(LIMITS), "quiet", theme.WARNING)
        self.pages = QTabWidget()
        self.pages.setDocumentMode(True)
        self._build()
        self.layers.activated.connect(lambda: self.controller.choose_layer(self.layers.currentData()))
        self.controller.changed.connect(self.refresh)
        session.state.events.masking.connect(self.refresh)
        session.state.events.tool.connect(self._show_settings)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show which segmentations there are, and which is meant."""
        layers = seen_segmentations(self.controller.session.document, self.controller.state)
        self.layers.clear()
        for layer in reversed(layers):
            self.layers.addItem(layer.name, layer)
        self.layers.setCurrentIndex(self.layers.findData(self.controller.layer))
        self.layers.setVisible(bool(layers))
        self.empty.setVisible(not layers)
        self.new.setEnabled(self.controller.image is not None)
        for widget in (self.list, self._tools):
            widget.setVisible(bool(layers))
        for tool in self._tools.findChildren(QToolButton):
            tool.setEnabled(self.controller.segment is not None or tool.objectName() == "add_segment")
        self.limits.setText(self.controller.limits)
        self.limits.setVisible(bool(layers and self.controller.limits))

    def name(self) -> None:
        """Name the chosen segment: its coded meaning, its colour."""
        from viewer.ui.segments.naming_dialog import NamingDialog

        if self.controller.segment:
            show_dialog(NamingDialog(self.controller, self.controller.segment, self.window()))

    def _show_settings(self, tool: str) -> None:
        """The page of a tool that was chosen; prompts have their method loaded before the first one waits for it."""
        if any(tool == one.id for one in PROMPTING):
            self.pages.setCurrentIndex(PROMPTS)
            self.controller.session.prompts.warm_up()
        elif any(tool == one.id for one in PAINTING) and self.pages.currentIndex() == PROMPTS:
            self.pages.setCurrentIndex(PAINT)

    def _build(self) -> None:
        above = QWidget()
        top = QVBoxLayout(above)
        top.setContentsMargins(8, 8, 8, 0)
        line = QHBoxLayout()
        line.addWidget(self.layers, 1)
        line.addWidget(self.empty, 1)
        line.addWidget(self.new)
        self._tools = self._row()
        top.addLayout(line)
        top.addWidget(self.list, 1)
        top.addWidget(self._tools)
        top.addWidget(self.limits)
        self.pages.addTab(SectionColumn(self.paint), "Paint")
        self.pages.addTab(SectionColumn(self.prompts), "Prompts")
        self.pages.addTab(SectionColumn(self.effects), "Effects")
        self.pages.addTab(SectionColumn(self.masking), "Limits")
        self.pages.addTab(SectionColumn(self.measurements, self.statistics), "Measure")
        halves = QSplitter(Qt.Orientation.Vertical)
        halves.setChildrenCollapsible(False)
        halves.addWidget(above)
        halves.addWidget(self.pages)
        halves.setStretchFactor(1, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(halves)

    def _row(self) -> QWidget:
        row = QWidget()
        bar = QHBoxLayout(row)
        bar.setContentsMargins(0, 0, 0, 0)
        for text, icon, act, name in (
            ("Add a segment", "add", lambda: self.controller.add(), "add_segment"),
            ("Name, colour and code (Enter)", "rename", self.name, ""),
            ("Move up", "up", lambda: self.controller.shift(-1), ""),
            ("Move down", "down", lambda: self.controller.shift(1), ""),
            ("Show only this, or all again", "visible", self.controller.show_only, ""),
            ("Remove (Del)", "remove", self.controller.remove, ""),
        ):
            tool = QToolButton()
            tool.setObjectName(name)
            tool.setIcon(theme.icon(icon))
            tool.setToolTip(text)
            tool.setAccessibleName(text)
            tool.clicked.connect(act)
            bar.addWidget(tool)
        bar.addStretch()
        return row
