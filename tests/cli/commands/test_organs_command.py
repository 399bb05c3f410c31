"""`run segment_organs` without a window: coded segments on the image's grid, JSON for scripts, one sentence else."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from main import main
from tests.fixtures.model_files import DATASET, PLANS, nnunet

NAMES = ["background", "liver", "kidney_left", "kidney_right", "spleen"]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A folder of several models, as TotalSegmentator has it."""
    for name, spacing in (("Dataset291_part", 1.5), ("Dataset297_total_3mm", 3.0)):
        plans = deepcopy(PLANS)
        plans["configurations"]["3d_fullres"]["spacing"] = [spacing] * 3
        labels = {name: value for value, name in enumerate(NAMES)}
        nnunet(tmp_path / "results" / name / "T__nnUNetPlans__3d_fullres", plans, DATASET | {"labels": labels})
    return tmp_path / "results"


def write(path: Path, shape: tuple[int, ...]) -> Path:
    from scipy.ndimage import gaussian_filter

    image = sitk.GetImageFromArray(gaussian_filter(np.random.default_rng(0).normal(0, 3000, shape), 1.5).astype("f4"))
    image.SetSpacing([2.5] * len(shape))
    sitk.WriteImage(image, str(path))
    return path


def command(image: Path, results: Path, out: Path, *more: str) -> list[str]:
    return ["run", "segment_organs", "--input", f"image={image}", "--set", f"model={results}", "--out", str(out), *more]


def test_chosen_organs_of_an_image(tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = write(tmp_path / "image.nii.gz", (20, 24, 22))
    assert main(command(image, results, tmp_path / "out", "--set", "classes=Liver, kidney_*", "--json")) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert told["plugin"] == "segment_organs"
    assert told["provenance"]["learned"]
    labels = sitk.ReadImage(str(tmp_path / "out" / "organs.nii.gz"))
    assert labels.GetSize() == (22, 24, 20)
    values = set(np.unique(sitk.GetArrayFromImage(labels)).tolist())
    assert len(values) > 1
    assert values <= {0, 1, 2, 3}
    beside = json.loads((tmp_path / "out" / "organs.json").read_text())
    assert [one["name"] for one in beside["labels"]] == ["Liver", "Left kidney", "Right kidney"]
    assert [one["code"][1] for one in beside["labels"]] == ["10200004", "64033007", "64033007"]
    assert [one.get("side") for one in beside["labels"]] == [None, "left", "right"]
    assert "resampled to 3 × 3 × 3 mm for the model" in json.dumps(beside, ensure_ascii=False)


def test_a_slice_is_refused_in_a_sentence(tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = write(tmp_path / "slice.nii.gz", (1, 24, 22))
    assert main(command(image, results, tmp_path / "out")) != 0
    assert "single slice" in capsys.readouterr().err
    assert not (tmp_path / "out" / "organs.nii.gz").exists()


def test_of_several_time_points_the_first_is_taken_and_that_is_said(
    tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    volume = sitk.ReadImage(str(write(tmp_path / "image.nii.gz", (16, 18, 17))))
    image = tmp_path / "series.nii.gz"
    sitk.WriteImage(sitk.JoinSeries([volume] * 3), str(image))
    assert main(command(image, results, tmp_path / "out", "--json")) == 0
    assert "time point 1 of 3 is used" in capsys.readouterr().err
