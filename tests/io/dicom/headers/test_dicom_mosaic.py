"""Mosaics: every slice in its place, whatever the direction, and a word where that cannot be known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless
from scipy.spatial.transform import Rotation

from tests.fixtures.dicom_indexed import loaded, one_sentence, only
from tests.fixtures.dicom_mosaics import siemens_mosaic, uih_mosaic
from tests.fixtures.dicom_phantom import dataset, ramp, write
from viewer.data.grid import Grid
from viewer.io.images.save import save_image
from viewer.io.reader.reader import index_now, load_now

COUNT, ROWS, COLUMNS = 7, 6, 5  # slices on a grid of 3 × 3 tiles
AXES = Rotation.from_euler("xyz", (10, 20, 30), degrees=True).as_matrix()
GRID = Grid.of((COUNT, ROWS, COLUMNS), (3.5, 0.7, 0.8), (-20, 31, 12), AXES, "1.2.3.3")


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("down", [False, True])
def test_every_slice_is_in_its_place(tmp_path: Path, down: bool, syntax: Any) -> None:
    array = ramp(GRID.shape)
    image = only([siemens_mosaic(tmp_path / "m.dcm", array, GRID, down=down, syntax=syntax)])
    assert image.grid.matches(GRID)
    assert (image.badges, image.warnings, image.timepoints) == ((), (), 1)
    np.testing.assert_array_equal(loaded(image)[0], array)


def test_mosaics_are_time_points(tmp_path: Path) -> None:
    arrays = [ramp(GRID.shape) + np.int16(1000 * t) for t in range(3)]
    times = [{"AcquisitionTime": f"1000{10 * t:02d}.0", "InstanceNumber": t + 1} for t in range(3)]
    image = only([siemens_mosaic(tmp_path / f"{2 - t}.dcm", array, GRID, **times[t]) for t, array in enumerate(arrays)])
    assert (image.timepoints, image.plan.times) == (3, ("0 s", "10 s", "20 s"))
    np.testing.assert_array_equal(loaded(image), arrays)


def test_mosaics_of_equal_headers_are_not_taken_for_copies(tmp_path: Path) -> None:
    arrays = [ramp(GRID.shape) + np.int16(1000 * t) for t in (0, 1, 1)]
    paths = [siemens_mosaic(tmp_path / f"{t}.dcm", array, GRID, InstanceNumber=t) for t, array in enumerate(arrays)]
    image = only(paths)
    assert {"duplicates", "told-apart-by-number"} <= {notice.code for notice in image.notices}
    np.testing.assert_array_equal(loaded(image), arrays[:2])


def test_compressed_mosaics_are_cut_alike(tmp_path: Path) -> None:
    array = ramp(GRID.shape)
    ds = pydicom.dcmread(siemens_mosaic(tmp_path / "m.dcm", array, GRID))
    ds.compress(RLELossless)
    ds.save_as(tmp_path / "m.dcm")
    np.testing.assert_array_equal(loaded(only([tmp_path / "m.dcm"]))[0], array)


def test_bits_beyond_the_value_are_left_out_of_each_slice(tmp_path: Path) -> None:
    array = ramp(GRID.shape).astype(np.uint16) & 0xFFF
    siemens_mosaic(tmp_path / "m.dcm", array | 0x3000, GRID, BitsStored=12, HighBit=11, PixelRepresentation=0)
    np.testing.assert_array_equal(loaded(only([tmp_path / "m.dcm"]))[0], array)


def test_without_the_csa_header_the_order_is_said_to_be_assumed(tmp_path: Path) -> None:
    image = only([siemens_mosaic(tmp_path / "m.dcm", ramp(GRID.shape), GRID, csa=False, header=True)])
    assert image.grid.matches(GRID)
    assert [notice.code for notice in image.notices] == ["mosaic-order"]


def test_a_distance_that_is_not_told_is_said_to_be_assumed(tmp_path: Path) -> None:
    image = only([siemens_mosaic(tmp_path / "m.dcm", ramp(GRID.shape), GRID, SpacingBetweenSlices=None)])
    assert image.grid.spacing[0] == pytest.approx(3)
    assert [notice.code for notice in image.notices] == ["spacing-from-thickness"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"csa": False}, "does not say how many"),
        ({"Rows": 17}, "do not fit a picture of 15 × 17"),
        ({"SpacingBetweenSlices": None, "SliceThickness": None}, "does not say how far apart"),
    ],
)
def test_a_mosaic_that_cannot_be_cut_stays_a_picture_and_says_why(
    tmp_path: Path, change: dict[str, Any], why: str
) -> None:
    image = only([siemens_mosaic(tmp_path / "m.dcm", ramp(GRID.shape), GRID, **change)])
    assert image.grid.shape[0] == 1
    (notice,) = [notice for notice in image.notices if notice.code == "mosaic"]
    assert why in notice.sentence
    assert one_sentence(notice.sentence)


@pytest.mark.parametrize("block", [0x10, 0x42])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("down", [False, True])
def test_united_imaging_tells_the_place_of_every_slice(tmp_path: Path, down: bool, syntax: Any, block: int) -> None:
    array = ramp(GRID.shape)
    image = only([uih_mosaic(tmp_path / "m.dcm", array, GRID, down=down, syntax=syntax, block=block)])
    np.testing.assert_allclose(image.grid.affine, GRID.affine, atol=1e-5)
    assert (image.badges, image.warnings, image.timepoints) == ((), (), 1)
    np.testing.assert_array_equal(loaded(image)[0], array)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda ds: ds[0x0065, 0x1051].value.pop(), "does not say where"),
        (lambda ds: ds[0x0065, 0x1051].value[2].clear(), "does not say where"),
        (lambda ds: ds.pop((0x0065, 0x1050)), "does not say how many"),
        (lambda ds: ds.add_new((0x0065, 0x0010), "LO", "SOMEBODY ELSE"), "does not say how many"),
        (lambda ds: ds.add_new((0x0065, 0x1050), "DS", "16"), "do not fit a picture of 15 × 18"),
    ],
)
def test_a_mosaic_of_united_imaging_that_cannot_be_placed_says_so(tmp_path: Path, change: Any, why: str) -> None:
    path = uih_mosaic(tmp_path / "m.dcm", ramp(GRID.shape), GRID)
    ds = pydicom.dcmread(path)
    change(ds)
    ds.save_as(path)
    image = only([path])
    assert (image.grid.shape[0], image.grid.placed) == (1, False)
    (notice,) = [notice for notice in image.notices if notice.code == "mosaic"]
    assert why in notice.sentence
    assert one_sentence(notice.sentence)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_the_same_element_of_another_creator_is_no_sequence(tmp_path: Path, syntax: Any) -> None:
    ds = dataset(ramp((6, 5)))
    ds.add_new((0x0065, 0x0010), "LO", "SOMEBODY ELSE")
    ds.add_new((0x0065, 0x1051), "LO", "a text that is no sequence")
    assert only([write(tmp_path / "m.dcm", ds, ramp((6, 5)), syntax)]).grid.shape == (1, 6, 5)


@pytest.mark.parametrize("write_mosaic", [siemens_mosaic, uih_mosaic])
def test_what_is_derived_from_a_mosaic_is_a_plain_series_and_not_resampled(tmp_path: Path, write_mosaic: Any) -> None:
    for t in range(GRID.shape[0]):  # as many files as slices: none of them is one slice
        write_mosaic(tmp_path / f"in/{t}.dcm", ramp(GRID.shape) + np.int16(t), GRID, AcquisitionTime=f"1000{t:02d}")
    (image,), _ = index_now([str(tmp_path / "in")])
    save_image(load_now(image), tmp_path / "out", "dicom")
    (again,), _ = index_now([str(tmp_path / "out")])
    np.testing.assert_allclose(again.grid.affine, GRID.affine, atol=1e-5)
    for path in (tmp_path / "out").iterdir():
        ds = pydicom.dcmread(path)
        assert not {"MOSAIC", "VFRAME"} & set(ds.ImageType)
        assert "DerivationCodeSequence" not in ds
        assert len(ds.SourceImageSequence) == GRID.shape[0]


def test_what_is_resampled_from_a_mosaic_says_so(tmp_path: Path) -> None:
    siemens_mosaic(tmp_path / "in/m.dcm", ramp(GRID.shape), GRID)
    (image,), _ = index_now([str(tmp_path / "in")])
    (volume,) = load_now(image)
    coarse, moved = ((3.5, 1.4, 1.6), GRID.origin), (GRID.spacing, GRID.to_world((0, 0.4, 0)))
    for n, (spacing, origin) in enumerate((coarse, moved)):
        grid = Grid.of(GRID.shape, spacing, origin, AXES, "1.2.3.3")
        save_image([replace(volume, grid=grid)], tmp_path / f"out{n}", "dicom")
        (code,) = pydicom.dcmread(next((tmp_path / f"out{n}").iterdir())).DerivationCodeSequence
        assert code.CodeValue == "113085"


@given(
    st.integers(1, 40),
    st.tuples(st.integers(2, 6), st.integers(2, 6)),
    st.lists(st.floats(-180, 180), min_size=3, max_size=3),
    st.booleans(),
    st.sampled_from([siemens_mosaic, uih_mosaic]),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_number_size_and_direction(
    tmp_path: Path, count: int, size: tuple[int, int], angles: list[float], down: bool, write_mosaic: Any
) -> None:
    axes = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    grid = Grid.of((count, *size), (2.5, 0.7, 0.8), (5, 6, 7), axes, "1.2.3.3")
    array = ramp(grid.shape)
    image = only([write_mosaic(tmp_path / "m.dcm", array, grid, down=down)])
    np.testing.assert_array_equal(loaded(image)[0], array)
    np.testing.assert_allclose(image.grid.origin, grid.origin, atol=1e-3)
    assert image.grid.spacing[0] == pytest.approx(3 if count == 1 else 2.5)
