"""Siemens' mosaics: every slice in its place, whatever the direction, and a word where that cannot be known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, MRImageStorage, RLELossless
from scipy.spatial.transform import Rotation

from tests.fixtures.csa_header import csa_header
from tests.fixtures.dicom_indexed import loaded, one_sentence, only
from tests.fixtures.dicom_phantom import dataset, ramp, write
from viewer.data.grid import Grid
from viewer.io.reader import index_now, load_now
from viewer.io.save import save

COUNT, ROWS, COLUMNS = 7, 6, 5  # slices on a grid of 3 × 3 tiles
AXES = Rotation.from_euler("xyz", (10, 20, 30), degrees=True).as_matrix()
GRID = Grid.of((COUNT, ROWS, COLUMNS), (3.5, 0.7, 0.8), (-20, 31, 12), AXES, "1.2.3.3")


def picture(array: NDArray[Any]) -> NDArray[Any]:
    """Slices [k, j, i] side by side, the last places black."""
    side = int(np.ceil(np.sqrt(len(array))))
    rows, columns = array.shape[1:]
    out = np.zeros((side * rows, side * columns), array.dtype)
    for k, plane in enumerate(array):
        j, i = k // side * rows, k % side * columns
        out[j : j + rows, i : i + columns] = plane
    return out


def mosaic(
    path: Path,
    array: NDArray[Any],
    grid: Grid = GRID,
    *,
    down: bool = False,
    csa: bool = True,
    header: bool = False,
    syntax: Any = ExplicitVRLittleEndian,
    **attributes: Any,
) -> Path:
    """A mosaic of a grid's slices. down: from the last slice on. csa, header: which of the private headers it has."""
    first = grid.to_world((len(array) - 1 if down else 0, 0, 0))
    stored = picture(array[::-1] if down else array)
    grow = (np.array(stored.shape) - array.shape[1:]) / 2 * grid.spacing[1:]
    corner = first - grow[1] * grid.direction[:, 0] - grow[0] * grid.direction[:, 1]
    facts: dict[str, Any] = {
        "Modality": "MR",
        "SOPClassUID": MRImageStorage,
        "Manufacturer": "SIEMENS",
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"],
        "ImageOrientationPatient": [float(x) for x in grid.direction[:, :2].T.ravel()],
        "ImagePositionPatient": [float(x) for x in corner],
        "PixelSpacing": [float(x) for x in grid.spacing[1:]],
        "SpacingBetweenSlices": float(grid.spacing[0]),
        "SliceThickness": 3,
        **attributes,
    }
    facts = {name: value for name, value in facts.items() if value is not None}
    ds = dataset(stored, **facts)
    normal = grid.direction[:, 2] * (-1 if down else 1)
    if csa:
        tags = {"NumberOfImagesInMosaic": [str(len(array))], "SliceNormalVector": [f"{x:.8f}" for x in normal]}
        ds.add_new((0x0029, 0x0010), "LO", "SIEMENS CSA HEADER")
        ds.add_new((0x0029, 0x1010), "OB", csa_header(tags))
    if header:
        ds.add_new((0x0019, 0x0010), "LO", "SIEMENS MR HEADER")
        ds.add_new((0x0019, 0x100A), "US", len(array))
    return write(path, ds, stored, syntax)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("down", [False, True])
def test_every_slice_is_in_its_place(tmp_path: Path, down: bool, syntax: Any) -> None:
    array = ramp(GRID.shape)
    image = only([mosaic(tmp_path / "m.dcm", array, down=down, syntax=syntax)])
    assert image.grid.matches(GRID)
    assert (image.badges, image.warnings, image.timepoints) == ((), (), 1)
    np.testing.assert_array_equal(loaded(image)[0], array)


def test_mosaics_are_time_points(tmp_path: Path) -> None:
    arrays = [ramp(GRID.shape) + np.int16(1000 * t) for t in range(3)]
    times = [{"AcquisitionTime": f"1000{10 * t:02d}.0", "InstanceNumber": t + 1} for t in range(3)]
    image = only([mosaic(tmp_path / f"{2 - t}.dcm", array, **times[t]) for t, array in enumerate(arrays)])
    assert (image.timepoints, image.plan.times) == (3, ("0 s", "10 s", "20 s"))
    np.testing.assert_array_equal(loaded(image), arrays)


def test_compressed_mosaics_are_cut_alike(tmp_path: Path) -> None:
    array = ramp(GRID.shape)
    ds = pydicom.dcmread(mosaic(tmp_path / "m.dcm", array))
    ds.compress(RLELossless)
    ds.save_as(tmp_path / "m.dcm")
    np.testing.assert_array_equal(loaded(only([tmp_path / "m.dcm"]))[0], array)


def test_bits_beyond_the_value_are_left_out_of_each_slice(tmp_path: Path) -> None:
    array = ramp(GRID.shape).astype(np.uint16) & 0xFFF
    mosaic(tmp_path / "m.dcm", array | 0x3000, BitsStored=12, HighBit=11, PixelRepresentation=0)
    np.testing.assert_array_equal(loaded(only([tmp_path / "m.dcm"]))[0], array)


def test_without_the_csa_header_the_order_is_said_to_be_assumed(tmp_path: Path) -> None:
    image = only([mosaic(tmp_path / "m.dcm", ramp(GRID.shape), csa=False, header=True)])
    assert image.grid.matches(GRID)
    assert [notice.code for notice in image.notices] == ["mosaic-order"]


def test_a_distance_that_is_not_told_is_said_to_be_assumed(tmp_path: Path) -> None:
    image = only([mosaic(tmp_path / "m.dcm", ramp(GRID.shape), SpacingBetweenSlices=None)])
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
    image = only([mosaic(tmp_path / "m.dcm", ramp(GRID.shape), **change)])
    assert image.grid.shape[0] == 1
    (notice,) = [notice for notice in image.notices if notice.code == "mosaic"]
    assert why in notice.sentence
    assert one_sentence(notice.sentence)


def test_what_is_derived_from_a_mosaic_is_a_plain_series(tmp_path: Path) -> None:
    mosaic(tmp_path / "in/m.dcm", ramp(GRID.shape))
    (image,), _ = index_now([str(tmp_path / "in")])
    save(load_now(image), tmp_path / "out", "dicom")
    (again,), _ = index_now([str(tmp_path / "out")])
    assert again.grid.matches(GRID)
    assert "MOSAIC" not in pydicom.dcmread(next((tmp_path / "out").iterdir())).ImageType


@given(
    st.integers(1, 40),
    st.tuples(st.integers(2, 6), st.integers(2, 6)),
    st.lists(st.floats(-180, 180), min_size=3, max_size=3),
    st.booleans(),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_number_size_and_direction(
    tmp_path: Path, count: int, size: tuple[int, int], angles: list[float], down: bool
) -> None:
    axes = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    grid = Grid.of((count, *size), (2.5, 0.7, 0.8), (5, 6, 7), axes, "1.2.3.3")
    array = ramp(grid.shape)
    image = only([mosaic(tmp_path / "m.dcm", array, grid, down=down)])
    np.testing.assert_array_equal(loaded(image)[0], array)
    np.testing.assert_allclose(image.grid.origin, grid.origin, atol=1e-3)
    assert image.grid.spacing[0] == pytest.approx(3 if count == 1 else 2.5)
