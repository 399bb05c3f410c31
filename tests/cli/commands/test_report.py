"""`report` and `run` as a script meets them: findings of a project or a structured report, and their files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from main import main
from tests.fixtures.dicom_phantom import ramp, write_series
from tests.fixtures.finding_reports import BY_HAND, GRID, REJECTED, SHAPE, UNREVIEWED, WITH_BOX, listed
from viewer.cli.headless_session import HeadlessStage, finish
from viewer.scene.findings.edits import add_findings

DATA = os.environ.get("TOMOLENS_DATA", "")


@pytest.fixture
def series(tmp_path: Path) -> Path:
    told = {"StudyID": "1", "AccessionNumber": "", "ReferringPhysicianName": "", "PatientName": "王^小明"}
    write_series(tmp_path / "ct", ramp(SHAPE), GRID, **told)
    return tmp_path / "ct"


@pytest.fixture
def project(tmp_path: Path, series: Path) -> Path:
    """One accepted finding, one by hand, one that nobody reviewed and one that was rejected."""
    with HeadlessStage() as stage:
        session = stage.session
        finish(stage, session.studies.open([series]))
        (found,) = [image for images in session.studies.images.values() for image in images]
        finish(stage, session.studies.load(found))
        (image,) = session.document.volume_layers
        made = listed(WITH_BOX, BY_HAND, UNREVIEWED, REJECTED, image=image.id)
        session.history.do(add_findings(session.document, "Add", made))
        finish(stage, session.projects.save(tmp_path / "case.tomolens"))
    return tmp_path / "case.tomolens"


def printed(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 0) -> Any:
    assert main([str(one) for one in arguments]) == code
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int) -> str:
    assert main([str(one) for one in arguments]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    return said.err.strip()


def test_a_project_as_a_signed_report(capsys: pytest.CaptureFixture[str], project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ("--out", out, "--reader", "王医生", "--sign", "--language", "zh", "--json")
    document = printed(capsys, "report", project, *options)
    assert [(one["state"], one["mark"]) for one in document["findings"]] == [
        ("accepted", ""), ("manual", ""), ("unreviewed", "AI, not reviewed"), ("rejected", ""),
    ]  # fmt: skip
    (told,) = document["reports"]
    assert (told["findings"], told["left_out"], told["pdf"]) == (2, 2, None)
    ds = pydicom.dcmread(told["report"])
    assert (ds.VerificationFlag, ds.PreliminaryFlag) == ("VERIFIED", "FINAL")
    assert ds.VerifyingObserverSequence[0].VerifyingObserverName == "王医生^"
    assert Path(told["key_images"]).name == "report-key-images.dcm"
    page = Path(told["page"]).read_text(encoding="utf-8")
    assert "已由王医生签署：最终报告。" in page
    for left_out in ("new one", "artefact"):
        assert left_out not in page


def test_what_nobody_reviewed_comes_only_when_asked_and_marked(
    capsys: pytest.CaptureFixture[str], project: Path, tmp_path: Path
) -> None:
    (told,) = printed(capsys, "report", project, "--out", tmp_path / "out", "--unreviewed", "--json")["reports"]
    assert (told["findings"], told["left_out"]) == (3, 1)
    assert "AI, not reviewed" in Path(told["page"]).read_text(encoding="utf-8")
    assert "AI, not reviewed" in Path(told["report"]).read_bytes().decode(errors="replace")
    assert pydicom.dcmread(told["report"]).VerificationFlag == "UNVERIFIED"
    said = refused(
        capsys, "report", project, "--out", tmp_path / "no", "--unreviewed", "--reader", "AB", "--sign", code=3
    )
    assert "new one is not reviewed" in said
    assert not (tmp_path / "no").exists()


def test_nobody_signs_without_a_name(capsys: pytest.CaptureFixture[str], project: Path, tmp_path: Path) -> None:
    assert "named reader" in refused(capsys, "report", project, "--out", tmp_path / "out", "--sign", code=3)
    assert not (tmp_path / "out").exists()


def test_a_structured_report_is_listed_and_written_again(
    capsys: pytest.CaptureFixture[str], project: Path, series: Path, tmp_path: Path
) -> None:
    (told,) = printed(capsys, "report", project, "--out", tmp_path / "out", "--json")["reports"]
    listed_again = printed(capsys, "report", told["report"], "--json")
    assert [one["tracking_uid"] for one in listed_again["findings"]] == [WITH_BOX.tracking_uid, BY_HAND.tracking_uid]
    assert listed_again["reports"] == []
    assert "--image" in refused(capsys, "report", told["report"], "--out", tmp_path / "again", code=2)
    again = printed(capsys, "report", told["report"], "--image", series, "--out", tmp_path / "again", "--json")
    assert again["findings"] == [one | {"image": again["findings"][0]["image"]} for one in listed_again["findings"]]
    assert again["reports"][0]["findings"] == 2


def test_a_page_becomes_a_pdf(capsys: pytest.CaptureFixture[str], project: Path, tmp_path: Path) -> None:
    pytest.importorskip("PySide6")
    (told,) = printed(capsys, "report", project, "--out", tmp_path / "out", "--language", "zh", "--pdf", "--json")[
        "reports"
    ]
    assert Path(told["pdf"]).read_bytes().startswith(b"%PDF")
    if shutil.which("pdftotext"):
        text = subprocess.run(["pdftotext", told["pdf"], "-"], capture_output=True, text=True, check=True).stdout
        assert "影像发现报告" in text


def test_other_files_and_wrong_use_are_said(capsys: pytest.CaptureFixture[str], series: Path, tmp_path: Path) -> None:
    assert "no such file" in refused(capsys, "report", tmp_path / "nothing.dcm", code=3)
    assert "no structured report" in refused(capsys, "report", next(series.iterdir()), code=3)
    assert "en or zh" in refused(capsys, "report", series, "--language", "de", code=2)


def test_findings_of_a_dicom_image_come_with_a_report(
    capsys: pytest.CaptureFixture[str], series: Path, tmp_path: Path
) -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[2:4, 2:5, 3:6] = 1
    mask = sitk.GetImageFromArray(labels)
    mask.SetSpacing(GRID.spacing[::-1].tolist())
    mask.SetOrigin(GRID.origin.tolist())
    sitk.WriteImage(mask, str(tmp_path / "mask.nii.gz"))
    inputs = ("--input", f"image={series}", "--input", f"mask={tmp_path / 'mask.nii.gz'}")
    document = printed(
        capsys, "run", "diagnose_lesions", *inputs, "--set", "smallest=0", "--out", tmp_path / "out", "--json"
    )
    told = next(one for one in document["outputs"] if one["name"] == "findings")
    assert told["path"].endswith("findings.json")
    ds = pydicom.dcmread(told["report"])
    assert (ds.VerificationFlag, ds.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    assert "processed, not reviewed" in Path(told["report"]).read_bytes().decode(errors="replace")
    (regions,) = told["regions"]
    seg = pydicom.dcmread(regions)
    assert seg.SOPInstanceUID in Path(told["report"]).read_bytes().decode(errors="replace")
    assert Path(told["key_images"]).exists()
    again = printed(capsys, "report", told["report"], "--json")
    assert [one["tracking_uid"] for one in again["findings"]] == [one["tracking_uid"] for one in told["findings"]]


@pytest.mark.skipif(not DATA, reason="needs TOMOLENS_DATA")
def test_reports_of_others_are_listed_with_their_source(capsys: pytest.CaptureFixture[str]) -> None:
    document = printed(capsys, "report", Path(DATA) / "dicom" / "dcmqi" / "sr-example_sr.dcm", "--json")
    (one,) = document["findings"]
    assert (one["source"], one["statement"]) == ("Report of User2, 2015-08-19", "Neoplasm, Primary")
    assert document["notes"]
