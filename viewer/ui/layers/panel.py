"""The layers, top first: what is shown, how strongly, in which colours and window, and what waits for review."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from viewer.scene.layer import Layer, PlacedLayer, VolumeLayer
from viewer.scene.segmentation_layer import SegmentationLayer
from viewer.ui.layers.controller import LayersController
from viewer.ui.layers.layer_row import LayerRow
from viewer.ui.layers.segmentation_display import SegmentationDisplay
from viewer.ui.widgets import theme
from viewer.ui.widgets.basics import label

if TYPE_CHECKING:
    from viewer.session.session import Session
    from viewer.ui.layers.image_display import ImageDisplay

ID = Qt.ItemDataRole.UserRole


class LayersPanel(QWidget):
    """The list follows the document; a selected row makes its layer the active one. controller: the verbs of layers."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session, self.controller = session, LayersController(session)
        self.setAccessibleName("Layers")
        self.page: ImageDisplay | SegmentationDisplay | None = None
        self._rows: dict[str, LayerRow] = {}
        self.list = _List()
        self.list.setAccessibleName("Layers, top first")
        self.list.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.empty = label("Open an image: it appears here.", "dim")
        self._below = QVBoxLayout()
        self._below.setContentsMargins(0, 0, 0, 0)
        self._build()
        document = session.document
        for signal in (document.inserted, document.removed, document.moved):
            signal.connect(self._fill)
        session.state.events.active.connect(self._select)
        self.list.currentItemChanged.connect(self._chosen)
        self.list.model().rowsMoved.connect(self._dropped)
        self.list.customContextMenuRequested.connect(lambda at: self.menu().popup(self.list.mapToGlobal(at)))
        self._fill()

    def _build(self) -> None:
        """The list takes the room that the page of the active layer leaves."""
        above, below = QWidget(), QWidget()
        stack = QVBoxLayout(above)
        stack.setContentsMargins(0, 0, 0, 0)
        stack.addWidget(self.list, 1)
        stack.addLayout(self._tools())
        below.setLayout(self._below)
        halves = QSplitter(Qt.Orientation.Vertical)
        halves.setChildrenCollapsible(False)
        halves.addWidget(above)
        halves.addWidget(below)
        halves.setStretchFactor(0, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addWidget(self.empty)
        column.addWidget(halves, 1)

    @property
    def layer(self) -> PlacedLayer | None:
        """The active layer."""
        found = self.session.document.find(self.session.state.active)
        return found if isinstance(found, PlacedLayer) else None

    def menu(self) -> QMenu:
        """What can be done with the active layer."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for text, icon, act in (
            ("Show only this", "visible", self.show_only),
            ("Rename", "rename", self.rename),
            ("Move up", "up", lambda: self.shift(1)),
            ("Move down", "down", lambda: self.shift(-1)),
            ("Remove", "remove", self.remove),
        ):
            menu.addAction(theme.icon(icon), text, act).setEnabled(self.layer is not None)
        return menu

    # ---- what the menu and the buttons ask for
    def show_only(self) -> None:
        """Hide every other layer."""
        for layer in self.session.document:
            layer.visible = layer is self.layer

    def rename(self) -> None:
        """Edit the active layer's name in place."""
        if self.session.state.active in self._rows:
            self._rows[self.session.state.active].rename()

    def shift(self, step: int) -> None:
        """Move the active layer up in the stack by so many places, or down."""
        if self.layer is not None:
            self.controller.move(step)

    def remove(self) -> None:
        """Take the active layer away; undo brings it back."""
        if self.layer is not None:
            self.controller.remove()

    # ---- follow
    def _tools(self) -> QHBoxLayout:
        bar = QHBoxLayout()
        for text, icon, act in (
            ("Move up", "up", lambda: self.shift(1)),
            ("Move down", "down", lambda: self.shift(-1)),
            ("Show only this", "visible", self.show_only),
            ("Rename", "rename", self.rename),
            ("Remove", "remove", self.remove),
        ):
            tool = QToolButton()
            tool.setIcon(theme.icon(icon))
            tool.setToolTip(text)
            tool.setAccessibleName(f"{text} (active layer)")
            tool.clicked.connect(act)
            bar.addWidget(tool)
        bar.addStretch()
        return bar

    def _fill(self) -> None:
        """Make the rows anew: there are few, and they hold no state of their own."""
        self.list.blockSignals(True)
        for row in self._rows.values():
            row.close_row()
        self._rows.clear()
        self.list.clear()
        for layer in reversed([one for one in self.session.document if isinstance(one, PlacedLayer)]):
            row = self._rows[layer.id] = LayerRow(self.session, layer)
            item = QListWidgetItem()
            item.setData(ID, layer.id)
            item.setSizeHint(QSize(0, row.sizeHint().height()))
            row.resized.connect(lambda item=item, row=row: item.setSizeHint(QSize(0, row.sizeHint().height())))
            self.list.addItem(item)
            self.list.setItemWidget(item, row)
        self.list.blockSignals(False)
        self.empty.setVisible(not len(self.session.document))
        self._select()

    def _select(self) -> None:
        for place in range(self.list.count()):
            if self.list.item(place).data(ID) == self.session.state.active:
                self.list.setCurrentRow(place)
        self._show_page(self.layer)

    def _show_page(self, layer: PlacedLayer | None) -> None:
        if self.page is not None:
            if self.page.layer is layer:
                return
            self._below.removeWidget(self.page)
            self.page.hide()
            self.page.close_page()
            self.page = None
        if isinstance(layer, VolumeLayer):
            from viewer.ui.layers.image_display import ImageDisplay  # its histogram takes long to import

            self.page = ImageDisplay(self.session, layer)
        elif isinstance(layer, SegmentationLayer):
            self.page = SegmentationDisplay(layer)
        if self.page is not None:
            self._below.addWidget(self.page)

    def _chosen(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.session.state.active = item.data(ID)

    def _dropped(self) -> None:
        """A row was dragged: give the document the order of the list, in one edit."""
        order = [self.list.item(place).data(ID) for place in reversed(range(self.list.count()))]
        now = [layer.id for layer in self.session.document]
        moved = next((key for key in now if [k for k in order if k != key] == [k for k in now if k != key]), None)
        layer: Layer | None = self.session.document.find(moved) if moved and order != now else None
        if layer is not None:
            self.session.layers.move(layer, order.index(layer.id))


class _List(QListWidget):
    """A list that takes no more room than its rows need."""

    def sizeHint(self) -> QSize:
        rows = sum(self.sizeHintForRow(place) for place in range(self.count()))
        return QSize(super().sizeHint().width(), max(80, rows + 8))
