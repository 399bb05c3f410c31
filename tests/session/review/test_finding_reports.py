"""Reports saved and opened without a window: the list that comes back is the one that went out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest

from tests.fixtures.dicom_phantom import ramp, write_series
from tests.fixtures.finding_reports import BY_HAND, GRID, REJECTED, SHAPE, UNREVIEWED, WITH_BOX, WITH_SEGMENT, listed
from viewer.cli.exit_codes import JobFailed
from viewer.cli.headless_session import HeadlessStage, finish
from viewer.data.annotations.finding import SegmentRegion
from viewer.data.segmentation import Segment, Segmentation
from viewer.io.reports.audit_log import entries
from viewer.scene.edits import AddLayer
from viewer.scene.findings.edits import add_findings, remove_findings
from viewer.scene.findings.finding_list import FindingEntry
from viewer.scene.layer import VolumeLayer
from viewer.scene.segmentation_layer import segmentation_layer


def opened(stage: HeadlessStage, folder: Path) -> VolumeLayer:
    finish(stage, stage.session.studies.open([folder]))
    (found,) = [image for images in stage.session.studies.images.values() for image in images]
    finish(stage, stage.session.studies.load(found))
    return stage.session.document.volume_layers[-1]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[HeadlessStage]:
    write_series(tmp_path / "ct", ramp(SHAPE), GRID, StudyID="1", AccessionNumber="", ReferringPhysicianName="")
    with HeadlessStage() as stage:
        opened(stage, tmp_path / "ct")
        stage.session.review.trail.reader = "Doe^Jane"
        yield stage


def add(stage: HeadlessStage, *findings: object) -> tuple[FindingEntry, ...]:
    session = stage.session
    (image,) = session.document.volume_layers
    made = listed(*findings, image=image.id)  # type: ignore[arg-type]
    session.history.do(add_findings(session.document, "Add", made))
    return made


def test_what_was_saved_opens_as_the_same_list(stage: HeadlessStage, tmp_path: Path) -> None:
    session = stage.session
    made = add(stage, WITH_BOX, BY_HAND, REJECTED)
    report = session.reports.report(signed=True)
    finish(stage, session.reports.save(report, tmp_path / "report.dcm"))
    assert sorted(path.name for path in tmp_path.glob("*.dcm")) == ["report-key-images.dcm", "report.dcm"]
    session.history.do(remove_findings(session.document, "Remove", session.document.findings))
    finish(stage, session.reports.open(tmp_path / "report.dcm"))
    assert tuple(session.document.findings) == made[:2]
    session.history.undo()
    assert not len(session.document.findings)


def test_opened_twice_it_is_there_once(stage: HeadlessStage, tmp_path: Path) -> None:
    session = stage.session
    made = add(stage, WITH_BOX)
    finish(stage, session.reports.save(session.reports.report(), tmp_path / "report.dcm"))
    said: list[str] = []
    session.messages.added.connect(lambda message: said.append(message.text))
    finish(stage, session.reports.open(tmp_path / "report.dcm"))
    assert tuple(session.document.findings) == made
    assert "in the list already" in said[-1]


def test_regions_are_saved_beside_it_and_referred_to(stage: HeadlessStage, tmp_path: Path) -> None:
    session = stage.session
    (image,) = session.document.volume_layers
    labels = np.zeros(SHAPE, np.uint8)
    labels[2, 2:4, 3], labels[4, 1, 1] = 2, 1
    made = segmentation_layer(
        Segmentation(labels, image.grid, (Segment(1, "other"), Segment(2, "lesion")), "lesions", image.source), image
    )
    session.history.do(AddLayer(made))
    finding = replace(WITH_SEGMENT, segment=SegmentRegion(made.id, (0, 2), 99))
    add(stage, finding)
    finish(stage, session.reports.save(session.reports.report(), tmp_path / "report.dcm"))
    seg = pydicom.dcmread(tmp_path / "report-regions.dcm")
    assert [one.SegmentLabel for one in seg.SegmentSequence] == ["lesion"]  # no voxel of what is not reported
    (group,) = hd.sr.srread(tmp_path / "report.dcm").content.get_volumetric_roi_measurement_groups()
    assert group.referenced_segment.referenced_sop_instance_uid == seg.SOPInstanceUID
    assert hd.seg.segread(tmp_path / "report-regions.dcm").get_volume().array.sum() == 2


def test_a_page_is_saved_with_its_pictures(stage: HeadlessStage, tmp_path: Path) -> None:
    session = stage.session
    (entry, _) = add(stage, WITH_BOX, UNREVIEWED)
    report = session.reports.report(language="zh", unreviewed=True)
    finish(stage, session.reports.save(report, tmp_path / "报告.html", key_images={entry.id: b"\x89PNG"}))
    text = (tmp_path / "报告.html").read_text(encoding="utf-8")
    assert "影像发现报告" in text
    assert "未经审核的AI结果" in text
    assert "data:image/png;base64," in text


def test_the_trail_says_who_signed(stage: HeadlessStage, tmp_path: Path) -> None:
    session = stage.session
    add(stage, WITH_BOX)
    finish(stage, session.reports.save(session.reports.report(signed=True), tmp_path / "report.dcm"))
    last = entries(session.review.trail.path)[-1]
    assert (last.what, last.reader, last.facts) == ("report", "Doe^Jane", {"signed": True, "findings": 1})


def test_a_report_of_images_that_are_not_open_is_refused(stage: HeadlessStage, tmp_path: Path) -> None:
    session = stage.session
    add(stage, WITH_BOX)
    finish(stage, session.reports.save(session.reports.report(), tmp_path / "report.dcm"))
    ds = pydicom.dcmread(tmp_path / "report.dcm")
    ds.PatientID, ds.PatientName = "somebody", "Else^Somebody"
    ds.save_as(tmp_path / "other.dcm")
    with pytest.raises(JobFailed, match="are not open"):
        finish(stage, session.reports.open(tmp_path / "other.dcm"))
    with pytest.raises(JobFailed, match="no structured report"):
        finish(stage, session.reports.open(next((tmp_path / "ct").iterdir())))


def test_what_cannot_be_saved_is_said_and_not_noted(stage: HeadlessStage, tmp_path: Path) -> None:
    session = stage.session
    add(stage, WITH_BOX)
    (tmp_path / "report.dcm").write_text("mine")
    with pytest.raises(JobFailed, match="already there"):
        finish(stage, session.reports.save(session.reports.report(), tmp_path / "report.dcm"))
    assert (tmp_path / "report.dcm").read_text() == "mine"
    assert not [one for one in entries(session.review.trail.path) if one.what == "report"]
