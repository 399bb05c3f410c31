"""How everything is looked at, written beside the journal a moment after it changed, so that a crash does not cost it.

It is no edit: what is damaged here costs the view and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Timer

from viewer.data.arrays import Json
from viewer.scene.document import Document
from viewer.scene.journal.serialization import describe_look, json_value, restore_look
from viewer.scene.layer import Layer, VolumeLayer
from viewer.scene.segmentation_layer import SegmentationLayer
from viewer.scene.view_state import VIEWS, Layout, ViewState

STATE = ("timepoint", "active", "layout", "view", "show_crosshair", "show_overlays", "show_text")  # as they are
LATER = ("show_ai",)  # what older versions did not tell
DELAY = 1.0  # seconds after a change


def describe_state(state: ViewState) -> Json:
    """The JSON object of how the document is looked at: crosshair (LPS mm), time point, layout, what is shown."""
    return {name: getattr(state, name) for name in (*STATE, *LATER, "crosshair", "compared")}


def restore_state(entry: Json, state: ViewState) -> None:
    """Look at the document as describe_state told.

    Raises KeyError, TypeError or ValueError where the entry is none of its objects; nothing is changed then.
    """
    x, y, z = (float(mm) for mm in entry["crosshair"])
    compared = json_value(tuple[str, ...], entry["compared"])
    if entry["view"] not in VIEWS:
        raise ValueError("a view of another program")
    json_value(Layout, entry["layout"])
    known = (*STATE, *(name for name in LATER if name in entry))
    values = {name: type(getattr(state, name))(entry[name]) for name in known}
    for name, value in {**values, "crosshair": (x, y, z), "compared": compared}.items():
        setattr(state, name, value)


def describe_view(document: Document, state: ViewState, paths: Sequence[str]) -> Json:
    """The JSON object of a whole view: state and layers. paths: the folders and files that were opened."""
    looks = {layer.id: describe_look(layer) for layer in document}
    return {"state": describe_state(state), "layers": looks, "paths": list(paths)}


def restore_view(entry: Json, document: Document, state: ViewState) -> None:
    """Look at everything as describe_view told; layers that it does not know are hidden.

    Raises KeyError, TypeError or ValueError as restore_state.
    """
    looks = json_value(dict, entry["layers"])
    for layer in document:
        if isinstance(layer, VolumeLayer | SegmentationLayer) and layer.id in looks:
            restore_look(layer, looks[layer.id])
        else:
            layer.visible = False
    restore_state(entry["state"], state)


class ViewSnapshots:
    """Follows a document and how it is looked at; `write` gets the view on a thread of its own, seldom enough."""

    def __init__(
        self, document: Document, state: ViewState, paths: Sequence[str], write: Callable[[Json], None]
    ) -> None:
        self._document, self._state, self._paths, self._write = document, state, paths, write
        self._timer: Timer | None = None
        self._closed = False
        document.inserted.connect(self._follow)
        document.removed.connect(self.later)
        state.events.connect(self.later)

    def close(self) -> None:
        """Nothing is written afterwards."""
        self._closed = True
        timer = self._timer
        if timer is not None:
            timer.cancel()
            timer.join()

    def later(self, *_: object) -> None:
        """Something has changed."""
        if self._timer is None and not self._closed:
            self._timer = Timer(DELAY, self._now)
            self._timer.daemon = True
            self._timer.start()

    def _follow(self, _: int, layer: Layer) -> None:
        layer.events.connect(self.later, unique=True)
        self.later()

    def _now(self) -> None:
        """On the timer's thread: it only reads, and what changes meanwhile is written the next time."""
        self._timer = None
        self._write(describe_view(self._document, self._state, self._paths))
