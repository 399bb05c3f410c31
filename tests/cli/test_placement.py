"""`--placement` and PATH#qform: which of the two placements of a NIfTI file a command takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from main import main
from tests.fixtures.nifti_file import SHAPE
from tests.fixtures.two_placements import two_placements
from viewer.cli.exit_codes import BadInput
from viewer.cli.headless_session import HeadlessStage, find_images
from viewer.cli.inputs import read_volume
from viewer.io.errors import OpenError
from viewer.io.segmentations.segmentation_file import read_segmentation


def printed(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Any:
    assert main([str(one) for one in arguments]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], code: int, *arguments: str | Path) -> str:
    assert main([str(one) for one in arguments]) == code
    return capsys.readouterr().err.strip()


def test_info_tells_the_one_that_is_asked_for(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = two_placements(tmp_path / "a.nii")
    (patient,) = printed(capsys, "info", path, "--json", "--placement", "qform")["patients"]
    (found,) = patient["studies"][0]["series"][0]["volumes"]
    assert (found["origin"], found["direction"]) == ([-10, -20, 30], [1, 0, 0, 0, 1, 0, 0, 0, 1])
    assert (found["placement"], found["other_placement"]) == (["qform"], "sform")


def test_images_that_have_no_such_placement_are_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = two_placements(tmp_path / "a.nii", codes=[0, 4])
    sentence = f"{path}: it has no qform; leave that choice out."
    assert refused(capsys, 3, "info", path, "--placement", "qform") == sentence
    assert refused(capsys, 2, "info", path, "--placement", "best") == "--placement best: choose sform or qform."
    with HeadlessStage("qform") as stage:
        with pytest.raises(BadInput, match="no qform"):
            read_volume(stage, str(path))
        stage.placement = "sform"
        assert [image.source.placement for image in find_images(stage, [path])] == [("sform",)]


def test_a_path_may_name_its_own(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The images differ in their places alone: one with itself by its other placement is not on one grid."""
    path = two_placements(tmp_path / "a.nii")
    assert "lie up to 41 mm apart" in refused(capsys, 3, "compare", path, f"{path}#qform", "--as", "image")
    found = printed(capsys, "compare", f"{path}#qform", path, "--as", "image", "--placement", "qform", "--json")
    assert found["metrics"]["mae"] == 0


def test_labels_are_converted_by_the_one_that_is_asked_for(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    array = np.zeros(SHAPE, np.int16)
    array[2:4, 2:4, 2:4] = 3
    path = two_placements(tmp_path / "labels.nii", array)
    target = tmp_path / "b.nii.gz"
    assert "two placements" in read_segmentation(path).badges
    assert "by its qform" in printed(capsys, "convert", path, target, "--placement", "qform", "--json")["badges"]
    np.testing.assert_allclose(sitk.ReadImage(str(target)).GetOrigin(), (-10, -20, 30), atol=1e-4)
    (tmp_path / "a.seg.nrrd").touch()
    with pytest.raises(OpenError, match="no qform"):
        read_segmentation(tmp_path / "a.seg.nrrd", placement="qform")
