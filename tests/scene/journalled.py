"""Somebody who paints, journalled, and what comes back of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.scene.document import Document
from viewer.scene.edits import AddLayer
from viewer.scene.history import History
from viewer.scene.journal.journal import JournalKeeper
from viewer.scene.journal.replay import Recovery, find_recoveries
from viewer.scene.segmentation.masking import EVERYWHERE, paint
from viewer.scene.segmentation.stroke import Stroke
from viewer.scene.segmentation_layer import SegmentationLayer, segmentation_layer

SHAPE = (3, 40, 40)


class Work:
    """Somebody who paints, journalled under a folder."""

    def __init__(self, root: Path) -> None:
        self.root, self.said = root, list[str]()
        self.keeper = JournalKeeper(root, self.said.append)
        self.history = History(Document(), record=self.keeper.record)
        labels = np.random.default_rng(0).integers(0, 2, SHAPE, np.uint8)  # as it came: does not compress well
        values = Segmentation(labels, Grid.of(SHAPE), (Segment(1, "a"), Segment(2, "b")), "labels")
        self.layer = segmentation_layer(values)
        self.history.do(AddLayer(self.layer))

    def paint(self, row: int, noise: int = 0) -> None:
        """One row of the second segment; noise: voxels whose labels do not compress."""
        stroke = Stroke(self.layer)
        box = slice(0, 3), slice(row, row + 1), slice(0, 40)
        paint(stroke, (0, 2), box, np.ones((3, 1, 40), bool), EVERYWHERE)
        for _ in range(noise):
            stroke.write(
                0, (slice(0, 3), slice(0, 40), slice(0, 40)), np.random.default_rng(row).integers(0, 3, SHAPE, np.uint8)
            )
        edit = stroke.edit(f"row {row}")
        assert edit is not None
        self.history.do(edit)

    @property
    def folder(self) -> Path:
        (folder,) = self.root.iterdir()
        return folder

    def abandoned(self) -> Recovery:
        """What the next start finds after a kill."""
        assert self.keeper._journal is not None
        self.keeper._journal.abandon()
        (found,) = find_recoveries(self.root)
        return found


def again(found: Recovery) -> tuple[History, SegmentationLayer]:
    history = History(Document())
    found.replay(history, found.layers(lambda key: None))
    (layer,) = history.document.segmentation_layers
    return history, layer


def painted(layer: SegmentationLayer) -> list[int]:
    return [row for row in range(40) if (layer.segmentation.array[:, row] == 2).all()]
