"""Which images on their way are to be shown once they are there: those that were asked for last."""

from __future__ import annotations

from dataclasses import dataclass

from viewer.scene.document import Document
from viewer.scene.layer import VolumeLayer


@dataclass(frozen=True, eq=False)
class _Request:
    """overlay: over what is shown, not in its place. hidden: the images that were so when it was asked for."""

    overlay: bool
    hidden: tuple[VolumeLayer, ...]


class DisplayRequests:
    """An image that comes late takes the screen from no other that was shown after it was asked for."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._requests: dict[str, _Request] = {}  # by Image.key

    def add(self, key: str, *, overlay: bool) -> None:
        """Somebody wants to see an image: alone, in place of whatever else was asked for, or over what is shown."""
        if not overlay:
            self._requests.clear()
        self._requests[key] = _Request(overlay, tuple(one for one in self._document.volume_layers if not one.visible))

    def take(self, key: str) -> bool | None:
        """Whether an image that is there now goes over what is shown; None where it is not to be shown."""
        request = self._requests.pop(key, None)
        if self._document.base is None:
            return request is not None and request.overlay
        return None if request is None or any(one.visible for one in request.hidden) else request.overlay
