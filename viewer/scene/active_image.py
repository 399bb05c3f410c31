"""Which image work is meant for: what is seen is what is worked on."""

from __future__ import annotations

from viewer.scene.document import Document
from viewer.scene.layer import VolumeLayer
from viewer.scene.segmentation_layer import SegmentationLayer
from viewer.scene.view_state import ViewState


def seen_images(document: Document, state: ViewState) -> tuple[VolumeLayer, ...]:
    """The images that the views show, bottom first: those side by side, else the visible ones."""
    named = state.compared if state.layout == "compare" else ()
    beside = tuple(layer for layer in document.volume_layers if layer.id in named)
    return beside or tuple(layer for layer in document.volume_layers if layer.visible)


def selected_image(document: Document, state: ViewState) -> VolumeLayer | None:
    """The active layer where that is an image, seen or not; else the lowest image that is seen; None without one."""
    found = document.find(state.active)
    return found if isinstance(found, VolumeLayer) else document.base


def active_image(document: Document, state: ViewState) -> VolumeLayer | None:
    """The active layer, or the image that it labels, where that is seen; else the lowest that is; None without one."""
    seen = seen_images(document, state)
    active = document.find(state.active)
    if isinstance(active, SegmentationLayer):
        active = document.find(active.made_from)
    return active if isinstance(active, VolumeLayer) and active in seen else next(iter(seen), None)
