"""Segmentations in and out of plugins: results are layers that wait for review and can be painted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from viewer.cli.headless_session import HeadlessStage, finish
from viewer.data.grid import Grid
from viewer.data.volume import Volume
from viewer.scene.edits import AddLayer
from viewer.scene.layer import VolumeLayer, volume_layer

SHAPE = (4, 6, 8)
PLUGIN = '''
"""Bright: labels what is bright, outside of a mask where there is one."""
import numpy as np
from viewer.api import Job, Segment, Segmentation, Volume, plugin


@plugin("Bright", group="Test")
def bright(image: Volume, mask: Segmentation | None, job: Job) -> Segmentation:
    """Label the values above 0."""
    found = image.values() > 0
    if mask is not None:
        found &= mask.array == 0
    return Segmentation(found.astype(np.uint8), image.grid, (Segment(1, "bright"),))
'''


@pytest.fixture
def stage(home: Path) -> Iterator[HeadlessStage]:
    folder = home / "data" / "plugins"
    folder.mkdir(parents=True)
    (folder / "bright.py").write_text(PLUGIN)
    with HeadlessStage() as stage:
        yield stage


def opened(stage: HeadlessStage) -> VolumeLayer:
    values = np.zeros(SHAPE, np.int16)
    values[1:3] = 5
    layer = volume_layer((Volume(values, Grid.of(SHAPE, (2, 1, 1)), "CT"),))
    stage.session.history.do(AddLayer(layer))
    return layer


def test_a_label_map_becomes_a_layer_over_its_image(stage: HeadlessStage) -> None:
    image = opened(stage)
    finish(stage, stage.session.runs.run_plugin("bright", {"image": image.id}, {}))
    (layer,) = stage.session.document.segmentation_layers
    assert (layer.name, layer.review, layer.made_from) == ("CT – Bright", "unreviewed", image.id)
    assert layer.badges == ("processed, not reviewed",)
    assert layer.unsaved
    (segment,) = layer.segmentation.segments
    assert (segment.algorithm, segment.algorithm_name) == ("AUTOMATIC", "bright")
    assert stage.session.history.undo_labels[0] == "Bright"
    stage.session.segments.remove(layer, segment.key)
    assert not layer.segmentation.array.any()
    stage.session.history.undo()
    stage.session.history.undo()
    assert not stage.session.document.segmentation_layers


def test_a_segmentation_is_an_input(stage: HeadlessStage) -> None:
    image = opened(stage)
    mask = stage.session.segments.new_layer(image)
    segment = stage.session.segments.add(mask)
    stage.session.segments.apply_mask(
        mask, segment.key, np.ones((1, 6, 8), bool), (slice(1, 2), slice(0, 6), slice(0, 8)), "Fill"
    )
    finish(stage, stage.session.runs.run_plugin("bright", {"image": image.id, "mask": mask.segmentation}, {}))
    assert stage.session.document.segmentation_layers[1].segmentation.array.sum() == 48
