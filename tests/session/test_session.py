"""The session's verbs on real processes: open, load, run, review, save, recover."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from viewer.cli.headless_session import HeadlessStage, finish
from viewer.data.study import Image
from viewer.scene.layer import VolumeLayer
from viewer.scene.task import Message

SHAPE = (12, 40, 48)


@pytest.fixture
def phantom(tmp_path: Path) -> Path:
    """An oblique, noisy ball with known geometry, as NIfTI."""
    k, j, i = np.indices(SHAPE)
    ball = ((k - 6) * 3.0) ** 2 + (j - 20) ** 2 + (i - 24) ** 2 < 12**2
    values = np.where(ball, 100, 20) + np.random.default_rng(0).normal(0, 5, SHAPE)
    image = sitk.GetImageFromArray(values.astype(np.int16))
    image.SetSpacing((1.0, 1.0, 3.0))
    image.SetOrigin((-20.0, 5.0, 30.0))
    angle = np.radians(10)
    image.SetDirection((np.cos(angle), -np.sin(angle), 0, np.sin(angle), np.cos(angle), 0, 0, 0, 1))
    path = tmp_path / "ball.nii.gz"
    sitk.WriteImage(image, str(path))
    return path


@pytest.fixture
def stage() -> Iterator[HeadlessStage]:
    with HeadlessStage() as stage:
        yield stage


def opened(stage: HeadlessStage, path: Path) -> VolumeLayer:
    finish(stage, stage.session.studies.open([path]))
    (image,) = [image for images in stage.session.studies.images.values() for image in images]
    finish(stage, stage.session.studies.load(image))
    return stage.session.document.volume_layers[-1]


def denoised(stage: HeadlessStage, layer: VolumeLayer) -> VolumeLayer:
    finish(stage, stage.session.runs.run_plugin("denoise", {"image": layer.id}, {}))
    return stage.session.document.volume_layers[1]


def test_open_and_load(stage: HeadlessStage, phantom: Path) -> None:
    layer = opened(stage, phantom)
    truth = sitk.ReadImage(str(phantom))
    assert np.array_equal(layer.volumes[0].array, sitk.GetArrayFromImage(truth))
    assert layer.volumes[0].array.dtype == np.int16
    corner = truth.TransformIndexToPhysicalPoint((47, 39, 11))
    assert np.allclose(layer.volumes[0].grid.to_world((11, 39, 47)), corner, atol=1e-4)
    assert layer.loaded == 1.0
    assert stage.session.state.active == layer.id
    assert np.allclose(stage.session.state.crosshair, layer.volumes[0].grid.centre)
    assert stage.session.history.undo_labels == (f"Add {layer.name}",)


def test_loading_again_shows_the_layer_that_is_there(stage: HeadlessStage, phantom: Path) -> None:
    layer = opened(stage, phantom)
    layer.visible = False
    assert isinstance(layer.image, Image)
    finish(stage, stage.session.studies.load(layer.image))
    assert layer.visible
    assert len(stage.session.document) == 1


def test_a_second_click_while_it_loads_loads_once(stage: HeadlessStage, phantom: Path) -> None:
    finish(stage, stage.session.studies.open([phantom]))
    (image,) = [image for images in stage.session.studies.images.values() for image in images]
    first, second = stage.session.studies.load(image), stage.session.studies.load(image)
    assert second is first
    finish(stage, first)
    assert len(stage.session.document) == 1


@pytest.mark.slow
def test_the_sample_opens_on_its_baseline(stage: HeadlessStage) -> None:
    finish(stage, stage.session.studies.open_sample())
    stage.until(lambda: len(stage.session.document) == 1 and not any(task.running for task in stage.session.tasks))
    (layer,) = stage.session.document.volume_layers
    assert layer.source.series_description.startswith("T1")
    assert layer.source.study_description.startswith("Brain, baseline")
    assert len(stage.session.studies.images) == 4


def test_a_result_waits_for_review_beside_its_difference(stage: HeadlessStage, phantom: Path) -> None:
    layer = opened(stage, phantom)
    before = layer.volumes[0].array.copy()
    result = denoised(stage, layer)
    difference = stage.session.document.volume_layers[2]
    assert (result.review, difference.review) == ("unreviewed", "unreviewed")
    assert "not reviewed" in result.badges[0]
    assert np.array_equal(layer.volumes[0].array, before)  # the input is never overwritten
    assert result.volumes[0].grid.matches(layer.volumes[0].grid)
    gap = result.volumes[0].values() - layer.volumes[0].values()
    assert np.allclose(difference.volumes[0].values(), gap, atol=0.51)
    assert not difference.visible
    provenance = result.volumes[0].provenance
    assert provenance is not None
    assert provenance.plugin == "denoise"
    assert provenance.inputs
    assert stage.session.state.compared == (layer.id, result.id, difference.id)


def test_one_undo_takes_the_whole_result_back(stage: HeadlessStage, phantom: Path) -> None:
    layer = opened(stage, phantom)
    denoised(stage, layer)
    stage.session.history.undo()
    assert list(stage.session.document) == [layer]
    stage.session.history.redo()
    assert len(stage.session.document) == 3


def test_review_changes_the_mark(stage: HeadlessStage, phantom: Path) -> None:
    result = denoised(stage, opened(stage, phantom))
    stage.session.review.decide(result, "accepted")
    assert result.badges[0].endswith("accepted")
    stage.session.history.undo()
    assert "not reviewed" in result.badges[0]


def test_saved_is_said_after_it_was_read_back(stage: HeadlessStage, phantom: Path, tmp_path: Path) -> None:
    result = denoised(stage, opened(stage, phantom))
    said: list[Message] = []
    stage.session.messages.added.connect(said.append)
    target = tmp_path / "out" / "result.nii.gz"
    target.parent.mkdir()
    finish(stage, stage.session.saving.save(result, target, "nifti"))
    assert said[-1].text.startswith("Saved and verified: result.nii.gz")
    back = sitk.GetArrayFromImage(sitk.ReadImage(str(target)))
    assert np.array_equal(back, result.volumes[0].values().astype(back.dtype))
    assert target.with_name("result.json").exists() or target.with_name("result.nii.json").exists()


def test_a_failed_save_is_one_sentence(stage: HeadlessStage, phantom: Path, tmp_path: Path) -> None:
    layer = opened(stage, phantom)
    said: list[Message] = []
    stage.session.messages.added.connect(said.append)
    task = stage.session.saving.save(layer, tmp_path / "missing" / "x" / "y.nii.gz", "nifti")
    stage.until(lambda: not task.running)
    assert task.state == "failed"
    assert said[-1].severity == "error"
    assert said[-1].text == task.error
    assert said[-1].text.startswith("y.nii.gz was not saved")
    assert not (tmp_path / "missing").exists()


def test_half_an_image_is_not_saved(stage: HeadlessStage, phantom: Path, tmp_path: Path) -> None:
    layer = opened(stage, phantom)
    layer.loaded = 0.5
    task = stage.session.saving.save(layer, tmp_path / "half.nii.gz", "nifti")
    assert task.state == "failed"
    assert "not whole yet" in task.error
    assert not (tmp_path / "half.nii.gz").exists()


def test_what_a_killed_session_did_comes_back(phantom: Path) -> None:
    with HeadlessStage() as first:
        result = denoised(first, opened(first, phantom))
        first.session.review.decide(result, "accepted")
        pixels = result.volumes[0].array.copy()
        (folder,) = (Path(os.environ["TOMOLENS_HOME"]) / "state" / "journal").iterdir()
        kept = folder.with_name(folder.name + "-kept")
        os.rename(folder, kept)  # as a kill would: the folder stays
    with HeadlessStage() as second:
        (recovery,) = second.session.recovery.unfinished()
        assert recovery.summary == "1 opened image, 2 results"
        finish(second, second.session.recovery.recover(recovery))
        names = [(layer.name, layer.review) for layer in second.session.document.volume_layers]
        assert [review for _, review in names] == ["source", "accepted", "unreviewed"]
        assert np.array_equal(second.session.document.volume_layers[1].volumes[0].array, pixels)
        assert second.session.recovery.unfinished() == []


def test_a_full_disk_costs_the_journal_not_the_work(
    stage: HeadlessStage, phantom: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Message] = []
    stage.session.messages.added.connect(said.append)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("viewer.scene.journal.journal.os.fsync", full)
    layer = opened(stage, phantom)
    stage.session.layers.rename(layer, "renamed")
    assert layer.name == "renamed"
    stage.until(lambda: bool(said))
    assert [message.severity for message in said] == ["warning"]
    assert "No space left" in said[0].text
