"""Segmentations and structure sets that are met among the files of a study."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from tests.fixtures.dicom_phantom import ramp, write_series
from viewer.cli.commands.info import info
from viewer.cli.headless_session import HeadlessStage, finish
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.study import Source
from viewer.io.segmentations.dicom_seg.write import write_seg
from viewer.io.segmentations.dicom_summary import label_file
from viewer.io.segmentations.rtstruct.write import write_rtstruct
from viewer.io.segmentations.seg_nrrd import write_seg_nrrd
from viewer.scene.task import Message

SHAPE = (4, 12, 14)
GRID = Grid.of(SHAPE, (2.5, 0.7, 0.8), (-12.5, 30, 7), frame_of_reference="1.2.3.3")
OWN = Source(patient_id="P-77", patient_name="Müller^Zoë", study_uid="1.2.3.1", series_uid="1.2.3.2", dicom=True)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A series, and its labels in both forms."""
    files = write_series(tmp_path / "study" / "ct", ramp(SHAPE), GRID)
    array = np.zeros(SHAPE, np.uint8)
    array[1:3, 2:8, 3:9] = 1
    about = tuple(pydicom.dcmread(path).SOPInstanceUID for path in files)
    source = replace(OWN, files=tuple(map(str, files)), sop_instance_uids=about)
    made = Segmentation(array, GRID, (Segment(1, "Bladder"), Segment(2, "PTV")), "organs", source)
    write_seg(made, tmp_path / "study" / "seg.dcm")
    write_rtstruct(made, tmp_path / "study" / "contours.dcm")
    write_seg_nrrd(made, tmp_path / "study" / "organs.seg.nrrd")
    return tmp_path / "study"


def opened(stage: HeadlessStage, path: Path) -> None:
    finish(stage, stage.session.studies.open([path]))
    stage.until(lambda: not any(task.running for task in stage.session.tasks))


@pytest.mark.parametrize("name", ["seg.dcm", "contours.dcm"])
def test_a_header_tells_whose_it_is_and_of_which_images(study: Path, name: str) -> None:
    found = label_file(str(study / name))
    assert found.referenced_series_uid == "1.2.3.2"
    assert found.frame_of_reference == "1.2.3.3"
    assert found.count == 2
    assert found.source.patient_id == "P-77"
    assert found.source.series_uid not in ("", "1.2.3.2")


@pytest.mark.parametrize("archived", [False, True])
def test_they_are_listed_with_the_study_and_come_over_their_images(study: Path, archived: bool) -> None:
    if archived:
        study = Path(shutil.make_archive(str(study), "zip", study))
    with HeadlessStage() as stage:
        session = stage.session
        opened(stage, study)
        assert len(session.studies.images) == 1
        assert not session.studies.refused
        assert not session.document.segmentation_layers  # nobody asked for them
        assert sorted(one.source.modality for one in session.studies.label_files.values()) == ["RTSTRUCT", "SEG", "SEG"]
        for labels in session.studies.label_files.values():
            session.studies.open_labels(labels)
            stage.until(lambda: not any(task.running for task in session.tasks))
        (image,) = session.document.volume_layers
        assert [layer.made_from for layer in session.document.segmentation_layers] == [image.id] * 3
        assert [int(layer.segmentation.array.sum()) for layer in session.document.segmentation_layers] == [72] * 3


@pytest.mark.parametrize("name", ["seg.dcm", "contours.dcm"])
def test_one_that_is_dropped_without_its_images_says_so(study: Path, name: str) -> None:
    shutil.rmtree(study / "ct")
    with HeadlessStage() as stage:
        said: list[Message] = []
        stage.session.messages.added.connect(said.append)
        opened(stage, study / name)
        (layer,) = stage.session.document.segmentation_layers
        assert layer.made_from == ""
        assert [message.text for message in said] == [
            f"{name}: the images that it refers to are not shown: its own geometry places it."
        ]


def test_another_patient_of_the_same_frame_is_not_taken(study: Path) -> None:
    with HeadlessStage() as stage:
        opened(stage, study)
        seg = stage.session.studies.label_files[str(study / "seg.dcm")]
        assert stage.session.studies._about(replace(seg, referenced_series_uid="9.9")) is not None
        other = replace(seg, referenced_series_uid="9.9", source=replace(seg.source, patient_id="P-78"))
        assert stage.session.studies._about(other) is None


def test_info_lists_them(study: Path) -> None:
    document = info([str(study)])
    assert [patient["id"] for patient in document["patients"]] == ["P-77"]
    assert not document["refused"]
    found = {Path(one["path"]).name: one for one in document["label_files"]}
    assert {name: one["segments"] for name, one in found.items()} == dict.fromkeys(
        ("seg.dcm", "contours.dcm", "organs.seg.nrrd"), 2
    )
    assert found["seg.dcm"]["about"] == "1.2.3.2"
    assert found["contours.dcm"]["modality"] == "RTSTRUCT"


@pytest.mark.parametrize("name", ["seg.dcm", "organs.seg.nrrd"])
def test_info_of_one_alone(study: Path, name: str) -> None:
    document = info([str(study / name)])
    assert not document["patients"]
    assert [Path(one["path"]).name for one in document["label_files"]] == [name]


def test_a_damaged_one_is_refused_by_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.seg.nrrd").write_bytes(b"NRRD0004\nsizes: 4 4\n\n")
    with HeadlessStage() as stage:
        opened(stage, tmp_path)
        (refused,) = stage.session.studies.refused
        assert refused.reason.count(".") == 1
        assert not stage.session.studies.label_files


def test_what_is_drawn_on_a_time_point_refers_to_its_slices_and_comes_back_on_it(tmp_path: Path) -> None:
    times = [
        write_series(tmp_path / "ct", ramp(SHAPE), GRID, prefix=f"t{t}-", AcquisitionTime=f"1015{10 * t:02}")
        for t in range(3)
    ]
    with HeadlessStage() as stage:
        session = stage.session
        opened(stage, tmp_path / "ct")
        ((image,),) = session.studies.images.values()
        finish(stage, session.studies.load(image))
        session.state.timepoint = 1
        layer = session.segments.new_layer(session.document.base)
        segment = session.segments.add(layer)
        box = (slice(1, 3), slice(2, 5), slice(3, 6))
        session.segments.apply_mask(layer, segment.key, np.ones((2, 3, 3), bool), box, "Dab")
        finish(stage, session.segment_files.save(layer, tmp_path / "drawn.dcm"))
        written = pydicom.dcmread(tmp_path / "drawn.dcm")
        uids = [pydicom.dcmread(path).SOPInstanceUID for path in times[1]]
        (series,) = written.ReferencedSeriesSequence
        assert [one.ReferencedSOPInstanceUID for one in series.ReferencedInstanceSequence] == uids
        assert {one.ReferencedSOPClassUID for one in series.ReferencedInstanceSequence} == {pydicom.uid.CTImageStorage}
        frames = written.PerFrameFunctionalGroupsSequence
        sources = [one.DerivationImageSequence[0].SourceImageSequence[0] for one in frames]
        assert [one.ReferencedSOPInstanceUID for one in sources] == uids[1:3]
        finish(stage, session.segment_files.open(tmp_path / "drawn.dcm"))
        stage.until(lambda: len(session.document.segmentation_layers) == 2)
        again = session.document.segmentation_layers[1]
        assert again.drawn_at == 1
        assert np.array_equal(again.segmentation.array, layer.segmentation.array)
