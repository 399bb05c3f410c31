"""A NIfTI file that says twice where it lies: the reader's choice holds, and nothing is moved under work."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.fixtures.nifti_file import SHAPE
from tests.fixtures.two_placements import QFORM, SFORM, two_placements
from viewer.cli.headless_session import HeadlessStage, finish
from viewer.data.grid import orientation_letters
from viewer.data.study import Image
from viewer.scene.layer import VolumeLayer
from viewer.session.session import Session


@pytest.fixture
def stage() -> Iterator[HeadlessStage]:
    with HeadlessStage() as stage:
        yield stage


def opened(stage: HeadlessStage, path: Path) -> VolumeLayer:
    finish(stage, stage.session.studies.open([path]))
    (image,) = [image for images in stage.session.studies.images.values() for image in images]
    return loaded(stage, image)


def loaded(stage: HeadlessStage, image: Image | None) -> VolumeLayer:
    assert image is not None
    finish(stage, stage.session.studies.load(image))
    return stage.session.document.volume_layers[-1]


def both(stage: HeadlessStage, path: Path) -> tuple[VolumeLayer, VolumeLayer]:
    first = opened(stage, path)
    return first, loaded(stage, first.other_placement)


def by_index(layer: VolumeLayer) -> np.ndarray:
    """The affine from (i, j, k) to LPS."""
    affine = layer.grid.affine.copy()
    affine[:3, :3] = affine[:3, 2::-1]
    return affine


def letters(layer: VolumeLayer) -> str:
    return "".join(orientation_letters(layer.grid.direction[:, axis]) for axis in range(3))


def placements(session: Session) -> list[tuple[str, tuple[str, ...], list[float]]]:
    return [(one.name, one.source.placement, one.grid.affine.tolist()) for one in session.document.volume_layers]


def test_the_other_placement_is_a_layer_of_its_own_and_leaves_work_where_it_is(
    stage: HeadlessStage, tmp_path: Path
) -> None:
    first = opened(stage, two_placements(tmp_path / "a.nii"))
    labels = stage.session.segments.new_layer(first, "organs")
    segment = stage.session.segments.add(labels, "liver")
    box = (slice(1, 3), slice(2, 4), slice(3, 5))
    stage.session.segments.apply_mask(labels, segment.key, np.ones((2, 2, 2), bool), box, "Paint")
    before = labels.segmentation.array.copy()
    second = loaded(stage, first.other_placement)
    np.testing.assert_allclose(by_index(first), SFORM)
    np.testing.assert_allclose(by_index(second), QFORM, atol=1e-5)
    assert (first.transform, second.transform) == (None, None)
    assert (labels.made_from, labels.grid) == (first.id, first.grid)
    assert np.array_equal(labels.segmentation.array, before)
    assert not labels.visible  # it is not seen over an image that lies elsewhere
    assert (letters(first), letters(second)) == ("RAH", "LPH")
    assert (first.source.placement, second.source.placement) == (("sform",), ("qform",))
    assert (first.name, second.name) == ("a.nii", "a.nii (qform)")
    assert (first.badges, second.badges) == (("two placements",), ("by its qform",))
    assert first.volumes[0].value_at((0, 0, 0)) == 0
    assert second.volumes[0].value_at((-10, -20, 30)) == 0
    loaded(stage, second.other_placement)  # the first again, which is there
    assert (first.visible, second.visible, len(stage.session.document)) == (True, False, 3)


def test_a_project_keeps_the_choice(stage: HeadlessStage, tmp_path: Path) -> None:
    both(stage, two_placements(tmp_path / "scans" / "a.nii"))
    wanted = placements(stage.session)
    finish(stage, stage.session.projects.save(tmp_path / "case.tomolens"))
    (tmp_path / "scans").rename(tmp_path / "moved")
    (tmp_path / "moved" / "a.nii").rename(tmp_path / "moved" / "b.nii")
    with HeadlessStage() as fresh:
        asked: list = []
        fresh.session.projects.images_missing.connect(asked.append)
        finish(fresh, fresh.session.projects.open(tmp_path / "case.tomolens"))
        finish(fresh, fresh.session.projects.find_images(asked[0], tmp_path / "moved"))
        fresh.until(lambda: len(fresh.session.document) > 0)
        assert placements(fresh.session) == wanted
        assert [one.other_placement is not None for one in fresh.session.document.volume_layers] == [True, True]


def test_a_recovery_keeps_the_choice(tmp_path: Path) -> None:
    with HeadlessStage() as first:
        both(first, two_placements(tmp_path / "a.nii"))
        wanted = placements(first.session)
        (folder,) = (Path(os.environ["TOMOLENS_HOME"]) / "state" / "journal").iterdir()
        os.rename(folder, folder.with_name(folder.name + "-kept"))  # as a kill would: the folder stays
    with HeadlessStage() as second:
        (recovery,) = second.session.recovery.unfinished()
        finish(second, second.session.recovery.recover(recovery))
        assert placements(second.session) == wanted


def test_what_is_made_of_it_tells_the_choice_and_lies_there(stage: HeadlessStage, tmp_path: Path) -> None:
    _, second = both(stage, two_placements(tmp_path / "a.nii"))
    finish(stage, stage.session.runs.run_plugin("denoise", {"image": second.id}, {"method": "total variation"}))
    result = next(one for one in stage.session.document.volume_layers if one.review == "unreviewed")
    assert result.source.placement == ("qform",)
    assert "by its qform" in result.badges
    finish(stage, stage.session.saving.save(result, tmp_path / "out.nii.gz", "nifti"))
    saved = sitk.ReadImage(str(tmp_path / "out.nii.gz"))
    np.testing.assert_allclose(saved.TransformIndexToPhysicalPoint((1, 1, 1)), (-8, -17, 34), atol=1e-4)
    assert json.loads((tmp_path / "out.json").read_text())["source"]["placement"] == ["qform"]


def test_labels_lie_on_the_image_that_they_were_drawn_on(stage: HeadlessStage, tmp_path: Path) -> None:
    array = np.zeros(SHAPE, np.int16)
    array[2:4, 2:4, 2:4] = 3
    two_placements(tmp_path / "labels.nii", array)
    first, second = both(stage, two_placements(tmp_path / "a.nii"))
    for count, shown in enumerate((first, second), 1):
        stage.session.layers.show(shown, overlay=False)
        stage.session.segment_files.open(tmp_path / "labels.nii")
        stage.until(lambda count=count: len(stage.session.document.segmentation_layers) == count)
        layer = stage.session.document.segmentation_layers[-1]
        assert layer.made_from == shown.id
        assert layer.grid.matches(shown.grid)
    assert "by its qform" in layer.badges
