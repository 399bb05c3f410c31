"""A segmentation as a layer: its place, its marks, and what would be lost with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from viewer.data.grid import Grid
from viewer.data.provenance import Provenance
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.transform import Transform
from viewer.scene.document import Document
from viewer.scene.edits import AddLayer, AlignLayer, RemoveLayer
from viewer.scene.history import History
from viewer.scene.layer import VolumeLayer
from viewer.scene.segmentation_layer import SegmentationLayer, segmentation_layer

GRID = Grid.of((1, 1, 8))


def labelled(image: VolumeLayer | None = None) -> SegmentationLayer:
    first, second = np.zeros((1, 1, 8), np.uint8), np.zeros((1, 1, 8), np.uint8)
    first[..., 2:6], second[..., 4:] = 1, 1
    segments = Segment(1, "liver"), Segment(1, "lesion", layer=1)
    return segmentation_layer(Segmentation(first, GRID, segments, "labels", overlapping=(second,)), image)


def shifted(mm: float) -> Transform:
    matrix = np.eye(4)
    matrix[0, 3] = mm
    return Transform(matrix)


def test_every_segment_at_a_place_is_named_through_the_transform() -> None:
    layer = labelled()
    assert [segment.name for segment in layer.segments_at((4, 0, 0))] == ["liver", "lesion"]
    assert [segment.name for segment in layer.segments_at((2, 0, 0))] == ["liver"]
    assert layer.segments_at((0, 0, 0)) == layer.segments_at((99, 0, 0)) == ()
    layer.transform = shifted(2)
    assert [segment.name for segment in layer.segments_at((0, 0, 0))] == ["liver"]


def test_it_stands_where_its_image_stands(layer: Callable[..., VolumeLayer]) -> None:
    image, history = layer("CT"), History(Document())
    image.transform = shifted(1)
    labels = labelled(image)
    assert labels.transform is image.transform
    history.do(AddLayer(image))
    history.do(AddLayer(labels))
    history.do(AlignLayer(image, image.transform, shifted(5)))
    assert labels.transform is image.transform
    history.undo()
    assert labels.transform is image.transform
    history.do(RemoveLayer(labels, 1))
    history.do(AlignLayer(image, image.transform, None))
    history.undo()
    history.undo()
    assert labels in tuple(history.document)
    assert labels.transform is image.transform
    assert history.document.segmentation_layers == (labels,)
    assert history.document.volume_layers == (image,)


def test_marks_tell_who_made_it() -> None:
    layer = labelled()
    assert layer.badges == ()
    made = Provenance("segment", "1", "0.1", learned=True)
    layer.segmentation = replace(layer.segmentation, provenance=made, badges=("resampled",))
    layer.review = "unreviewed"
    assert layer.badges == ("AI, not reviewed", "resampled")


def test_work_that_was_not_saved_is_known() -> None:
    layer = labelled()
    assert layer.unsaved  # it came from no file
    layer.saved = layer.generation
    assert not layer.unsaved
    layer.notify_written(0, (slice(0, 1), slice(0, 1), slice(0, 1)))
    assert layer.unsaved
    empty = segmentation_layer(replace(layer.segmentation, segments=(), overlapping=()))
    assert not empty.unsaved
