"""The study browser's model: patient > study > series > image, sorted, filled while a folder is read."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractItemModel,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
)

from viewer.ui.studies.rows import (
    Node,
    accessible,
    describe_image,
    describe_labels,
    describe_series,
    order_of,
    patient_node,
    study_node,
    tooltip,
)
from viewer.ui.widgets import text_format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from viewer.data.study import Image, LabelFile, Source

AnyIndex = QModelIndex | QPersistentModelIndex
# Keys of images and paths of files of segments: what is dragged from the browser to a view.
IMAGE_MIME = "application/x-tomolens-images"


def packed_keys(keys: Iterable[str]) -> bytes:
    """Keys of images, for a drag: they may be paths, which hold anything but a zero."""
    return "\0".join(keys).encode("utf-8", "surrogatepass")


def unpacked_keys(data: bytes) -> list[str]:
    """What `packed_keys` packed."""
    return data.decode("utf-8", "surrogatepass").split("\0")


NODE = Qt.ItemDataRole.UserRole


class StudyTree(QAbstractItemModel):
    """Rows of the images a session knows. `update` puts one series in its place; a series of one image is one row."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.root = Node("root")
        self._series: dict[str, Node] = {}

    def update(self, key: str, images: list[Image]) -> None:
        """Show what is known of a series now; an empty list takes it away."""
        series = self._series.get(key)
        if not images:
            if series:
                del self._series[key]
                self._prune(series)
            return
        if series is None:
            series = self._series[key] = self._row(images[0].source, key)
        self._fill(series, images)
        for node in series.upward:
            self._describe(node)

    def put(self, labels: LabelFile) -> None:
        """Show a file of segments."""
        row = self._row(labels.source, labels.path)
        describe_labels(row, labels)
        for node in row.upward:
            self._describe(node)

    def _row(self, source: Source, key: str) -> Node:
        """The row of a series, under its patient and study."""
        study = self._child(self._child(self.root, patient_node(source)), study_node(source))
        return self._child(study, Node("series", (source.series_number, key)))

    def _fill(self, series: Node, images: list[Image]) -> None:
        describe_series(series, images)
        wanted = images if len(images) > 1 else []
        if len(series.children) > len(wanted):
            self.beginRemoveRows(self.index_of(series), len(wanted), len(series.children) - 1)
            del series.children[len(wanted) :]
            self.endRemoveRows()
        for place, image in enumerate(wanted):
            child = series.children[place] if place < len(series.children) else None
            if child is None:
                child = self._child(series, Node("image", (place,)))
            describe_image(child, image, series.text)
            self.changed(child)

    def _describe(self, node: Node) -> None:
        if node.kind == "study":
            kinds = sorted({source.shown.modality for source in node.sources})
            node.facts = f"{' '.join(kinds)} · {text_format.count(len(node.children), 'series', 'series')}"
        elif node.kind == "patient" and not node.details:
            node.facts = text_format.count(len(node.children), "study", "studies")
        self.changed(node)

    def changed(self, node: Node) -> None:
        """Have a row painted again."""
        index = self.index_of(node)
        self.dataChanged.emit(index, index)

    def _child(self, parent: Node, node: Node) -> Node:
        """The child of `parent` at this node's place; the node itself, put there, where there is none."""
        row = bisect_left(parent.children, node.order, key=order_of)
        if row < len(parent.children) and parent.children[row].order == node.order:
            return parent.children[row]
        node.parent = parent
        self.beginInsertRows(self.index_of(parent), row, row)
        parent.children.insert(row, node)
        self.endInsertRows()
        return node

    def _prune(self, node: Node) -> None:
        parent = node.parent
        if parent is None:
            return
        row = node.row
        self.beginRemoveRows(self.index_of(parent), row, row)
        del parent.children[row]
        self.endRemoveRows()
        if not parent.children:
            self._prune(parent)
        else:
            self._describe(parent)

    # What Qt asks.
    def index_of(self, node: Node) -> QModelIndex:
        """Where the model has a row."""
        return QModelIndex() if node is self.root else self.createIndex(node.row, 0, node)

    def node(self, index: AnyIndex) -> Node:
        """The row at an index; the root for an invalid one."""
        return index.internalPointer() if index.isValid() else self.root

    def index(self, row: int, column: int, parent: AnyIndex = QModelIndex()) -> QModelIndex:  # noqa: B008
        """The index of a parent's child; invalid where there is none."""
        children = self.node(parent).children
        return self.createIndex(row, column, children[row]) if 0 <= row < len(children) else QModelIndex()

    def parent(self, index: AnyIndex) -> QModelIndex:  # type: ignore[override]
        """The index of the row above; invalid for those on top."""
        above = self.node(index).parent
        return self.index_of(above) if above else QModelIndex()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        """How many rows stand below an index."""
        return len(self.node(parent).children)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        """One: the delegate draws all of a row."""
        return 1

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A row's title, its words for tool tip and screen reader, and itself for the delegate."""
        node = self.node(index)
        answers: dict[int, Callable[[], Any]] = {
            Qt.ItemDataRole.DisplayRole: lambda: node.title,
            Qt.ItemDataRole.ToolTipRole: lambda: tooltip(node),
            Qt.ItemDataRole.AccessibleTextRole: lambda: accessible(node),
            NODE: lambda: node,
        }
        return answers[role]() if role in answers else None

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        """Every row can be chosen and dragged onto a view."""
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsDragEnabled

    def mimeTypes(self) -> list[str]:
        """What a dragged row is: images of this program."""
        return [IMAGE_MIME]

    def mimeData(self, indexes: Any) -> QMimeData:
        """The keys of the images below the rows, and the paths of segmentations."""
        nodes = [self.node(index) for index in indexes]
        keys = dict.fromkeys(image.key for node in nodes for image in node.images)
        keys |= dict.fromkeys(node.labels.path for node in nodes if node.labels)
        data = QMimeData()
        data.setData(IMAGE_MIME, packed_keys(keys))
        return data


class StudyFilter(QSortFilterProxyModel):
    """Shows the series in whose texts every word occurs, with the patients and studies above them."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.words: list[str] = []
        self.setRecursiveFilteringEnabled(True)

    def look_for(self, text: str) -> None:
        """Show the rows that have all of these words, in any case."""
        self.beginFilterChange()
        self.words = text.lower().split()
        self.endFilterChange()

    def filterAcceptsRow(self, row: int, parent: AnyIndex) -> bool:
        """Whether a row without children has every word; those above it stay with it."""
        model = self.sourceModel()
        if not isinstance(model, StudyTree) or not self.words:
            return True
        node = model.node(parent).children[row]
        return not node.children and all(word in node.text for word in self.words)
