"""Study: when two images may be shown over each other, and what names and weighs an image."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.data.grid import Grid
from viewer.data.study import Image, PatientMatch, Source

texts = st.sampled_from(["", "A", "B"])
sources = st.builds(Source, patient_id=texts, patient_name=texts)


@pytest.mark.parametrize(
    ("one", "other", "match"),
    [
        (("1", "Doe^Jane"), ("1", "Doe^Jane"), "same"),
        (("1", "Doe^Jane"), ("2", "Doe^Jane"), "different"),
        (("1", "Doe^Jane"), ("1", "DOE^JANE"), "same"),  # one person, written in two ways
        (("1", "Doe^Jane"), ("1", "Roe^Ann"), "different"),  # an id such as "1" belongs to many
        (("1", "Doe^Jane", "19700101"), ("1", "Doe^Jane", "19800101"), "different"),
        (("", "", "19700101"), ("", "", "19800101"), "different"),
        (("1", "Doe^Jane"), ("", "Doe^Jane"), "same"),
        (("1", "Doe^Jane"), ("", "Roe^Ann"), "different"),
        (("", "Doe^Jane"), ("", "Doe^John"), "different"),
        (("1", "Doe^Jane"), ("", ""), "not known"),
        (("1", ""), ("", "Doe^Jane"), "not known"),
        (("", ""), ("", ""), "not known"),
        (("", "", "19700101"), ("", "", "19700101"), "not known"),  # many were born on that day
    ],
)
def test_images_of_two_people_are_told_apart(one: tuple[str, ...], other: tuple[str, ...], match: PatientMatch) -> None:
    assert Source(*one).patient_match(Source(*other)) == match


def test_one_study_and_one_file_are_of_one_person() -> None:
    """Anonymised: nobody is named."""
    flair, t1 = Source(study_uid="1.2", series_uid="1.2.1"), Source(study_uid="1.2", series_uid="1.2.2")
    assert flair.patient_match(t1) == "same"
    assert replace(flair, patient_id="A").patient_match(replace(t1, patient_id="B")) == "different"
    nifti = Source(series_description="a.nii", files=("a.nii",))
    assert nifti.patient_match(replace(nifti, series_description="a result of it")) == "same"
    assert nifti.patient_match(replace(nifti, files=("b.nii",))) == "not known"


@given(sources, sources)
def test_it_does_not_matter_who_is_asked(one: Source, other: Source) -> None:
    assert one.patient_match(one) != "different"
    assert one.patient_match(other) == other.patient_match(one)


def test_an_image_is_named_by_its_series_or_its_file() -> None:
    grid = Grid.of((3, 4, 5))
    dicom = Image(Source(series_uid="1.2", files=("a.dcm",)), grid, "int16", "echo 2")
    assert dicom.key == "1.2|echo 2"
    assert Image(Source(files=("b.nii",)), grid, "int16").key == "b.nii|"


def test_an_image_knows_what_its_pixels_weigh() -> None:
    image = Image(Source(files=("a",)), Grid.of((3, 4, 5)), "<u2", timepoints=7, components=3)
    assert image.bytes == 3 * 4 * 5 * 7 * 3 * 2
