"""Segmentations that are opened and saved by the session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from viewer.cli.exit_codes import JobFailed
from viewer.cli.headless_session import HeadlessStage, finish
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.study import Source
from viewer.data.volume import Volume
from viewer.io.segmentations.segmentation_file import read_segmentation, save_segmentation
from viewer.scene.edits import AddLayer
from viewer.scene.layer import VolumeLayer, volume_layer
from viewer.session.segment_files import OTHER_FRAME, OTHER_PATIENT

SHAPE = (4, 6, 8)
GRID = Grid.of(SHAPE, (3, 1, 1), origin=(5, 6, 7))


@pytest.fixture
def stage() -> Iterator[HeadlessStage]:
    with HeadlessStage() as stage:
        yield stage


@pytest.fixture
def image(stage: HeadlessStage) -> VolumeLayer:
    source = Source(patient_id="P", patient_name="Doe^Jane")
    layer = volume_layer((Volume(np.zeros(SHAPE, np.int16), GRID, "CT", source=source),))
    stage.session.history.do(AddLayer(layer))
    return layer


def labels(grid: Grid = GRID) -> Segmentation:
    array = np.zeros(grid.shape, np.uint8)
    array[1:3, 2:4] = 1
    return Segmentation(array, grid, (Segment(1, "liver", (1, 2, 3)),), "labels")


def test_a_file_comes_over_the_image_it_fits(stage: HeadlessStage, image: VolumeLayer, tmp_path: Path) -> None:
    save_segmentation(labels(), tmp_path / "liver.seg.nrrd")
    finish(stage, stage.session.segment_files.open(tmp_path / "liver.seg.nrrd"))
    stage.until(lambda: bool(stage.session.document.segmentation_layers))
    (layer,) = stage.session.document.segmentation_layers
    assert layer.made_from == image.id
    assert np.array_equal(layer.segmentation.array, labels().array)
    assert not layer.unsaved
    assert OTHER_PATIENT not in layer.badges


def test_over_a_hidden_image_they_come_hidden(stage: HeadlessStage, image: VolumeLayer, tmp_path: Path) -> None:
    other = volume_layer((Volume(np.zeros(SHAPE, np.int16), GRID, "of another patient"),))
    stage.session.history.do(AddLayer(other))
    image.visible = False
    save_segmentation(replace(labels(), source=image.source), tmp_path / "liver.seg.nrrd")
    finish(stage, stage.session.segment_files.open(tmp_path / "liver.seg.nrrd"))
    stage.until(lambda: bool(stage.session.document.segmentation_layers))
    (layer,) = stage.session.document.segmentation_layers
    assert (layer.made_from, layer.visible) == (image.id, False)


def test_one_on_another_grid_lies_where_its_geometry_puts_it(
    stage: HeadlessStage, image: VolumeLayer, tmp_path: Path
) -> None:
    save_segmentation(labels(Grid.of((3, 5, 7), (2, 2, 2), (1, 1, 1))), tmp_path / "a.nii.gz")
    finish(stage, stage.session.segment_files.open(tmp_path / "a.nii.gz"))
    stage.until(lambda: bool(stage.session.document.segmentation_layers))
    (layer,) = stage.session.document.segmentation_layers
    assert layer.made_from == ""
    assert layer.segments_at((1 + 2 * 3, 1 + 2 * 2, 1 + 2))[0].name == "liver"


def test_somebody_elses_is_marked(stage: HeadlessStage, image: VolumeLayer) -> None:
    other = replace(labels(), source=Source(patient_id="Q", patient_name="Roe^Richard"))
    layer = stage.session.segment_files._placed(other)
    assert layer.made_from == ""
    assert OTHER_PATIENT in layer.badges


def test_one_of_another_frame_of_reference_is_marked(stage: HeadlessStage) -> None:
    placed = replace(GRID, frame_of_reference="1.2")
    stage.session.history.do(AddLayer(volume_layer((Volume(np.zeros(SHAPE, np.int16), placed, "CT"),))))
    layer = stage.session.segment_files._placed(labels(replace(GRID, frame_of_reference="1.3")))
    assert layer.made_from == ""
    assert OTHER_FRAME in layer.badges


def test_contours_come_over_their_image(stage: HeadlessStage, tmp_path: Path) -> None:
    placed = replace(GRID, frame_of_reference="1.2")
    source = Source(patient_id="P", study_uid="1.1", series_uid="1.3", dicom=True)
    image = volume_layer((Volume(np.zeros(SHAPE, np.int16), placed, "CT", source=source),))
    stage.session.history.do(AddLayer(image))
    save_segmentation(replace(labels(placed), source=source), tmp_path / "a.rtstruct.dcm")
    finish(stage, stage.session.segment_files.open(tmp_path / "a.rtstruct.dcm"))
    stage.until(lambda: bool(stage.session.document.segmentation_layers))
    (layer,) = stage.session.document.segmentation_layers
    assert layer.made_from == image.id
    assert np.array_equal(layer.segmentation.array, labels().array)


def test_what_is_saved_is_what_was_there_when_it_began(
    stage: HeadlessStage, image: VolumeLayer, tmp_path: Path
) -> None:
    session = stage.session
    layer = session.segments.new_layer(image)
    liver = session.segments.add(layer, "liver")
    box = (slice(0, 2), slice(0, 3), slice(0, 4))
    session.segments.apply_mask(layer, liver.key, np.ones((2, 3, 4), bool), box, "Fill")
    task = session.segment_files.save(layer, tmp_path / "a.seg.nrrd")
    session.segments.apply_mask(layer, liver.key, np.ones((2, 3, 4), bool), box, "Clear", "remove")
    finish(stage, task)
    assert read_segmentation(tmp_path / "a.seg.nrrd").array.sum() == 24
    assert layer.unsaved  # the stroke after it
    finish(stage, session.segment_files.save(layer, tmp_path / "a.seg.nrrd", overwrite=True))
    assert not layer.unsaved


def test_what_cannot_be_read_or_written_is_said(stage: HeadlessStage, image: VolumeLayer, tmp_path: Path) -> None:
    (tmp_path / "a.seg.nrrd").write_bytes(b"NRRD0004\n")
    with pytest.raises(JobFailed, match="cannot be read as NRRD"):
        finish(stage, stage.session.segment_files.open(tmp_path / "a.seg.nrrd"))
    assert not stage.session.document.segmentation_layers
    layer = stage.session.segments.new_layer(image)
    with pytest.raises(JobFailed, match="must end in one of"):
        finish(stage, stage.session.segment_files.save(layer, tmp_path / "a.xyz"))
