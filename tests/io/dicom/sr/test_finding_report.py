"""Reports of findings as DICOM SR: read back by us, by highdicom and by DCMTK, and checked by dciodvfy."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes

from tests.fixtures.finding_reports import (
    BOX,
    BY_HAND,
    CHINESE,
    ELLIPSE,
    GRID,
    LESION,
    PLAQUE,
    REFUSAL,
    SHAPE,
    UNREVIEWED,
    WHOLE,
    WITH_BOX,
    WITH_SEGMENT,
    far_apart,
    image_of,
    listed,
    report,
    source_of,
)
from viewer.data.annotations.finding import Finding
from viewer.data.annotations.region import Region
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.study import Source
from viewer.data.transform import ImageReference
from viewer.io.dicom.sr.finding_report import MOST_FINDINGS, save_finding_report, saved_segments
from viewer.io.dicom.sr.key_objects import save_key_objects
from viewer.io.dicom.sr.read_report import CHANGED, OWN_REPORT, read_report
from viewer.io.errors import SaveError
from viewer.io.segmentations.dicom_seg.write import write_seg
from viewer.scene.findings.finding_list import FindingEntry
from viewer.scene.findings.finding_report import FindingReport

LANGUAGES = ("en", "zh")
needs_dciodvfy = pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="needs dciodvfy (Debian: dicom3tools)")
needs_dcmtk = pytest.mark.skipif(shutil.which("dsrdump") is None, reason="needs dsrdump (Debian: dcmtk)")


@pytest.fixture
def image(tmp_path: Path) -> ImageReference:
    return image_of(tmp_path / "ct")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "report.dcm"


def errors(path: Path) -> list[str]:
    told = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False).stderr
    return [line for line in told.splitlines() if line.startswith("Error")]


def without_record(path: Path) -> Path:
    """As another program would have written it."""
    ds = pydicom.dcmread(path)
    ds.remove_private_tags()
    ds.save_as(path)
    return path


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("signed", [False, True])
def test_the_same_list_comes_back(image: ImageReference, target: Path, language: str, signed: bool) -> None:
    told = report(image, reader=CHINESE, signed=signed, language=language)
    save_finding_report(told, target, {})
    found = read_report(target, [image])
    assert found.entries == told.entries
    assert (found.image, found.notes) == (0, ())
    assert found.source.patient_name == CHINESE
    assert found.verified_by == (CHINESE if signed else "")


@pytest.mark.parametrize("language", LANGUAGES)
def test_others_find_the_same_in_the_content(image: ImageReference, target: Path, language: str) -> None:
    save_finding_report(report(image, reader=CHINESE, language=language), target, {})
    found = [one.finding for one in read_report(without_record(target), [image]).entries]
    for said, expected in zip(found, (WITH_BOX, WITH_SEGMENT, BY_HAND, WHOLE), strict=True):
        assert said is not None
        assert said.statement == expected.statement
        assert said.tracking_uid == expected.tracking_uid
        assert said.site == expected.site
        assert [(one.name[:2], one.value, one.unit) for one in said.measurements] == [
            (one.name[:2], one.value, one.unit) for one in expected.measurements
        ]
        assert (said.state, said.algorithm and said.algorithm.name) == (
            expected.state,
            expected.algorithm and expected.algorithm.name,
        )
        assert (said.point is None) == (expected.point is None)
        if said.point and expected.point:
            assert far_apart(said.point, expected.point) < 1e-4
    assert found[0] is not None
    assert found[0].probability is not None
    assert found[0].probability.value == pytest.approx(0.87654321, abs=1e-12)
    assert found[0].algorithm is not None
    assert found[0].algorithm.weights_sha256 == "ab" * 32


@pytest.mark.parametrize(("finding", "region"), [(WITH_BOX, BOX), (BY_HAND, ELLIPSE)])
def test_a_region_comes_back_where_it_was(
    image: ImageReference, target: Path, finding: Finding, region: Region
) -> None:
    save_finding_report(report(image, finding), target, {})
    said = read_report(without_record(target), [image]).entries[0].finding
    assert said is not None
    assert said.box is not None
    assert said.box.shape == region.shape
    assert far_apart(said.box.centre, region.centre) < 1e-4
    spread = [np.sort(one.corners, axis=0) for one in (said.box, region)]
    assert far_apart(*spread) < 1e-4


def test_chinese_is_chinese_in_the_file(image: ImageReference, target: Path) -> None:
    save_finding_report(report(image, UNREVIEWED, WITH_SEGMENT, language="zh", reader="王医生"), target, {})
    ds = pydicom.dcmread(target)
    assert ds.SpecificCharacterSet == "ISO_IR 192"
    assert ds.PatientName == CHINESE
    text = without_record(target).read_bytes().decode(errors="replace")
    for said in (
        LESION.chinese,
        "未经审核的AI结果",
        "非医疗器械；仅供研究和审阅。",
        "体积",
        "病灶 2",
        "王医生",
        "zh-CN",
    ):
        assert said in text
    assert "?" * 2 not in text


@needs_dciodvfy
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("signed", [False, True])
def test_dciodvfy_finds_no_error(image: ImageReference, tmp_path: Path, language: str, signed: bool) -> None:
    told = report(image, reader="Doe^Jane", signed=signed, language=language)
    save_finding_report(told, tmp_path / "report.dcm", {})
    save_key_objects(told, tmp_path / "keys.dcm")
    assert not errors(tmp_path / "report.dcm")
    assert not errors(tmp_path / "keys.dcm")


@needs_dciodvfy
def test_an_empty_code_of_the_source_does_not_come_along(tmp_path: Path, target: Path) -> None:
    save_finding_report(report(image_of(tmp_path / "ct", ProcedureCodeSequence=[])), target, {})
    assert not errors(target)


@needs_dcmtk
def test_dcmtk_reads_the_content(image: ImageReference, target: Path) -> None:
    save_finding_report(report(image, UNREVIEWED, language="en"), target, {})
    told = subprocess.run(["dsrdump", str(target)], capture_output=True, text=True, check=True)
    for said in ("Comprehensive 3D SR", "AI, not reviewed", "Not a medical device", "new one", "25", "diagnose_x"):
        assert said in told.stdout


def test_highdicom_reads_the_same_groups(image: ImageReference, target: Path) -> None:
    save_finding_report(report(image, reader="Doe^Jane"), target, {})
    content = hd.sr.srread(target).content
    planar, other = content.get_planar_roi_measurement_groups(), content.get_image_measurement_groups()
    assert [one.tracking_uid for one in planar] == [one.tracking_uid for one in (WITH_BOX, WITH_SEGMENT, BY_HAND)]
    assert [one.tracking_uid for one in other] == [WHOLE.tracking_uid]
    assert planar[0].finding_type.value == PLAQUE.code[1]
    figures = {one.name.value: (one.value, one.unit.value) for one in planar[0].get_measurements()}
    assert figures["118565006"] == (WITH_BOX.measurements[0].value, "ml")
    assert figures["111012"] == (pytest.approx(87.654321), "%")
    assert far_apart(planar[1].roi.value[0], WITH_SEGMENT.point or ()) < 1e-4
    persons = content.get_observer_contexts(codes.DCM.Person)
    assert str(persons[0].observer_identifying_attributes.name) == "Doe^Jane"


def test_a_saved_segment_is_referred_to_by_its_number(image: ImageReference, tmp_path: Path, target: Path) -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[2, 2:4, 3], labels[4, 1, 1] = 2, 1
    segments = (Segment(1, "other"), Segment(2, "lesion"))
    write_seg(Segmentation(labels, GRID, segments, "lesions", image.source), tmp_path / "seg.dcm")
    save_finding_report(report(image, WITH_SEGMENT), target, saved_segments("lesions", tmp_path / "seg.dcm"))
    seg = pydicom.dcmread(tmp_path / "seg.dcm")
    (group,) = hd.sr.srread(target).content.get_volumetric_roi_measurement_groups()
    segment = group.referenced_segment
    assert (segment.referenced_sop_instance_uid, list(segment.referenced_segment_numbers)) == (seg.SOPInstanceUID, [2])
    assert seg.SOPInstanceUID in {instance for _, _, instance, _ in hd.sr.srread(target).get_evidence()}
    if shutil.which("dciodvfy"):
        assert not errors(target)


def test_only_a_signed_report_is_verified_and_final(image: ImageReference, tmp_path: Path) -> None:
    states = {}
    for signed in (False, True):
        save_finding_report(report(image, reader="AB", signed=signed), tmp_path / f"{signed}.dcm", {})
        ds = pydicom.dcmread(tmp_path / f"{signed}.dcm")
        states[signed] = (ds.VerificationFlag, ds.PreliminaryFlag, ds.CompletionFlag)
        assert ("VerifyingObserverSequence" in ds) == signed
    assert states == {
        False: ("UNVERIFIED", "PRELIMINARY", "PARTIAL"),
        True: ("VERIFIED", "FINAL", "COMPLETE"),
    }


def test_what_another_program_changed_is_read_from_the_content(image: ImageReference, target: Path) -> None:
    save_finding_report(report(image, WITH_BOX), target, {})
    ds = pydicom.dcmread(target)
    (group,) = ds.ContentSequence[-2].ContentSequence
    number = next(one for one in group.ContentSequence if one.ValueType == "NUM")
    number.MeasuredValueSequence[0].NumericValue = "77"
    number.MeasuredValueSequence[0].FloatingPointValue = 77.0
    ds.save_as(target)
    found = read_report(target, [image])
    assert CHANGED in found.notes
    said = found.entries[0].finding
    assert said is not None
    assert said.measurements[0].value == 77.0
    assert not said.checks


@pytest.mark.parametrize(
    "forged",
    [
        {"state": "accepted", "reader": "nobody"},
        {"probability": {"value": 0.99, "interval": None, "operating_point": None}},
        {"measurements": [{"name": ["SCT", "118565006", "Volume"], "value": 10**400, "unit": "ml"}]},
        {"statement": 7},
    ],
)
def test_a_record_that_says_something_else_is_not_believed(
    image: ImageReference, target: Path, forged: dict[str, object]
) -> None:
    save_finding_report(report(image, UNREVIEWED), target, {})
    ds = pydicom.dcmread(target)
    element = ds.private_block(0x0071, "TOMOLENS")[OWN_REPORT]
    record = json.loads(element.value)
    record["entries"][0]["finding"] |= forged
    element.value = json.dumps(record)
    ds.save_as(target)
    found = read_report(target, [image])
    assert CHANGED in found.notes
    said = found.entries[0].finding
    assert said is not None
    assert said.probability is not None
    assert (said.state, said.probability.value, said.measurements) == ("unreviewed", 0.25, ())


def test_a_record_under_another_uid_is_not_believed(image: ImageReference, target: Path) -> None:
    save_finding_report(report(image, WITH_BOX), target, {})
    ds = pydicom.dcmread(target)
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4.5"
    ds.save_as(target)
    assert read_report(target, [image]).entries != listed(WITH_BOX)


def test_pictures_without_a_frame_of_reference_are_marked_in_their_pixels(tmp_path: Path, target: Path) -> None:
    grid = replace(Grid.of((1, 7, 9), (1, 0.7, 0.8), (0, 0, 0)), frame_of_reference="")
    (path,) = [Path(one) for one in image_of(tmp_path / "x", FrameOfReferenceUID=None).source.files[:1]]
    image = ImageReference(grid, source_of([path]))
    x, y, z = grid.to_world((0, 4, 6)).tolist()
    save_finding_report(report(image, replace(BY_HAND, point=(x, y, z), box=None)), target, {})
    (group,) = hd.sr.srread(target).content.get_planar_roi_measurement_groups()
    assert group.roi.value.tolist() == [[6.5, 4.5]]
    said = read_report(without_record(target), [image]).entries[0].finding
    assert said is not None
    assert far_apart(said.point or (), (x, y, z)) < 1e-4


def test_images_that_are_no_dicom_or_gone_are_refused(image: ImageReference, target: Path) -> None:
    with pytest.raises(SaveError, match="no DICOM image"):
        save_finding_report(report(ImageReference(GRID, Source(patient_id="P"))), target, {})
    for path in image.source.files:
        Path(path).unlink()
    with pytest.raises(SaveError, match="not where they were"):
        save_finding_report(report(image), target, {})
    assert not target.exists()


def test_a_file_that_is_there_is_replaced_only_when_asked(image: ImageReference, target: Path) -> None:
    target.write_text("mine")
    with pytest.raises(SaveError, match="already there"):
        save_finding_report(report(image), target, {})
    assert target.read_text() == "mine"
    save_finding_report(report(image), target, {}, overwrite=True)
    assert len(read_report(target, [image]).entries) == 4


def test_more_findings_than_a_reader_can_read_and_none_are_refused(image: ImageReference, target: Path) -> None:
    many = FindingReport(image, "Lung", listed(*[WHOLE] * (MOST_FINDINGS + 1)))
    with pytest.raises(SaveError, match="2,000"):
        save_finding_report(many, target, {})
    refused = FindingReport(image, "Lung", (FindingEntry("image", refusal=REFUSAL, title="Model"),))
    with pytest.raises(SaveError, match="no finding"):
        save_finding_report(refused, target, {})


def test_key_images_are_the_slices_at_the_findings(image: ImageReference, tmp_path: Path) -> None:
    same = replace(WITH_BOX, tracking_id="again")
    told = report(image, WITH_BOX, same, BY_HAND, WHOLE, UNREVIEWED, language="zh")
    frames = save_key_objects(told, tmp_path / "keys.dcm")
    uids = image.source.sop_instance_uids
    assert frames == ((uids[3], 0), (uids[5], 0), (uids[0], 0))
    ko = hd.ko.KeyObjectSelectionDocument.from_dataset(pydicom.dcmread(tmp_path / "keys.dcm"))
    assert [one.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for one in ko.content.get_references()] == [
        uid for uid, _ in frames
    ]
    assert "未经审核的AI结果" in (tmp_path / "keys.dcm").read_bytes().decode(errors="replace")
    assert save_key_objects(report(image, WHOLE), tmp_path / "none.dcm") == ()
    assert not (tmp_path / "none.dcm").exists()


def test_frames_of_a_multi_frame_file_are_named_by_their_number(tmp_path: Path, target: Path) -> None:
    from tests.fixtures.dicom_phantom import ramp, write_enhanced

    path = write_enhanced(tmp_path / "mr.dcm", ramp((1, *SHAPE)), GRID)
    image = ImageReference(GRID, source_of([path]))
    save_finding_report(report(image, BY_HAND), target, {})
    frames = save_key_objects(report(image, BY_HAND, WITH_BOX), tmp_path / "keys.dcm")
    assert [number for _, number in frames] == [1, 3]  # its frames are in reversed order
    assert read_report(target, [image]).image == 0
