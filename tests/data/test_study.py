"""Study: when two images may be shown over each other, and what names and weighs an image."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.data.grid import Grid
from viewer.data.study import Image, Source

texts = st.sampled_from(["", "A", "B"])
sources = st.builds(Source, patient_id=texts, patient_name=texts)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("1", "Doe^Jane"), ("1", "Doe^Jane"), True),
        (("1", "Doe^Jane"), ("2", "Doe^Jane"), False),
        (("1", "Doe^Jane"), ("1", "DOE^JANE"), True),  # one person, written in two ways
        (("1", "Doe^Jane"), ("1", "Roe^Ann"), False),  # an id such as "1" belongs to many
        (("1", "Doe^Jane", "19700101"), ("1", "Doe^Jane", "19800101"), False),
        (("1", "Doe^Jane"), ("", "Doe^Jane"), True),
        (("1", "Doe^Jane"), ("", "Roe^Ann"), False),
        (("1", "Doe^Jane"), ("", ""), False),
        (("", ""), ("", ""), True),
    ],
)
def test_images_of_two_people_are_told_apart(one: tuple[str, ...], other: tuple[str, ...], same: bool) -> None:
    assert Source(*one).same_patient(Source(*other)) is same


@given(sources, sources)
def test_it_does_not_matter_who_is_asked(one: Source, other: Source) -> None:
    assert one.same_patient(one)
    assert one.same_patient(other) == other.same_patient(one)


def test_an_image_is_named_by_its_series_or_its_file() -> None:
    grid = Grid.of((3, 4, 5))
    dicom = Image(Source(series_uid="1.2", files=("a.dcm",)), grid, "int16", "echo 2")
    assert dicom.key == "1.2|echo 2"
    assert Image(Source(files=("b.nii",)), grid, "int16").key == "b.nii|"


def test_an_image_knows_what_its_pixels_weigh() -> None:
    image = Image(Source(files=("a",)), Grid.of((3, 4, 5)), "<u2", timepoints=7, components=3)
    assert image.bytes == 3 * 4 * 5 * 7 * 3 * 2
