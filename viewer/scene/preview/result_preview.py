"""A result on its way: its finished slices, shown over the image it is made from until the result is there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer.data.box import Box, box_at
from viewer.data.preview import Preview
from viewer.processes.shared_array import create_shared
from viewer.scene.document import Document
from viewer.scene.layer import VolumeLayer
from viewer.scene.view_state import ViewState

BADGE = "preview, not finished"
MIRRORED = (
    "window",
    "colormap",
    "opacity",
    "transform",
)  # what it takes over from the image under it, whenever that changes


class ResultPreview:
    """No part of the document: not listed, undone, journalled or saved. What is not finished is clear (NaN).

    It is seen at the time point that was given to the plugin, with the look of the image under it.
    """

    def __init__(self, document: Document, state: ViewState, under: VolumeLayer, title: str) -> None:
        self._document, self._state, self._under = document, state, under
        self._input = under.volume(state.timepoint)
        self._title = title
        self._array: NDArray[np.float32] | None = None
        self._layer: VolumeLayer | None = None
        self._slices = 0
        self._over = False

    def write(self, preview: Preview) -> Box | None:
        """Write finished slices; what was written, None where it is over. For the background: large arrays take time.

        Raises ValueError where they do not lie on the image's grid, MemoryError where there is no room for them.
        """
        shape = self._input.grid.shape
        stop = preview.start + len(preview.array)
        if self._input.color or preview.array.shape[1:] != shape[1:] or not 0 <= preview.start < stop <= shape[0]:
            raise ValueError(f"a preview {preview.array.shape} at slice {preview.start} does not fit {shape}")
        if self._over:
            return None
        array = self._array if self._array is not None else self._allocate()
        array[preview.start : stop] = preview.array
        return box_at((preview.start, 0, 0), preview.array.shape)

    def show(self, box: Box) -> None:
        """Let the views show what was put into a box [k, j, i]; on the main thread."""
        if self._over or self._array is None:
            return
        layer = self._layer or self._lay(self._array)
        self._slices += box[0].stop - box[0].start
        layer.loaded = min(1.0, self._slices / self._input.grid.shape[0])
        for timepoint in range(len(self._under.volumes)):
            layer.touched.emit(timepoint, box)

    def withdraw(self) -> None:
        """Take it out of the views: the result is there, or will never be."""
        self._over = True
        if self._layer is not None:
            self._under.events.disconnect(self._follow)
            self._state.events.timepoint.disconnect(self._follow)
            self._document.hide_preview(self._layer)
        self._layer = self._array = None

    def _allocate(self) -> NDArray[np.float32]:
        array: NDArray[Any]
        array, _ = create_shared(self._input.grid.shape, np.float32)
        array.fill(np.nan)
        self._array = array
        return array

    def _lay(self, array: NDArray[np.float32]) -> VolumeLayer:
        name = f"{self._under.name} – {self._title}"
        volume = self._input.with_values(array, name=name, badges=(*self._input.badges, BADGE))
        self._layer = VolumeLayer(name=name, volumes=(replace(volume, provenance=None),), loaded=0.0)
        self._under.events.connect(self._follow)
        self._state.events.timepoint.connect(self._follow)
        self._follow()
        self._document.show_preview(self._under, self._layer)
        return self._layer

    def _follow(self, *_: object) -> None:
        if self._layer is not None:
            for name in MIRRORED:
                setattr(self._layer, name, getattr(self._under, name))
            self._layer.visible = self._under.volume(self._state.timepoint) is self._input
