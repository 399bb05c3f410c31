"""The command line as a script meets it: JSON alone on standard output, one sentence on standard error, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from main import main

ROOT = Path(__file__).parents[2]


def write(path: Path, array: np.ndarray[Any, Any], spacing: tuple[float, float, float] = (1, 1, 2)) -> Path:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    sitk.WriteImage(image, str(path))
    return path


@pytest.fixture
def ball(tmp_path: Path) -> Path:
    k, j, i = np.indices((10, 32, 36))
    inside = (2 * (k - 5)) ** 2 + (j - 16) ** 2 + (i - 18) ** 2 < 80
    noise = np.random.default_rng(1).normal(0, 6, inside.shape)
    return write(tmp_path / "ball.nii.gz", (inside * 100 + 50 + noise).astype(np.int16))


def printed(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 0) -> Any:
    assert main([str(one) for one in arguments]) == code
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int) -> str:
    assert main([str(one) for one in arguments]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    return said.err.strip()


def test_info(capsys: pytest.CaptureFixture[str], ball: Path) -> None:
    document = printed(capsys, "info", ball, "--json")
    (patient,) = document["patients"]
    volume = patient["studies"][0]["series"][0]["volumes"][0]
    assert (patient["id"], patient["name"]) == ("", "")
    assert patient["studies"][0]["description"] == "ball.nii.gz"
    assert volume["shape"] == [10, 32, 36]
    assert volume["spacing"] == [2, 1, 1]
    assert volume["direction"] == [1, 0, 0, 0, 1, 0, 0, 0, 1]
    assert volume["dtype"] == "int16"
    assert document["refused"] == []


def test_info_names_what_it_refused(capsys: pytest.CaptureFixture[str], ball: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.dcm").write_bytes(b"%PDF-1.7 not an image")
    document = printed(capsys, "info", tmp_path, "--json")
    assert len(document["patients"]) == 1
    (one,) = document["refused"]
    assert one["path"].endswith("letter.dcm")
    assert len(one["reason"]) > 20


def test_plugins(capsys: pytest.CaptureFixture[str]) -> None:
    document = printed(capsys, "plugins", "--json")
    denoise = next(one for one in document if one["id"] == "denoise")
    assert denoise["inputs"][0] == {"name": "image", "type": "volume", "required": True}
    assert denoise["outputs"][0]["name"] == "denoised"
    assert denoise["parameters"]


def test_run_writes_the_result_and_its_provenance(
    capsys: pytest.CaptureFixture[str], ball: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    document = printed(capsys, "run", "denoise", "--input", f"image={ball}", "--out", out, "--json")
    (output,) = document["outputs"]
    assert output["path"] == str(out / "denoised.nii.gz")
    result = sitk.ReadImage(output["path"])
    source = sitk.ReadImage(str(ball))
    assert result.GetSize() == source.GetSize()
    assert np.allclose(result.GetDirection(), source.GetDirection())
    assert np.std(sitk.GetArrayFromImage(result)[0]) < np.std(sitk.GetArrayFromImage(source)[0])
    assert document["provenance"]["plugin"] == "denoise"
    assert document["peak_memory_bytes"] > 0
    assert document["stages"]
    assert list(out.glob("*.json"))


def test_compare(capsys: pytest.CaptureFixture[str], ball: Path, tmp_path: Path) -> None:
    array = sitk.GetArrayFromImage(sitk.ReadImage(str(ball)))
    other = write(tmp_path / "other.nii.gz", array + np.int16(3))
    document = printed(capsys, "compare", ball, other, "--json")
    assert document["kind"] == "image"
    assert document["metrics"]["mae"] == pytest.approx(3)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("info", "missing-folder"), 3),
        (("run", "no-such-plugin", "--input", "image=BALL", "--out", "OUT"), 2),
        (("run", "denoise", "--input", "volume=BALL", "--out", "OUT"), 2),
        (("run", "denoise", "--input", "BALL", "--out", "OUT"), 2),
        (("run", "denoise", "--input", "image=", "--out", "OUT"), 2),
        (("run", "denoise", "--input", "image=BALL", "--set", "strength=wild", "--out", "OUT"), 2),
        (("run", "denoise", "--input", "image=missing.nii", "--out", "OUT"), 3),
        (("run", "denoise", "--input", "image=BALL", "--format", "bmp", "--out", "OUT"), 2),
        (("run", "apply_model", "--input", "image=BALL", "--set", "model=missing", "--out", "OUT"), 3),
        (("compare", "BALL", "missing.nii"), 3),
        (("info",), 2),
        (("info", "--no-such-option"), 2),
    ],
)
def test_bad_use_is_one_sentence(
    capsys: pytest.CaptureFixture[str], ball: Path, tmp_path: Path, arguments: tuple[str, ...], code: int
) -> None:
    real = [one.replace("BALL", str(ball)).replace("OUT", str(tmp_path / "out")) for one in arguments]
    assert len(refused(capsys, *real, code=code)) > 10


def test_images_of_different_shape_are_refused(capsys: pytest.CaptureFixture[str], ball: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other.nii.gz", np.zeros((3, 4, 5), np.int16))
    assert "36" in refused(capsys, "compare", ball, other, code=3)


def test_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor", "--json"])
    document = json.loads(capsys.readouterr().out)
    names = {check["name"] for check in document["checks"]}
    assert {"version", "memory", "devices", "torch", "OpenGL"} <= names
    assert all(check["ok"] or check["cure"] for check in document["checks"])


def test_the_program_itself(ball: Path) -> None:
    done = subprocess.run(
        [sys.executable, "main.py", "info", str(ball), "--json"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["patients"]


# ---- several time points
def series(path: Path, *arrays: np.ndarray[Any, Any]) -> Path:
    volumes = [sitk.GetImageFromArray(array) for array in arrays]
    sitk.WriteImage(sitk.JoinSeries(volumes), str(path))
    return path


@pytest.fixture
def grey() -> np.ndarray[Any, Any]:
    return np.random.default_rng(3).integers(0, 1000, (8, 12, 14)).astype(np.int16)


def test_compare_takes_every_time_point(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, grey: np.ndarray[Any, Any]
) -> None:
    one = series(tmp_path / "a.nii.gz", grey, grey, grey)
    two = series(tmp_path / "b.nii.gz", grey, grey + np.int16(6), grey)
    document = printed(capsys, "compare", one, two, "--json")
    assert document["timepoints"] == 3
    assert document["metrics"]["mae"] == pytest.approx(2)
    assert document["metrics"]["max"] == 6
    assert [each["metrics"]["mae"] for each in document["times"]] == [0, 6, 0]
    assert printed(capsys, "compare", one, two, "--time", 2, "--json")["metrics"]["mae"] == 6
    assert printed(capsys, "compare", one, two, "--time", 3, "--json")["timepoint"] == 3


def test_other_numbers_of_time_points_are_refused_unless_one_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, grey: np.ndarray[Any, Any]
) -> None:
    one = series(tmp_path / "a.nii.gz", grey, grey + np.int16(5))
    two = write(tmp_path / "b.nii.gz", grey, (1, 1, 1))
    assert "2 and 1" in refused(capsys, "compare", one, two, code=3)
    assert printed(capsys, "compare", one, two, "--time", 2, "--json")["metrics"]["mae"] == 5
    assert "names none" in refused(capsys, "compare", one, two, "--time", 4, code=3)


@pytest.mark.parametrize("dtype", [np.uint32, np.float64, np.int64])
def test_labels_of_nine_digits_are_compared_exactly(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, dtype: type
) -> None:
    array = np.zeros((8, 8, 8), dtype)
    array[1:7, 1:7, 1:7], array[7, 7, 7] = 614454277, 614454278
    less = array.copy()
    less[1, 1:7, 1:7] = 0
    paths = write(tmp_path / "a.nrrd", array), write(tmp_path / "b.nrrd", less)
    for options in (("--as", "labels"), ()):
        labels = printed(capsys, "compare", *paths, *options, "--json")["labels"]
        assert labels["614454277"]["dice"] == pytest.approx(360 / 396)
        assert labels["614454278"]["dice"] == 1


def test_label_maps_of_several_time_points(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    array, other = np.zeros((6, 6, 6), np.uint8), np.zeros((6, 6, 6), np.uint8)
    array[2:4, 2:4, 2:4], other[2:4, 2:4, 2:3] = 1, 1
    one, two = (series(tmp_path / f"{n}.nii.gz", array, second) for n, second in enumerate((array, other)))
    document = printed(capsys, "compare", one, two, "--json")
    assert document["kind"] == "labels"
    assert document["labels"]["1"]["dice"] == pytest.approx((1 + 8 / 12) / 2)
    assert [each["labels"]["1"]["dice"] for each in document["times"]] == pytest.approx([1, 8 / 12])


def test_a_plugin_that_makes_images_runs_on_every_time_point(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, grey: np.ndarray[Any, Any]
) -> None:
    source = series(tmp_path / "a.nii.gz", grey + np.int16(100), grey * np.int16(2) + np.int16(100))
    options = ("run", "correct_bias", "--input", f"image={source}", "--set", "levels=1")
    document = printed(capsys, *options, "--out", tmp_path / "all", "--json")
    assert document["timepoints"] == 2
    every = sitk.GetArrayFromImage(sitk.ReadImage(document["outputs"][0]["path"]))
    assert every.shape == (2, *grey.shape)
    document = printed(capsys, *options, "--time", 2, "--out", tmp_path / "one", "--json")
    assert (document["timepoints"], document["timepoint"]) == (1, 2)
    np.testing.assert_allclose(sitk.GetArrayFromImage(sitk.ReadImage(document["outputs"][0]["path"])), every[1])


def test_a_plugin_that_makes_something_else_says_which_time_point_it_took(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, grey: np.ndarray[Any, Any]
) -> None:
    fixed = write(tmp_path / "a.nii.gz", grey, (1, 1, 1))
    moving = series(tmp_path / "b.nii.gz", grey, grey)
    arguments = ("run", "register_rigid", "--input", f"fixed={fixed}", "--input", f"moving={moving}")
    assert main([str(one) for one in (*arguments, "--out", tmp_path / "out", "--json")]) == 0
    told = capsys.readouterr()
    assert "moving: time point 1 of 2 is used" in told.err
    assert json.loads(told.out)["timepoints"] == 1
