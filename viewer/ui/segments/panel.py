"""The Segments tab: segmentations and their segments, the tools that paint them, the effects that change them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QScrollArea,
    QSplitter,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from viewer.session.session import Session
from viewer.tools.segment.paint_tool import seen_segmentations
from viewer.ui.segments.clipboard import SegmentClipboard
from viewer.ui.segments.controller import SegmentsEditing
from viewer.ui.segments.effects.section import EffectsSection
from viewer.ui.segments.masking import WhereSection
from viewer.ui.segments.paint import PaintSection
from viewer.ui.segments.segment_list import SegmentsList
from viewer.ui.segments.statistics import MeasureSection
from viewer.ui.widgets import theme
from viewer.ui.widgets.basics import button, label

LIMITS = 2  # the page
EMPTY = "Label an image: paint with the brush (B), or begin with a threshold."


class SegmentsPanel(QWidget):
    """do: the verbs behind its buttons."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.setAccessibleName("Segments")
        self.do = SegmentsEditing(session)
        self.clipboard = SegmentClipboard(self.do)
        self.layers = QComboBox()
        self.layers.setAccessibleName("Segmentation")
        self.layers.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.new = button("New", "add", self.do.new)
        self.new.setToolTip("A segmentation of the image that is seen, with a first segment")
        self.list = SegmentsList(self.do)
        self.list.naming_asked.connect(self.name)
        self.empty = label(EMPTY, "dim")
        self.paint, self.effects = PaintSection(self.do), EffectsSection(self.do)
        self.where, self.measure = WhereSection(self.do), MeasureSection(self.do)
        self.limits = button("", "lock", lambda: self.pages.setCurrentIndex(LIMITS), "quiet", theme.WARNING)
        self.pages = QTabWidget()
        self.pages.setDocumentMode(True)
        self._build()
        self.layers.activated.connect(lambda: self.do.choose_layer(self.layers.currentData()))
        self.do.changed.connect(self.refresh)
        session.state.events.rules.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show which segmentations there are, and which is meant."""
        layers = seen_segmentations(self.do.session.document, self.do.state)
        self.layers.clear()
        for layer in reversed(layers):
            self.layers.addItem(layer.name, layer)
        self.layers.setCurrentIndex(self.layers.findData(self.do.layer))
        self.layers.setVisible(bool(layers))
        self.empty.setVisible(not layers)
        self.new.setEnabled(self.do.image is not None)
        for widget in (self.list, self._tools):
            widget.setVisible(bool(layers))
        for tool in self._tools.findChildren(QToolButton):
            tool.setEnabled(self.do.segment is not None or tool.objectName() == "add_segment")
        self.limits.setText(self.do.limits)
        self.limits.setVisible(bool(layers and self.do.limits))

    def name(self) -> None:
        """Name the chosen segment: its coded meaning, its colour."""
        from viewer.ui.segments.naming_dialog import NamingDialog

        if self.do.segment:
            dialog = NamingDialog(self.do, self.do.segment, self.window())
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.open()

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
        self.pages.addTab(_page(self.paint), "Paint")
        self.pages.addTab(_page(self.effects), "Effects")
        self.pages.addTab(_page(self.where), "Limits")
        self.pages.addTab(_page(self.measure), "Measure")
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
            ("Add a segment", "add", lambda: self.do.add(), "add_segment"),
            ("Name, colour and code (Enter)", "rename", self.name, ""),
            ("Move up", "up", lambda: self.do.shift(-1), ""),
            ("Move down", "down", lambda: self.do.shift(1), ""),
            ("Show only this, or all again", "visible", self.do.show_only, ""),
            ("Remove (Del)", "remove", self.do.remove, ""),
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


def _page(*sections: QWidget) -> QScrollArea:
    inner = QWidget()
    column = QVBoxLayout(inner)
    column.setContentsMargins(8, 8, 8, 8)
    column.setSpacing(8)
    for section in sections:
        column.addWidget(section)
    column.addStretch()
    scroll = QScrollArea()
    scroll.setWidgetResizable(True)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setWidget(inner)
    return scroll
