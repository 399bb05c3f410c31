"""Values of every kind through the command line: into a plugin, out of it, and compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from main import main
from tests.fixtures.head_phantom import head_phantom
from viewer.compute.images.resample import itk_image
from viewer.compute.synthesis.phantoms import diffeomorphism
from viewer.data.annotations.landmarks import Landmarks
from viewer.data.grid import Grid
from viewer.data.study import Source
from viewer.data.transform import ImageReference, Transform
from viewer.io.transforms.landmark_file import write_landmarks
from viewer.io.transforms.transform_save import save_transform

GRID = Grid.of((14, 18, 16), (4, 4, 4), (-30, 10, 5))
MOVED = Grid.of((14, 18, 16), (4, 4, 4), (-25, 10, 5))
END = ImageReference(GRID, Source())
PLUGIN = '''
"""Register by landmarks: the smallest registration there is."""
from viewer.api import Job, Landmarks, Segmentation, Transform, Volume, plugin, replace, resample
import numpy as np


@plugin("By landmarks", group="Test", outputs=("transform", "registered"))
def by_landmarks(
    fixed: Volume, moving: Volume, landmarks: Landmarks | None, initial: Transform | None,
    fixed_labels: Segmentation | None, job: Job, *, bend: bool = False,
) -> tuple[Transform, Volume]:
    """Shift by the mean of the landmarks, or take what was given.

    Parameters
    ----------
    bend
        Whether to give a field.
    """
    matrix = np.eye(4) if initial is None else initial.matrix.copy()
    if landmarks is not None:
        matrix[:3, 3] = (landmarks.moving - landmarks.fixed).mean(axis=0)
    if fixed_labels is not None:
        assert [one.name for one in fixed_labels.segments] == ["skull"], fixed_labels.segments
        assert fixed_labels.array.dtype.kind == "u"
    field = (np.zeros((*fixed.grid.shape, 3), np.float32), fixed.grid) if bend else (None, None)
    found = Transform(matrix, *field)
    job.progress(0.5)
    return found, resample(moving, fixed.grid, found) if job.wants("registered") else None
'''


def printed(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 0) -> Any:
    assert main([str(one) for one in arguments]) == code, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
    code = main([str(one) for one in arguments])
    said = capsys.readouterr()
    assert said.out == ""
    return code, said.err.strip()


@pytest.fixture
def plugin(home: Path) -> None:
    folder = home / "data" / "plugins"
    folder.mkdir(parents=True)
    (folder / "by_landmarks.py").write_text(PLUGIN)


@pytest.fixture
def images(tmp_path: Path) -> tuple[str, str]:
    """The same head, 5 mm further to the left in the moving image."""
    for name, grid in (("fixed", GRID), ("moving", MOVED)):
        sitk.WriteImage(itk_image(head_phantom(GRID), grid), str(tmp_path / f"{name}.nii.gz"))
    return f"fixed={tmp_path / 'fixed.nii.gz'}", f"moving={tmp_path / 'moving.nii.gz'}"


def pairs(path: Path) -> Path:
    points = GRID.to_world([[2, 3, 4], [9, 3, 4], [2, 12, 4], [2, 3, 13]])
    write_landmarks(Landmarks(points, points + np.array((5, 0, 0))), path)
    return path


def run(*more: str | Path, images: tuple[str, str], out: Path) -> tuple[str, ...]:
    given = [part for text in images for part in ("--input", text)]
    return ("run", "by_landmarks", *given, *map(str, more), "--out", str(out), "--json")


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize("bend", [False, True])
def test_landmarks_go_in_and_a_transform_and_an_image_come_out(capsys, tmp_path, images, bend) -> None:
    labels = np.zeros(GRID.shape, np.uint8)
    labels[3:6, 3:6, 3:6] = 7
    sitk.WriteImage(itk_image(labels, GRID), str(tmp_path / "labels.nii.gz"))
    (tmp_path / "labels.json").write_text(json.dumps({"labels": [{"value": 7, "name": "skull"}]}))
    given = {"landmarks": pairs(tmp_path / "pairs.csv"), "fixed_labels": tmp_path / "labels.nii.gz"}
    more = [part for name, path in given.items() for part in ("--input", f"{name}={path}")]
    command = run(*more, "--set", f"bend={str(bend).lower()}", images=images, out=tmp_path / "out")
    document = printed(capsys, *command)
    transform, registered = document["outputs"]
    assert transform == {
        "name": "transform", "type": "transform", "path": str(tmp_path / "out" / f"transform.{'h5' if bend else 'tfm'}")
    }  # fmt: skip
    assert registered["path"] == str(tmp_path / "out" / "registered.nii.gz")
    theirs = sitk.ReadTransform(transform["path"])
    assert np.allclose(theirs.TransformPoint((1.0, 2, 3)), (6, 2, 3))
    moving, fixed = (sitk.ReadImage(str(tmp_path / f"{name}.nii.gz")) for name in ("moving", "fixed"))
    again = sitk.Resample(moving, fixed, theirs, sitk.sitkLinear, 0.0)
    found = sitk.GetArrayFromImage(sitk.ReadImage(registered["path"]))
    assert np.abs(found - sitk.GetArrayFromImage(again)).max() < 1e-2
    assert np.abs(found - head_phantom(GRID)).max() < 1e-2
    told = json.loads((tmp_path / "out" / "transform.json").read_text())
    assert told["provenance"]["plugin"] == document["provenance"]["plugin"] == "by_landmarks"
    assert len(document["provenance"]["inputs"]) == 4


@pytest.mark.usefixtures("plugin")
def test_a_landmark_that_is_not_placed_is_left_out_and_said(capsys, tmp_path, images) -> None:
    pairs(tmp_path / "a.mrk.json")
    moving = tmp_path / "a.moving.mrk.json"
    document = json.loads(moving.read_text())
    document["markups"][0]["controlPoints"][1] |= {"position": [0, 0, 0], "positionStatus": "undefined"}
    moving.write_text(json.dumps(document))
    command = run("--input", f"landmarks={moving}", images=images, out=tmp_path / "out")
    assert main([str(one) for one in command]) == 0
    told = capsys.readouterr()
    assert told.err.splitlines()[-1] == "landmarks: Left out, as not placed in both images: 1 of 4 points (L2)."
    path = json.loads(told.out)["outputs"][0]["path"]
    assert np.allclose(sitk.ReadTransform(path).TransformPoint((1.0, 2, 3)), (6, 2, 3))


@pytest.mark.usefixtures("plugin")
def test_a_transform_goes_in(capsys, tmp_path, images) -> None:
    matrix = np.eye(4)
    matrix[:3, 3] = (5, 0, 0)
    save_transform(Transform(matrix), tmp_path / "start.tfm", END, END)
    command = run("--input", f"initial={tmp_path / 'start.tfm'}", images=images, out=tmp_path / "out")
    path = printed(capsys, *command)["outputs"][0]["path"]
    assert np.allclose(sitk.ReadTransform(path).TransformPoint((0.0, 0, 0)), (5, 0, 0))


@pytest.mark.usefixtures("plugin")
def test_bad_inputs_of_each_kind_are_one_sentence(capsys, tmp_path, images) -> None:
    (tmp_path / "bad.tfm").write_text("no transform")
    (tmp_path / "bad.csv").write_text("1,2")
    inputs = {
        "initial": "bad.tfm", "landmarks": "bad.csv", "fixed_labels": "fixed.nii.gz",
    }  # fmt: skip
    for name, file in (*inputs.items(), ("initial", "missing.tfm"), ("landmarks", "missing/pairs.csv")):
        command = run("--input", f"{name}={tmp_path / file}", images=images, out=tmp_path / "out")
        code, said = refused(capsys, *command)
        assert code == 3
        assert file in said
        assert said.endswith(".")
    assert not (tmp_path / "out").exists()


def test_resampling_by_the_command_line(capsys, tmp_path, images) -> None:
    fixed, moving = (text.partition("=")[2] for text in images)
    shifted = np.eye(4)
    shifted[:3, 3] = (5, 0, 0)
    save_transform(Transform(shifted), tmp_path / "t.tfm", END, END)
    given = ("--input", f"image={moving}", "--input", f"onto={fixed}", "--input", f"transform={tmp_path / 't.tfm'}")
    document = printed(capsys, "run", "resample_image", *given, "--out", tmp_path / "out", "--json")
    found = sitk.ReadImage(document["outputs"][0]["path"])
    assert np.abs(sitk.GetArrayFromImage(found) - head_phantom(GRID)).max() < 1e-2
    assert np.allclose(found.GetOrigin(), GRID.origin)

    labels = np.zeros(MOVED.shape, np.uint8)
    labels[4:8, 5:9, 6:11] = 3
    sitk.WriteImage(itk_image(labels, MOVED), str(tmp_path / "labels.nii.gz"))
    given = ("--input", f"labels={tmp_path / 'labels.nii.gz'}", *given[2:])
    document = printed(capsys, "run", "resample_segmentation", *given, "--out", tmp_path / "out2", "--json")
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(document["outputs"][0]["path"])), labels)


def test_label_maps_are_compared(capsys, tmp_path) -> None:
    one = np.zeros(GRID.shape, np.uint8)
    one[2:6, 4:8, 4:8], one[8:12, 4:8, 4:8] = 1, 2
    two = np.roll(one, 1, axis=2)
    two[two == 2] = 5
    for name, array in (("one", one), ("two", two)):
        sitk.WriteImage(itk_image(array, GRID), str(tmp_path / f"{name}.nii.gz"))
    document = printed(capsys, "compare", tmp_path / "one.nii.gz", tmp_path / "two.nii.gz", "--json")
    assert document["kind"] == "labels"
    first = document["labels"]["1"]
    assert (first["dice"], first["hd95"]) == (0.75, 4)
    assert 0 < first["assd"] < 4
    assert 0 < first["nsd"] < 1
    assert document["labels"]["2"] == document["labels"]["5"] == {"dice": 0}
    assert document["metrics"]["dice"] == 0.25
    as_image = printed(capsys, "compare", tmp_path / "one.nii.gz", tmp_path / "two.nii.gz", "--as", "image", "--json")
    assert as_image["kind"] == "image"


def test_transforms_are_compared(capsys, tmp_path, images) -> None:
    field = diffeomorphism(GRID, 4.0, 16.0, np.random.default_rng(0))
    shifted = np.eye(4)
    shifted[:3, 3] = (3, 4, 0)
    save_transform(Transform(shifted), tmp_path / "a.tfm", END, END)
    save_transform(Transform(np.eye(4)), tmp_path / "b.tfm", END, END)
    save_transform(Transform(np.eye(4), field, GRID), tmp_path / "c.h5", END, END)
    code, said = refused(capsys, "compare", tmp_path / "a.tfm", tmp_path / "b.tfm", "--json")
    assert code == 2
    assert "--reference" in said
    options = ("--reference", images[0].partition("=")[2], "--landmarks", pairs(tmp_path / "pairs.json"), "--json")
    document = printed(capsys, "compare", tmp_path / "a.tfm", tmp_path / "b.tfm", *options)
    assert document["kind"] == "transform"
    metrics = document["metrics"]
    assert metrics["distance_mean"] == pytest.approx(5)
    assert metrics["tre_mean_b"] == pytest.approx(5)
    assert metrics["tre_mean"] == pytest.approx(np.hypot(2, 4))
    assert (metrics["folding"], metrics["sdlogj"]) == (0, 0)
    bent = printed(capsys, "compare", tmp_path / "c.h5", tmp_path / "b.tfm", "--json")["metrics"]
    assert bent["sdlogj"] > 0.01
    assert bent["folding"] == 0
