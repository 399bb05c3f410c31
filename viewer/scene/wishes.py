"""Which images on their way are to be shown once they are there: those that were asked for last."""

from __future__ import annotations

from dataclasses import dataclass

from viewer.scene.document import Document
from viewer.scene.layer import VolumeLayer


@dataclass(frozen=True, eq=False)
class _Wish:
    """overlay: over what is shown, not in its place. hidden: the images that were so when it was asked for."""

    overlay: bool
    hidden: tuple[VolumeLayer, ...]


class Wishes:
    """An image that comes late takes the screen from no other that was shown after it was asked for."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._wishes: dict[str, _Wish] = {}  # by Image.key

    def ask(self, key: str, *, overlay: bool) -> None:
        """Somebody wants to see an image: alone, in place of whatever else was asked for, or over what is shown."""
        if not overlay:
            self._wishes.clear()
        self._wishes[key] = _Wish(overlay, tuple(one for one in self._document.volume_layers if not one.visible))

    def granted(self, key: str) -> bool | None:
        """Of an image that is there now: whether it goes over what is shown; None where it is not to be shown."""
        wish = self._wishes.pop(key, None)
        if self._document.base is None:
            return wish is not None and wish.overlay
        return None if wish is None or any(one.visible for one in wish.hidden) else wish.overlay
