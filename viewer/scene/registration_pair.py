"""Which two images the tools for registration mean."""

from __future__ import annotations

from viewer.scene.active_image import active_image
from viewer.scene.compare.comparison import comparison_pair
from viewer.scene.document import Document
from viewer.scene.layer import VolumeLayer
from viewer.scene.view_state import ViewState

Pair = tuple[VolumeLayer, VolumeLayer]


def pair(document: Document, state: ViewState) -> Pair | None:
    """The fixed and the moving image: those of the comparison, else the two that are seen side by side.

    Without either the active layer moves, on the lowest visible other image. None where there are no two.
    """
    seen = comparison_pair(document, state.comparison)
    if seen:
        return seen.fixed, seen.moving
    beside = [document.find(one) for one in state.compared] if state.layout == "compare" else []
    match beside:
        case [VolumeLayer() as fixed, VolumeLayer() as moving]:
            return fixed, moving
    active = active_image(document, state)
    under = next((layer for layer in document.shown if layer is not active), None)
    return (under, active) if under and active else None
