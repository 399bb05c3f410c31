"""A project holds everything that is open, and gives it back: also where its images have moved."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from viewer.cli.exit_codes import JobFailed
from viewer.cli.headless_session import HeadlessStage, finish
from viewer.data.transform import Transform
from viewer.data.volume import Volume, Window
from viewer.scene.edits import AddLayer, ChangeLandmark
from viewer.scene.landmarks import LandmarkPair
from viewer.scene.layer import VolumeLayer, volume_layer
from viewer.session.projects import ProjectOpening
from viewer.session.session import Session

SHAPE = (6, 16, 20)


def write(path: Path, seed: int = 0) -> Path:
    image = sitk.GetImageFromArray(np.random.default_rng(seed).integers(0, 900, SHAPE).astype(np.int16))
    image.SetSpacing((1.0, 1.2, 3.0))
    image.SetOrigin((-20.0, 5.0, 30.0))
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path))
    return path


@pytest.fixture
def stage() -> Iterator[HeadlessStage]:
    with HeadlessStage() as stage:
        yield stage


@pytest.fixture
def work(stage: HeadlessStage, tmp_path: Path) -> HeadlessStage:
    """A session in which something of everything was done."""
    session = stage.session
    finish(stage, session.studies.open([write(tmp_path / "scans" / "t1.nii.gz")]))
    (image,) = [image for images in session.studies.images.values() for image in images]
    finish(stage, session.studies.load(image))
    (layer,) = session.document.volume_layers
    layer.window, layer.colormap, layer.opacity = Window(300, 200, "mine"), "hot iron", 0.7
    session.layers.rename(layer, "My T1")
    made = Volume(np.random.default_rng(1).random(SHAPE, np.float32), layer.grid, "made", "1")
    result = volume_layer((made,), review="unreviewed")
    result.made_from = layer.id
    session.history.do(AddLayer(result))
    field = np.random.default_rng(2).random((*SHAPE, 3), np.float32)
    session.transforms.align(result, Transform(np.diag([1.0, 1.0, -1.0, 1.0]), field, layer.grid, "there"))
    session.history.do(ChangeLandmark(None, LandmarkPair((layer.id, result.id), "L1", (1, 2, 3), (4, 5, 6)), 0))
    labels = session.segments.new_layer(layer, "organs")
    for name in ("liver", "spleen"):
        segment = session.segments.add(labels, name)
        mask = np.zeros((2, 3, 4), bool)
        mask[:, segment.label :] = True
        session.segments.apply_mask(labels, segment.key, mask, (slice(1, 3), slice(2, 5), slice(4, 8)), "Paint")
    labels.hidden, labels.fill = frozenset({(0, 2)}), 0.6
    session.state.crosshair, session.state.layout = (-12.0, 9.0, 36.0), "1+3"
    return stage


def told(session: Session) -> object:
    """All that a project is to bring back."""
    layers = []
    for layer in session.document:
        values: list[object] = [layer.id, layer.name, layer.visible, layer.opacity, layer.review]
        if isinstance(layer, VolumeLayer):
            values += [layer.window, layer.colormap, layer.made_from, layer.badges]
            values += [volume.values().tobytes() for volume in layer.volumes]
            placed = layer.transform
            values += [placed and (placed.matrix.tolist(), placed.displacement.tobytes(), placed.name)]
        else:
            values += [layer.segmentation.segments, layer.hidden, layer.fill, layer.active, layer.badges]
            values += [array.tobytes() for array in layer.segmentation.maps]
        layers.append(values)
    state = session.state
    return layers, list(session.document.landmarks), state.crosshair, state.layout, state.active


def save(stage: HeadlessStage, path: Path, **options: bool) -> None:
    finish(stage, stage.session.projects.save(path, **options))


def opened(path: Path, asked: list[ProjectOpening] | None = None) -> object:
    """What a fresh session has of it."""
    with HeadlessStage() as fresh:
        if asked is not None:
            fresh.session.projects.images_missing.connect(asked.append)
        finish(fresh, fresh.session.projects.open(path))
        return told(fresh.session)


def test_it_reopens_as_it_was(work: HeadlessStage, tmp_path: Path) -> None:
    save(work, tmp_path / "case.tomolens")
    assert opened(tmp_path / "case.tomolens") == told(work.session)


def test_its_folder_may_move_together_with_the_images(work: HeadlessStage, tmp_path: Path) -> None:
    save(work, tmp_path / "case.tomolens")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("case.tomolens", "scans"):
        shutil.move(tmp_path / name, elsewhere / name)
    assert opened(elsewhere / "case.tomolens") == told(work.session)


def test_with_its_images_it_needs_no_other_file(work: HeadlessStage, tmp_path: Path) -> None:
    save(work, tmp_path / "case.tomolens", voxels=True)
    shutil.rmtree(tmp_path / "scans")
    assert opened(tmp_path / "case.tomolens") == told(work.session)


def test_images_that_moved_are_asked_for_and_known_by_their_bytes(work: HeadlessStage, tmp_path: Path) -> None:
    save(work, tmp_path / "case.tomolens")
    wanted = told(work.session)
    write(tmp_path / "archive" / "a" / "another.nii.gz", seed=5)
    shutil.move(tmp_path / "scans" / "t1.nii.gz", tmp_path / "archive" / "renamed.nii.gz")
    asked: list[ProjectOpening] = []
    with HeadlessStage() as fresh:
        fresh.session.projects.images_missing.connect(asked.append)
        finish(fresh, fresh.session.projects.open(tmp_path / "case.tomolens"))
        (opening,) = asked
        assert [(one.folder, one.changed) for one in opening.missing] == [(str(tmp_path / "scans"), False)]
        assert not len(fresh.session.document)
        finish(fresh, fresh.session.projects.find_images(opening, tmp_path / "archive"))
        fresh.until(lambda: len(fresh.session.document) > 0)
        assert told(fresh.session) == wanted


def test_a_changed_image_is_not_taken_for_the_one_it_was(work: HeadlessStage, tmp_path: Path) -> None:
    save(work, tmp_path / "case.tomolens")
    write(tmp_path / "scans" / "t1.nii.gz", seed=9)
    asked: list[ProjectOpening] = []
    with HeadlessStage() as fresh:
        fresh.session.projects.images_missing.connect(asked.append)
        finish(fresh, fresh.session.projects.open(tmp_path / "case.tomolens"))
        assert asked[0].missing[0].changed
        warnings: list[str] = []
        fresh.session.messages.added.connect(lambda message: warnings.append(message.text))
        finish(fresh, fresh.session.projects.find_images(asked[0], tmp_path / "scans"))
        assert len(asked) == 2  # asked again: no file there has its bytes
        finish(fresh, fresh.session.projects.finish(asked[0]))
        assert warnings[-1] == "1 of the images of case.tomolens could not be found or read: the rest is open."
        names = [layer.name for layer in fresh.session.document]
        assert names == [layer.name for layer in work.session.document if layer.name != "My T1"]


def test_one_undo_brings_back_what_was_open(work: HeadlessStage, tmp_path: Path) -> None:
    save(work, tmp_path / "case.tomolens")
    session = work.session
    session.layers.remove(session.document.volume_layers[1])
    session.history.do(
        ChangeLandmark(session.document.landmarks.find(next(iter(session.document.landmarks)).id), None, 0)
    )
    before = [layer.name for layer in session.document]
    finish(work, session.projects.open(tmp_path / "case.tomolens"))
    assert len(session.document) == len(before) + 1
    assert len(session.document.landmarks) == 1
    session.history.undo()
    assert [layer.name for layer in session.document] == before
    assert len(session.document.landmarks) == 0


def test_a_saved_segmentation_counts_as_saved(work: HeadlessStage, tmp_path: Path) -> None:
    (labels,) = work.session.document.segmentation_layers
    assert labels.unsaved
    save(work, tmp_path / "case.tomolens")
    assert not labels.unsaved


def test_what_is_there_is_not_replaced_unasked(work: HeadlessStage, tmp_path: Path) -> None:
    target = tmp_path / "case.tomolens"
    target.write_bytes(b"dear")
    with pytest.raises(JobFailed, match="already there"):
        save(work, target)
    assert target.read_bytes() == b"dear"
    save(work, target, overwrite=True)
    assert opened(target) == told(work.session)


def test_an_image_whose_file_is_gone_is_named(work: HeadlessStage, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "scans")
    with pytest.raises(JobFailed, match="no longer where it was: bring it back, or save the project with its images"):
        save(work, tmp_path / "case.tomolens")
    assert not (tmp_path / "case.tomolens").exists()


# ---- two windows
@pytest.fixture
def other() -> Iterator[HeadlessStage]:
    """A second window."""
    with HeadlessStage() as stage:
        yield stage


def messages(stage: HeadlessStage) -> list[str]:
    said: list[str] = []
    stage.session.messages.added.connect(lambda message: said.append(message.text))
    return said


def test_what_is_open_here_is_saved_again_without_a_question(work: HeadlessStage, tmp_path: Path) -> None:
    target = tmp_path / "case.tomolens"
    save(work, target)
    work.session.layers.rename(work.session.document.volume_layers[0], "again")
    save(work, target)
    assert opened(target) == told(work.session)


def test_the_second_window_is_told_and_saves_over_nothing(
    work: HeadlessStage, other: HeadlessStage, tmp_path: Path
) -> None:
    target = tmp_path / "case.tomolens"
    save(work, target)
    before, said = target.read_bytes(), messages(other)
    finish(other, other.session.projects.open(target))
    assert len(said) == 1
    assert said[0].startswith("case.tomolens is open in another window, too (")
    other.session.layers.rename(other.session.document.volume_layers[0], "theirs")
    with pytest.raises(JobFailed, match=r"is open in another window .* save it under another name"):
        save(other, target)
    assert target.read_bytes() == before
    save(other, tmp_path / "theirs.tomolens")
    save(work, target)  # the first one is not hindered


def test_who_closes_it_or_crashes_lets_the_next_one_have_it(
    work: HeadlessStage, other: HeadlessStage, tmp_path: Path
) -> None:
    target = tmp_path / "case.tomolens"
    save(work, target)
    assert (tmp_path / ".case.tomolens.lock").exists()
    work.session.clear()
    assert not (tmp_path / ".case.tomolens.lock").exists()
    (tmp_path / ".case.tomolens.lock").write_text("me\there\t999999999")  # of a process that was killed
    said = messages(other)
    finish(other, other.session.projects.open(target))
    save(other, target)
    assert [text for text in said if "window" in text] == []


def test_what_another_window_has_changed_meanwhile_is_not_overwritten_unasked(
    work: HeadlessStage, other: HeadlessStage, tmp_path: Path
) -> None:
    target = tmp_path / "case.tomolens"
    save(work, target)
    finish(other, other.session.projects.open(target))
    other.session.layers.rename(other.session.document.volume_layers[0], "theirs")
    save(other, target, overwrite=True)  # asked for in the dialog
    theirs = target.read_bytes()
    work.session.layers.rename(work.session.document.volume_layers[0], "ours")
    with pytest.raises(JobFailed, match="was changed since it was opened or saved here"):
        save(work, target)
    assert target.read_bytes() == theirs
    save(work, target, overwrite=True)
    assert opened(target) == told(work.session)


def test_a_copy_put_in_its_place_is_noticed_by_its_bytes(work: HeadlessStage, tmp_path: Path) -> None:
    target = tmp_path / "case.tomolens"
    save(work, target)
    earlier = target.read_bytes()
    work.session.layers.rename(work.session.document.volume_layers[0], "later")
    save(work, target)
    found = target.stat()
    target.write_bytes(earlier)
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
    with pytest.raises(JobFailed, match="was changed since"):
        save(work, target)
    assert target.read_bytes() == earlier


def test_one_whose_file_was_taken_away_is_saved_anew(work: HeadlessStage, tmp_path: Path) -> None:
    target = tmp_path / "case.tomolens"
    save(work, target)
    target.unlink()
    save(work, target)
    assert opened(target) == told(work.session)
