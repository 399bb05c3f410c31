"""`models`, and `run` with a model file: label maps on disk with their names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from main import main
from tests.fixtures.model_card import write_model
from tests.fixtures.model_files import bright_onnx
from viewer.settings import models_folder

KEYS = {"name": str, "version": str, "task": str, "licence": str, "sha256": str, "parameters": int, "bytes": int,
        "verified": bool, "gates": list}  # fmt: skip


def test_models_as_json_and_for_people(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gate = {"name": "gain", "required": 1.0, "measured": 1.6, "interval": None, "passed": True}
    write_model(models_folder(), "mine", gates=[gate])
    write_model(models_folder(), "changed", b"other weights")
    assert main(["models", "--json"]) == 0
    document = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert document["mine"]["verified"] is True
    assert document["mine"]["gates"] == [gate]
    assert document["mine"]["parameters"] == 1234567
    assert document["changed"]["verified"] is False
    for one in document.values():
        assert all(isinstance(one[key], kind) for key, kind in KEYS.items())
    assert main(["models"]) == 0
    text = capsys.readouterr().out
    assert "mine  Mine 1.2  verified" in text
    assert "file missing or changed" in text
    assert "1 of 1 tests passed" in text


@pytest.fixture
def image(tmp_path: Path) -> Path:
    array = np.random.default_rng(0).integers(0, 1000, (12, 20, 24)).astype(np.int16)
    made = sitk.GetImageFromArray(array)
    made.SetSpacing((1, 1, 2))
    made.SetOrigin((3, 4, 5))
    sitk.WriteImage(made, str(tmp_path / "image.nii.gz"))
    return tmp_path / "image.nii.gz"


@pytest.mark.parametrize("format", ["auto", "nrrd", "dicom"])
def test_a_label_map_is_saved_with_its_names(
    image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], format: str
) -> None:
    model, out = bright_onnx(tmp_path / "net"), tmp_path / "out"
    arguments = ["--input", f"image={image}", "--set", f"model={model}", "--out", str(out), "--format", format]
    assert main(["run", "apply_model", *arguments, "--json"]) == 0
    document: Any = json.loads(capsys.readouterr().out)
    (output,) = document["outputs"]
    path = Path(output["path"])
    assert (output["name"], output["type"]) == ("segmentation", "segmentation")
    assert path.name == ("segmentation.nrrd" if format == "nrrd" else "segmentation.nii.gz")
    saved, given = sitk.ReadImage(str(path)), sitk.ReadImage(str(image))
    assert saved.GetPixelID() == sitk.sitkUInt8
    assert np.array_equal(sitk.GetArrayFromImage(saved), sitk.GetArrayFromImage(given) > 500)
    assert np.allclose([*saved.GetOrigin(), *saved.GetSpacing()], [*given.GetOrigin(), *given.GetSpacing()])
    beside = json.loads((out / "segmentation.json").read_text())
    assert [(one["value"], one["name"]) for one in beside["labels"]] == [(1, "bright")]
    assert beside["mark"] == "AI, not reviewed"
    assert beside["provenance"]["model_sha256"] == document["provenance"]["model_sha256"]


def test_a_model_that_cannot_be_used(image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["run", "apply_model", "--input", f"image={image}", "--set", "model=/nowhere", "--out", str(out)]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.strip().endswith("there is no model nowhere (any more): choose its file or folder.")
    assert not out.exists()
    assert main(["run", "apply_model", "--input", f"image={image}", "--out", str(out)]) == 2
