"""The study browser: patients, studies and series with thumbnails, filled while a folder is read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication, QImage, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QStackedWidget,
    QToolButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from viewer.data.printable_text import printable
from viewer.ui.studies.row_painter import StudyDelegate
from viewer.ui.studies.tree_model import StudyFilter, StudyTree
from viewer.ui.widgets import text_format, theme
from viewer.ui.widgets.basics import Bar, button, label

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from viewer.data.study import Image, RefusedFile
    from viewer.scene.task import Task
    from viewer.session.session import Session
    from viewer.ui.studies.rows import Node

EXPANDED_PATIENTS = 8  # so many patients are shown unfolded; a longer list stays folded until it is filtered
TURN_MS = 50  # arrivals within one turn are shown together
SERIES_A_TURN = 250  # more wait for the next turn, so that the window stays quick


class StudiesPanel(QWidget):
    """Loads what is double clicked or entered. open_requested: the user wants to pick files."""

    open_requested = Signal()
    recent_chosen = Signal(str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.tree = StudyTree(self)
        self.filter = StudyFilter(self)
        self.filter.setSourceModel(self.tree)
        self._thumbnails: dict[str, tuple[tuple[int, ...], QPixmap | None]] = {}
        self._arrived: dict[str, None] = {}
        self._reading: Task | None = None
        self._turn = _timer(self, TURN_MS, self._show_arrived)
        self._build()
        session.studies.images_changed.connect(self._arrive)
        session.studies.labels_found.connect(self._arrive_labels)
        session.studies.file_refused.connect(self._refuse)
        session.tasks.added.connect(self._follow)
        for key in session.studies.images:
            self._arrive(key)
        for path in session.studies.label_files:
            self._arrive_labels(path)
        for refused in session.studies.refusals:
            self._refuse(refused)
        for task in session.tasks:
            self._follow(task)
        self._choose_page()

    def show_recent(self, paths: Sequence[str]) -> None:
        """Offer these folders and files while nothing is open, the latest first."""
        self.recent.clear()
        for path in paths:
            item = QListWidgetItem(theme.icon("folder-line"), printable(Path(path).name or path))
            item.setToolTip(printable(path))
            item.setData(Qt.ItemDataRole.UserRole, path)
            self.recent.addItem(item)
        self.recent_title.setVisible(bool(paths))
        self.recent.setVisible(bool(paths))

    def open_selected(self, *, overlay: bool = False) -> None:
        """Load the images of the selected rows: the first in place of what is shown, or over it; the others over it.

        Segments come where their own row is selected.
        """
        images = dict.fromkeys(image for node in self.selected() for image in node.images)
        for place, image in enumerate(images):
            self.session.studies.load(image, overlay=overlay or place > 0)
        for labels in [node.labels for node in self.selected() if node.labels]:
            self.session.studies.open_labels(labels)

    def focus_filter(self) -> None:
        """Put the cursor into the filter box."""
        self.box.setFocus()
        self.box.selectAll()

    def selected(self) -> list[Node]:
        """The rows that are chosen."""
        indexes = self.view.selectionModel().selectedRows()
        return [self.tree.node(self.filter.mapToSource(index)) for index in indexes]

    # Build.
    def _build(self) -> None:
        self.box = QLineEdit(placeholderText="Filter: name, description, CT, 2024-05 …", clearButtonEnabled=True)
        self.box.setAccessibleName("Filter studies")
        self.box.addAction(theme.icon("search-line"), QLineEdit.ActionPosition.LeadingPosition)
        self._typed = _timer(self, 120, self._filter)
        self.box.textChanged.connect(lambda: self._typed.start())
        self.progress = Bar("Reading progress")
        self.reading = label(role="dim")
        self.view = self._build_view()
        self.nothing = label("No series matches the filter.", "dim")
        self.pages = QStackedWidget()
        for page in (self._build_empty(), self.view, self.nothing):
            self.pages.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        for widget in (self.box, self.progress, self.reading, self.pages, *self._build_refused()):
            layout.addWidget(widget)
        layout.setStretchFactor(self.pages, 1)
        self.progress.hide()
        self.reading.hide()

    def _build_view(self) -> QTreeView:
        view = QTreeView(headerHidden=True, indentation=10)
        view.setDragEnabled(True)
        view.setAccessibleName("Studies")
        view.setModel(self.filter)
        view.setItemDelegate(StudyDelegate(self.thumbnail, view))
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setExpandsOnDoubleClick(False)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(self._menu)
        view.activated.connect(self._activated)
        return view

    def _build_empty(self) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 24, 0, 0)
        layout.addWidget(label("Drop a study here, or open the sample.", "dim"))
        browse = button("Open folder…", "folder-open-line", self.open_requested.emit)
        sample = button("Open sample", "test-tube-line", self.session.studies.open_sample)
        self.recent_title = label("Recent studies", "heading")
        self.recent = QListWidget()
        self.recent.setAccessibleName("Recent studies")
        self.recent.itemActivated.connect(lambda item: self.recent_chosen.emit(item.data(Qt.ItemDataRole.UserRole)))
        for widget in (browse, sample, self.recent_title, self.recent):
            layout.addWidget(widget)
        layout.addStretch(1)
        self.show_recent(())
        return page

    def _build_refused(self) -> tuple[QToolButton, QListWidget]:
        self.refused_fold = QToolButton()
        self.refused_fold.setCheckable(True)
        self.refused_fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.refused_fold.setIcon(theme.icon("error-warning-line", theme.WARNING))
        self.refused = QListWidget()
        self.refused.setAccessibleName("Files that were not opened")
        self.refused.setWordWrap(True)
        self.refused.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.refused.setMaximumHeight(120)
        self.refused.itemActivated.connect(lambda item: show_folder(item.data(Qt.ItemDataRole.UserRole)))
        self.refused_fold.toggled.connect(self.refused.setVisible)
        self.refused_fold.hide()
        self.refused.hide()
        return self.refused_fold, self.refused

    # Follow the session.
    def _arrive(self, key: str) -> None:
        self._arrived[key] = None
        if not self._turn.isActive():
            self._turn.start()

    def _arrive_labels(self, path: str) -> None:
        self.tree.put(self.session.studies.label_files[path])
        self._unfold()
        self._choose_page()

    def _show_arrived(self) -> None:
        for key in list(self._arrived)[:SERIES_A_TURN]:
            del self._arrived[key]
            self.tree.update(key, self.session.studies.images.get(key, []))
        if self._arrived:
            self._turn.start()
        self._unfold()
        self._choose_page()

    def _refuse(self, refused: RefusedFile) -> None:
        item = QListWidgetItem(f"{printable(Path(refused.path).name)}\n{refused.reason}")
        item.setToolTip(f"{printable(refused.path)}\n{refused.reason}")
        item.setData(Qt.ItemDataRole.UserRole, refused.path)
        self.refused.addItem(item)
        self.refused_fold.setText(f"{text_format.count(self.refused.count(), 'file')} not opened")
        self.refused_fold.show()

    def _follow(self, task: Task) -> None:
        if task.kind != "index":
            return
        self._reading = task
        for field in (task.events.state, task.events.progress, task.events.text):
            field.connect(self._show_reading)
        self._show_reading()

    def _show_reading(self) -> None:
        task = self._reading
        if task is not None:
            self.progress.setVisible(task.running)
            self.reading.setVisible(task.running and bool(task.text))
            self.progress.advance(task.progress)
            self.reading.setText(f"Reading {task.text}")

    # Show.
    def _choose_page(self) -> None:
        empty = not self.tree.rowCount()
        self.pages.setCurrentIndex(0 if empty else 1 if self.filter.rowCount() else 2)
        self.box.setEnabled(not empty)

    def _filter(self) -> None:
        self.filter.look_for(self.box.text())
        self._unfold()
        self._choose_page()

    def _unfold(self) -> None:
        if self.filter.rowCount() <= EXPANDED_PATIENTS:
            self.view.expandToDepth(1)

    def thumbnail(self, node: Node) -> QPixmap | None:
        """The picture of a row, asked for when the row is first seen and again when its image has grown."""
        image = node.image or next(iter(node.images if node.kind == "series" else ()), None)
        if image is None:
            return None
        extent = (*image.grid.shape, image.timepoints)
        known, pixmap = self._thumbnails.get(image.key, ((), None))
        if known != extent:
            self._thumbnails[image.key] = (extent, pixmap)
            self.session.studies.thumbnail(image, lambda pixels: self._have_thumbnail(image, extent, pixels))
        return pixmap

    def _have_thumbnail(self, image: Image, extent: tuple[int, ...], pixels: NDArray[np.uint8]) -> None:
        self._thumbnails[image.key] = (extent, _pixmap(pixels))
        self.view.viewport().update()

    # Act.
    def _activated(self, index: QModelIndex) -> None:
        node = self.tree.node(self.filter.mapToSource(index))
        if node.image:
            self.session.studies.load(node.image)
        elif node.labels:
            self.session.studies.open_labels(node.labels)
        else:
            self.view.setExpanded(index, not self.view.isExpanded(index))

    def _menu(self, at: QPoint) -> None:
        nodes = self.selected()
        if nodes:
            self.context_menu(nodes).exec(self.view.viewport().mapToGlobal(at))

    def context_menu(self, nodes: list[Node]) -> QMenu:
        """What can be done with these rows."""
        menu = QMenu(self)
        source = nodes[0].sources[0]
        menu.addAction(theme.icon("folder-open-line"), "Open", self.open_selected)
        menu.addAction(theme.icon("stack-line"), "Open as overlay", lambda: self.open_selected(overlay=True))
        if other := nodes[0].image and nodes[0].image.other:
            menu.addAction(text_format.other_placement(other), lambda: self.session.studies.load(other))
        menu.addSeparator()
        if source.files:
            menu.addAction(theme.icon("folder-line"), "Show folder", lambda: show_folder(source.files[0]))
        if source.series_uid:
            copy = QGuiApplication.clipboard().setText
            menu.addAction("Copy series UID", lambda: copy(source.series_uid))
            menu.addAction("Copy study UID", lambda: copy(source.study_uid))
        return menu


def show_folder(path: str) -> None:
    """Open the folder a file lies in with the system's file manager."""
    outer = Path(path.split("!")[0])
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(outer.parent)))


def _timer(parent: QWidget, milliseconds: int, act: Callable[[], None]) -> QTimer:
    timer = QTimer(parent, interval=milliseconds, singleShot=True)
    timer.timeout.connect(act)
    return timer


def _pixmap(pixels: NDArray[np.uint8]) -> QPixmap:
    rows = np.ascontiguousarray(pixels)
    kind = QImage.Format.Format_RGB888 if rows.ndim == 3 else QImage.Format.Format_Grayscale8
    return QPixmap.fromImage(QImage(rows.data, rows.shape[1], rows.shape[0], rows.strides[0], kind))
