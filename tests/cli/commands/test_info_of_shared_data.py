"""What `info --json` says of real studies agrees with what their sources say of them (TOMOLENS_DATA)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from main import main

DATA = Path(os.environ.get("TOMOLENS_DATA", ""))
pytestmark = pytest.mark.skipif(not os.environ.get("TOMOLENS_DATA"), reason="TOMOLENS_DATA names no shared data")

# folder or file -> the volumes in it: (shape k, j, i), (spacing k, j, i in mm), files
WHOLE_SERIES = {
    "dicom/ct-cmb-crc-lung": [((100, 512, 512), (2.5, 0.8984, 0.8984), 100)],
    "dicom/mr-philips-mprage": [((170, 256, 256), (1.0, 1.0, 1.0), 170)],
    "dicom/mr-philips-pcasl-classic-vs-enhanced/classic": [((40, 96, 96), (4.0, 2.5, 2.5), 40)],
    "dicom/mr-philips-pcasl-classic-vs-enhanced/enhanced": [((40, 96, 96), (4.0, 2.5, 2.5), 1)],
    "dicom/pet-qin-headneck/PET": [((299, 128, 128), (3.375, 3.538, 3.538), 299)],
    "nifti/ct-totalsegmentator/example_ct_sm.nii.gz": [((30, 101, 122), (3.0, 3.0, 3.0), 1)],
    "nifti/mr-totalsegmentator/example_mr_sm.nii.gz": [((20, 91, 117), (3.0, 3.0, 3.0), 1)],
    "nifti/brain-ms-longitudinal-p01/study1_FLAIR.nii.gz": [((36, 320, 320), (4.0, 0.72, 0.72), 1)],
    "nifti/brain-ms-longitudinal-p01/study2_FLAIR.nii.gz": [((46, 320, 320), (3.0, 0.72, 0.72), 1)],
    "nifti/brain-ms-longitudinal-p01/gt.nii.gz": [((53, 334, 325), None, 1)],
    "nifti/brain-ms-p07-mni/FLAIR.nii.gz": [((182, 218, 182), (1.0, 1.0, 1.0), 1)],
    "nifti/brain-oasis-c2fvit/image_A.nii.gz": [((256, 256, 256), (1.0, 1.0, 1.0), 1)],
    "nifti/brain-labelmaps-synthseg/training_seg_01.nii.gz": [((256, 256, 256), (1.0, 1.0, 1.0), 1)],
    "nifti/spine-t2-pam50/t2.nii.gz": [((52, 55, 60), (1.0, 1.0, 1.0), 1)],
    "nifti/ct-2d-head-pair/CT_2D_head_fixed.mha": [((1, 256, 256), None, 1)],
}


def told(capsys: pytest.CaptureFixture[str], path: str) -> dict[str, Any]:
    assert main(["info", str(DATA / path), "--json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def volumes(document: dict[str, Any]) -> list[dict[str, Any]]:
    studies = [study for patient in document["patients"] for study in patient["studies"]]
    return [volume for study in studies for series in study["series"] for volume in series["volumes"]]


@pytest.mark.parametrize("path", WHOLE_SERIES)
def test_dimensions_and_spacing(capsys: pytest.CaptureFixture[str], path: str) -> None:
    found = volumes(told(capsys, path))
    expected = WHOLE_SERIES[path]
    assert len(found) == len(expected)
    for volume, (shape, spacing, files) in zip(found, expected, strict=True):
        assert tuple(volume["shape"]) == shape
        assert volume["files"] == files
        assert volume["regular"]
        if spacing:
            assert volume["spacing"] == pytest.approx(spacing, abs=6e-3)


def test_both_pcasl_files_are_one_acquisition(capsys: pytest.CaptureFixture[str]) -> None:
    classic, enhanced = volumes(told(capsys, "dicom/mr-philips-pcasl-classic-vs-enhanced"))
    for name in ("shape", "spacing", "origin", "direction"):
        assert classic[name] == pytest.approx(enhanced[name], abs=1e-4)


@pytest.mark.slow
def test_every_file_is_told_or_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("dicom", "nifti", "labelled"):
        document = told(capsys, folder)
        assert volumes(document)
        for refused in document["refused"]:
            assert refused["reason"].endswith(".")
            assert "Traceback" not in refused["reason"]
