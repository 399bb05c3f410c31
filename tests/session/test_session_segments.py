"""The verbs of segmentation: one step each, in the background where they take time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from viewer.cli.exit_codes import JobFailed
from viewer.cli.headless_session import HeadlessStage, finish
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.study import Source
from viewer.data.volume import Volume
from viewer.scene.edits import AddLayer
from viewer.scene.layer import VolumeLayer, volume_layer
from viewer.scene.segmentation.masking import Masking
from viewer.scene.segmentation_layer import SegmentationLayer, segmentation_layer
from viewer.scene.task import Message

SHAPE = (4, 6, 8)
GRID = Grid.of(SHAPE, (3, 1, 1), origin=(5, 6, 7))
WHOLE = (slice(0, 4), slice(0, 6), slice(0, 8))
MIDDLE = (slice(1, 3), slice(2, 4), slice(2, 6))


@pytest.fixture
def stage() -> Iterator[HeadlessStage]:
    with HeadlessStage() as stage:
        yield stage


@pytest.fixture
def image(stage: HeadlessStage) -> VolumeLayer:
    source = Source(patient_id="P", files=("/a.nii",))
    layer = volume_layer((Volume(np.zeros(SHAPE, np.int16), GRID, "CT", source=source),))
    stage.session.history.do(AddLayer(layer))
    return layer


@pytest.fixture
def layer(stage: HeadlessStage, image: VolumeLayer) -> SegmentationLayer:
    """With one segment in the middle."""
    layer = stage.session.segments.new_layer(image)
    liver = stage.session.segments.add(layer, "liver", (1, 2, 3), ("SCT", "10200004", "Liver"))
    stage.session.segments.apply_mask(layer, liver.key, np.ones((2, 2, 4), bool), MIDDLE, "Fill")
    return layer


def labels(stage: HeadlessStage) -> tuple[str, ...]:
    return stage.session.history.undo_labels


def test_a_new_one_lies_on_its_image_and_every_verb_is_one_step(stage: HeadlessStage, layer: SegmentationLayer) -> None:
    session = stage.session
    assert layer.grid.matches(GRID)
    assert layer.made_from == session.document.volume_layers[0].id
    assert (layer.segmentation.source.patient_id, layer.segmentation.source.files) == ("P", ("/a.nii",))
    (liver,) = layer.segmentation.segments
    assert (liver.color, liver.code, liver.state) == ((1, 2, 3), ("SCT", "10200004", "Liver"), "in progress")
    other = session.segments.add(layer)
    assert (other.name, other.key, layer.active) == ("Segment 2", (0, 2), (0, 2))
    session.segments.change(layer, other.key, name="lesion")
    session.segments.change(layer, other.key, state="flagged", remark="edge", reader="R")
    session.segments.move(layer, other.key, 0)
    assert [segment.name for segment in layer.segmentation.segments] == ["lesion", "liver"]
    assert layer.segmentation.segments[0].remark == "edge"
    session.segments.remove(layer, liver.key)
    assert not layer.segmentation.array.any()
    assert [segment.name for segment in layer.segmentation.segments] == ["lesion"]
    steps = ("Remove liver", "Move lesion", "Change lesion", "Rename Segment 2", "Add Segment 2", "Fill", "Add liver")
    assert labels(stage)[:7] == steps
    for _ in range(5):
        session.history.undo()
    assert layer.segmentation.segments[0].name == "liver"
    assert layer.segmentation.array.sum() == 16


def test_a_colour_that_is_dragged_is_one_step(stage: HeadlessStage, layer: SegmentationLayer) -> None:
    before, key = len(labels(stage)), layer.segmentation.segments[0].key
    for shade in range(5):
        stage.session.segments.change(layer, key, color=(shade, 0, 0), gesture="drag 1")
    assert len(labels(stage)) == before + 1
    stage.session.history.undo()
    assert layer.segmentation.segments[0].color == (1, 2, 3)


def test_what_is_locked_or_not_there_is_refused(stage: HeadlessStage, layer: SegmentationLayer) -> None:
    layer.locked = frozenset({(0, 1)})
    with pytest.raises(ValueError, match="liver is locked"):
        stage.session.segments.remove(layer, (0, 1))
    with pytest.raises(ValueError, match="liver is locked"):
        stage.session.segments.apply_mask(layer, (0, 1), np.ones(SHAPE, bool), WHOLE, "Fill")
    for verb in (stage.session.segments.remove, stage.session.segments.change):
        with pytest.raises(KeyError):
            verb(layer, (0, 9))


@pytest.mark.parametrize(("how", "count"), [("add", 16), ("remove", 12), ("set", 4)])
def test_what_a_mask_does(stage: HeadlessStage, layer: SegmentationLayer, how: Any, count: int) -> None:
    corner = np.zeros((2, 2, 4), bool)
    corner[0, 0] = True
    assert stage.session.segments.apply_mask(layer, (0, 1), corner, MIDDLE, "Fill", how) == (how != "add")
    assert (layer.segmentation.array == 1).sum() == count


def test_three_hundred_segments(stage: HeadlessStage, layer: SegmentationLayer) -> None:
    for _ in range(299):
        last = stage.session.segments.add(layer)
    stage.session.segments.apply_mask(layer, last.key, np.ones((2, 2, 4), bool), MIDDLE, "Fill")
    assert layer.segmentation.array.dtype == np.uint16
    assert (layer.segmentation.array == 300).sum() == 16
    stage.session.history.undo()
    assert (layer.segmentation.array == 1).sum() == 16


def test_an_effect_is_one_step_that_is_signed_by_its_name(stage: HeadlessStage, layer: SegmentationLayer) -> None:
    other = stage.session.segments.add(layer, "shell")
    threads: list[threading.Thread] = []

    def call(tell: Any) -> Iterator[Any]:
        threads.append(threading.current_thread())
        tell(0.5)
        yield (0, 1), np.zeros(SHAPE, bool), WHOLE
        yield other.key, layer.segmentation.mask(layer.segmentation.segments[0]), WHOLE

    finish(stage, stage.session.segments.run_effect(layer, "Hollow", call))
    assert threads != [threading.main_thread()]
    assert labels(stage)[0] == "Hollow"
    assert (layer.segmentation.array == other.label).sum() == 16
    assert [(one.algorithm, one.algorithm_name) for one in layer.segmentation.segments] == [
        ("SEMIAUTOMATIC", "Hollow")
    ] * 2
    stage.session.history.undo()
    assert (layer.segmentation.array == 1).sum() == 16
    assert layer.segmentation.segments[0].algorithm == "MANUAL"


def test_an_effect_that_overlaps_makes_room(stage: HeadlessStage, layer: SegmentationLayer) -> None:
    other = stage.session.segments.add(layer, "whole")
    answer = other.key, np.ones(SHAPE, bool), WHOLE
    finish(
        stage,
        stage.session.segments.run_effect(
            layer, "Fill", lambda tell: [answer], masking=Masking(overlap="allow overlap")
        ),
    )
    assert [int((map > 0).sum()) for map in layer.segmentation.maps] == [16, 192]


def test_an_answer_about_what_was_changed_meanwhile_is_dropped(stage: HeadlessStage, layer: SegmentationLayer) -> None:
    begun, edited = threading.Event(), threading.Event()

    def call(tell: Any) -> list[Any]:
        begun.set()
        edited.wait()
        return [((0, 1), np.ones(SHAPE, bool), WHOLE)]

    task = stage.session.segments.run_effect(layer, "Grow", call)
    begun.wait()
    stage.session.segments.apply_mask(layer, (0, 1), np.ones((1, 1, 1), bool), (slice(0, 1),) * 3, "Brush")
    edited.set()
    with pytest.raises(JobFailed, match="was changed while it was computed; run it again"):
        finish(stage, task)
    assert labels(stage)[0] == "Brush"
    assert (layer.segmentation.array == 1).sum() == 17


def test_a_cancel_and_a_refusal_change_nothing(stage: HeadlessStage, layer: SegmentationLayer) -> None:
    def endless(tell: Any) -> list[Any]:
        while True:
            tell(0.1)

    def refused(tell: Any) -> list[Any]:
        raise ValueError("The segment is empty: paint a seed first.")

    task = stage.session.segments.run_effect(layer, "Grow", endless)
    task.cancel()
    stage.until(lambda: not task.running)
    assert task.state == "cancelled"
    with pytest.raises(JobFailed, match="paint a seed first"):
        finish(stage, stage.session.segments.run_effect(layer, "Grow", refused))
    said: list[Message] = []
    stage.session.messages.added.connect(said.append)
    finish(stage, stage.session.segments.run_effect(layer, "Smooth", lambda tell: []))
    assert [message.text for message in said] == ["Smooth changed nothing in Segments of CT."]
    assert labels(stage)[0] == "Fill"


def test_one_that_was_read_is_stored_as_it_came_and_can_be_painted(stage: HeadlessStage, image: VolumeLayer) -> None:
    array = np.ones(SHAPE, np.uint8)
    array.setflags(write=False)
    read = segmentation_layer(Segmentation(array, GRID, (Segment(1, "all"),), "labels"), image)
    finish(stage, stage.session.segments.add_layer(read))
    assert read in stage.session.document.segmentation_layers
    stage.session.segments.remove(read, (0, 1))
    assert not read.segmentation.array.any()
    assert array.all()


def test_labels_of_a_killed_session_come_back(home: Path) -> None:
    with HeadlessStage() as first:
        image = volume_layer((Volume(np.zeros(SHAPE, np.int16), GRID, "CT"),))
        first.session.history.do(AddLayer(image))
        layer = first.session.segments.new_layer(image)
        segment = first.session.segments.add(layer, "liver")
        first.session.segments.apply_mask(layer, segment.key, np.ones((2, 2, 4), bool), MIDDLE, "Fill")
        (folder,) = (home / "state" / "journal").iterdir()
        folder.rename(folder.with_name(folder.name + "-kept"))  # as a kill would: the folder stays
    with HeadlessStage() as second:
        (recovery,) = second.session.recovery.unfinished()
        assert recovery.summary == "1 result, 1 segmentation, 2 edits of segments"
        finish(second, second.session.recovery.recover(recovery))
        (back,) = second.session.document.segmentation_layers
        assert np.array_equal(back.segmentation.array, layer.segmentation.array)
        assert back.segmentation.segments == layer.segmentation.segments
        assert back.made_from == second.session.document.volume_layers[0].id
        assert labels(second)[:2] == ("Fill", "Add liver")
        assert second.session.recovery.unfinished() == []
