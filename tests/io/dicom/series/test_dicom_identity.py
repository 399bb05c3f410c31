"""A stack never takes a slice of another person or study, and spoilt identifiers do not tear a series apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import generate_uid

from tests.fixtures.dicom_indexed import SHAPE, STRAIGHT, images_of, only, stored
from tests.fixtures.dicom_phantom import ramp, write_series
from viewer.cli.headless_session import HeadlessStage, open_all
from viewer.data.study import Image
from viewer.io.dicom.attributes.values import Values
from viewer.io.dicom.headers.header import Header
from viewer.io.dicom.headers.pixel_format import Pixels
from viewer.io.dicom.series.identity import split_by_identity
from viewer.io.reader.reader import Reader, index_now

PIXELS = Pixels(8, 8, 1, 1, "<i2", "int16", 16, 15, "MONOCHROME2", False, 128)


def codes(image: Image) -> set[str]:
    return {notice.code for notice in image.notices}


@pytest.mark.parametrize(
    "other",
    [
        {"PatientID": "P-78"},
        {"PatientName": "Meier^Eva"},
        {"PatientBirthDate": "19800102"},
        {"PatientSex": "M"},
        {"IssuerOfPatientID": "another hospital"},
    ],
)
def test_a_series_uid_of_two_patients_gives_an_image_of_each_and_says_so(tmp_path: Path, other: dict[str, Any]) -> None:
    array = ramp((2, *SHAPE))
    both = {"IssuerOfPatientID": "this hospital"}
    paths = write_series(tmp_path / "a", array[0], STRAIGHT, **both)
    paths += write_series(tmp_path / "b", array[1], STRAIGHT, **{**both, **other}, slices=range(3, 7))
    images = sorted(images_of(paths), key=lambda image: -image.grid.shape[0])
    assert [image.grid.shape[0] for image in images] == [7, 4]
    assert (stored(images[0])[0] == array[0]).all()
    assert (stored(images[1])[0] == array[1, 3:]).all()
    assert all("several-patients" in codes(image) for image in images)
    assert all(image.badges == ("one of 2 patients",) for image in images)
    assert images[0].key != images[1].key


def test_a_series_uid_of_two_studies_gives_an_image_of_each(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "a", ramp(SHAPE), STRAIGHT)
    paths += write_series(tmp_path / "b", ramp(SHAPE), STRAIGHT, StudyInstanceUID="1.2.3.99")
    images = images_of(paths)
    assert {image.source.study_uid for image in images} == {"1.2.3.1", "1.2.3.99"}
    assert all("several-studies" in codes(image) for image in images)


def test_what_a_slice_does_not_tell_contradicts_nothing(tmp_path: Path) -> None:
    image = only(write_series(tmp_path, ramp(SHAPE), STRAIGHT, PatientSex=lambda k: "F" if k % 2 else ""))
    assert image.grid.shape == SHAPE
    assert not image.notices


names = st.sampled_from(["", "A^A", "a^a^", "B^B"])


@given(told=st.lists(st.tuples(st.sampled_from(["", "1", "2"]), names, st.sampled_from(["", "F", "M"])), min_size=1))
def test_no_two_headers_of_one_image_contradict_each_other(told: list[tuple[str, str, str]]) -> None:
    headers = [
        Header(str(n), 0, 0.0, Values(raw={0x00100020: i.encode(), 0x00100010: a.encode(), 0x00100040: s.encode()}),
               "", 0, PIXELS)
        for n, (i, a, s) in enumerate(told)
    ]  # fmt: skip
    parts, _ = split_by_identity(headers)
    assert sorted(header.path for part in parts for header in part) == sorted(header.path for header in headers)
    for part in parts:
        members = [told[int(header.path)] for header in part]
        for read in (lambda m: m[0], lambda m: m[1].rstrip("^").lower(), lambda m: m[2]):
            assert len({read(member) for member in members} - {""}) <= 1


@pytest.mark.parametrize("uid", [None, "", lambda k: generate_uid()])
def test_a_series_whose_uid_is_empty_or_another_one_in_every_slice_is_one_image(
    reader: Reader, tmp_path: Path, uid: Any
) -> None:
    attributes = {"SeriesInstanceUID": uid} if uid is not None else {}
    write_series(tmp_path, ramp(SHAPE), STRAIGHT, **attributes)
    (image,), _ = index_now([tmp_path], reader)
    assert image.grid.shape == SHAPE
    expected = set() if uid is None else {"no-series-uid"} if uid == "" else {"series-uid-per-slice"}
    assert codes(image) == expected


def test_single_slices_that_make_no_stack_stay_apart(reader: Reader, tmp_path: Path) -> None:
    places = (0, 0, 7.3)
    write_series(
        tmp_path, ramp(SHAPE), STRAIGHT, slices=range(3), SeriesInstanceUID=lambda k: f"1.2.{k}",
        move=lambda k: (0, 0, places[k]),
    )  # fmt: skip
    images, _ = index_now([tmp_path], reader)
    assert sorted(image.grid.shape[0] for image in images) == [1, 1, 1]


def test_each_patient_of_one_series_is_told_under_a_key_of_its_own(tmp_path: Path) -> None:
    write_series(tmp_path / "a", ramp(SHAPE), STRAIGHT)
    write_series(tmp_path / "b", ramp(SHAPE), STRAIGHT, PatientID="P-78", PatientName="Meier^Eva")
    with HeadlessStage() as stage:
        open_all(stage, [tmp_path])
        owners = [
            {image.source.patient_id for image in images} for images in stage.session.studies.images.values() if images
        ]
    assert sorted(owners, key=str) == [{"P-77"}, {"P-78"}]


@pytest.mark.parametrize("frames", [lambda k: f"1.2.{k}", lambda k: f"1.2.{k % 2}", lambda k: f"1.2.{k == 3}"])
def test_frames_of_reference_without_a_stack_of_their_own_part_nothing(tmp_path: Path, frames: Any) -> None:
    array = ramp(SHAPE)
    image = only(write_series(tmp_path, array, STRAIGHT, FrameOfReferenceUID=frames))
    assert (stored(image)[0] == array).all()
    assert codes(image) == {"several-frames-of-reference"}
    assert image.grid.frame_of_reference == ""


def test_frames_of_reference_with_stacks_of_their_own_are_images_of_their_own(tmp_path: Path) -> None:
    images = images_of(write_series(tmp_path, ramp(SHAPE), STRAIGHT, FrameOfReferenceUID=lambda k: f"1.2.{k > 3}"))
    assert sorted(image.grid.shape[0] for image in images) == [3, 4]
    assert {image.grid.frame_of_reference for image in images} == {"1.2.True", "1.2.False"}


def test_image_types_that_alternate_are_one_stack_and_those_that_mean_something_are_not(tmp_path: Path) -> None:
    array = ramp(SHAPE)
    kinds = (["ORIGINAL", "PRIMARY", "M", "ND"], ["ORIGINAL", "PRIMARY", "M", "NORM"])
    image = only(write_series(tmp_path / "a", array, STRAIGHT, Modality="MR", ImageType=lambda k: kinds[k % 2]))
    assert (stored(image)[0] == array).all()
    assert codes(image) == {"several-image-types"}
    phase = (["ORIGINAL", "PRIMARY", "M"], ["ORIGINAL", "PRIMARY", "P"])
    images = images_of(write_series(tmp_path / "b", array, STRAIGHT, Modality="MR", ImageType=lambda k: phase[k % 2]))
    assert sorted(image.grid.shape[0] for image in images) == [3, 4]
