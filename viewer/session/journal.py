"""What a session writes down as it goes, so that a killed one can be brought back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.scene.journal.journal import JournalKeeper
from viewer.scene.journal.view_snapshot import ViewSnapshots
from viewer.scene.layer import VolumeLayer
from viewer.scene.segmentation_layer import SegmentationLayer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from viewer.data.transform import Transform
    from viewer.scene.document import Document
    from viewer.scene.view_state import ViewState


class SessionJournal:
    """folder: of all journals. record: gets every step of the history. paths: the folders and files that were opened.

    warn: gets one sentence where the disk refuses, on any thread.
    """

    def __init__(self, folder: Path, document: Document, state: ViewState, warn: Callable[[str], None]) -> None:
        self.folder = folder
        self.paths: list[str] = []
        self._keeper = JournalKeeper(folder, warn)
        self.record = self._keeper.record
        self._snapshots = ViewSnapshots(document, state, self.paths, self._keeper.write_view)

    def store(
        self, layers: Iterable[VolumeLayer | SegmentationLayer], transforms: Iterable[Transform | None] = ()
    ) -> None:
        """Write what the journal needs of layers and transforms before they come.

        Slow for large ones: in the background.
        """
        layers = tuple(layers)
        placed = [layer.transform for layer in layers] + list(transforms)
        made = [layer for layer in layers if isinstance(layer, VolumeLayer) and not layer.image]
        voxels = [volume.array for layer in made for volume in layer.volumes]
        self._keeper.store(voxels + [one.displacement for one in placed if one and one.displacement is not None])
        drawn = [layer for layer in layers if isinstance(layer, SegmentationLayer)]
        self._keeper.store(layer.given.packed for layer in drawn if layer.given is not None)
        labelled = [layer.segmentation.maps for layer in drawn]
        self._keeper.store((map for maps in labelled for map in maps if map.any()), packed=True)

    def forget(self) -> None:
        """Remove what was written: nothing of it is needed any more."""
        self._keeper.close()

    def close(self) -> None:
        """End cleanly: nothing is left to recover."""
        self._snapshots.close()
        self._keeper.close()
