"""Series as scanners and archives deliver them become the right images; the shared data among them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from scipy.spatial.transform import Rotation

from tests.fixtures.dicom_indexed import SHAPE, STRAIGHT, images_of, index, only, stored
from tests.fixtures.dicom_phantom import dataset, ramp, write, write_series
from viewer.data.grid import Grid
from viewer.data.study import Image
from viewer.io.dicom.headers.scan import scan_file
from viewer.io.errors import ScanError


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_stored_values_and_rescale_are_kept_apart(tmp_path: Path, syntax: Any) -> None:
    array = ramp(SHAPE)
    image = only(write_series(tmp_path, array, STRAIGHT, syntax=syntax, RescaleSlope=2, RescaleIntercept=-1024))
    assert (stored(image)[0] == array).all()
    assert (image.dtype, image.unit, image.plan.slope, image.plan.intercept) == ("int16", "HU", 2, -1024)
    assert not image.plan.rescale
    assert image.grid.matches(STRAIGHT)
    assert image.grid.frame_of_reference == "1.2.3.3"
    assert image.source.patient_name == "Müller^Zoë"
    assert len(image.source.files) == len(image.source.sop_instance_uids) == 7


def test_slopes_that_differ_between_slices_are_applied_on_load(tmp_path: Path) -> None:
    paths = write_series(
        tmp_path,
        ramp(SHAPE),
        STRAIGHT,
        Modality="PT",
        Units="BQML",
        RescaleIntercept=0,
        RescaleSlope=lambda k: 1 + k / 4,
    )
    image = only(paths)
    assert (image.dtype, image.unit, image.plan.rescale, image.plan.slope) == ("float32", "Bq/ml", True, 1)
    assert image.plan.frames[0]["slope"] == pytest.approx(1 + np.arange(7) / 4)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(angle=st.floats(1, 30), turn=st.floats(-180, 180))
def test_gantry_tilt_is_measured_and_undone(
    tmp_path_factory: pytest.TempPathFactory, angle: float, turn: float
) -> None:
    """Stored pixel (j, i) of slice s lies at (j, i) + shifts[s] of the regular grid, to a hundredth of a voxel."""
    axes = Rotation.from_euler("zx", (turn, 20), degrees=True).as_matrix()
    grid = Grid.of(SHAPE, (2.5, 0.7, 0.8), (5, 6, 7), axes)
    step = grid.axes[:, 1] * 2.5 * np.tan(np.radians(angle))
    (image,) = images_of(write_series(tmp_path_factory.mktemp("t"), ramp(SHAPE), grid, move=lambda k: k * step))
    assert not image.regular
    assert image.badges == ("tilted",)
    told = re.search(r"tilted by ([\d.]+)°", image.warnings[0])
    assert told
    assert float(told[1]) == pytest.approx(angle, abs=0.06)
    assert image.grid.spacing[0] == pytest.approx(2.5)
    resampling = image.plan.resampling
    for k in range(7):
        stored_at = grid.to_world((k, 2, 3)) + k * step
        j, i = resampling.shifts[k] + (2, 3)
        regular = resampling.grid.to_world((resampling.positions[k] / resampling.grid.spacing[0], j, i))
        assert regular == pytest.approx(stored_at, abs=0.01)
        assert 0 <= resampling.shifts[k, 0] <= resampling.grid.shape[1] - 6


def test_duplicates_are_left_out_and_counted(tmp_path: Path) -> None:
    array = ramp(SHAPE)
    paths = write_series(tmp_path, array, STRAIGHT)
    copies = [tmp_path / f"copy{n}.dcm" for n in range(2)]
    for copy, path in zip(copies, paths, strict=False):
        copy.write_bytes(path.read_bytes())
    again = write_series(tmp_path, array, STRAIGHT, slices=[3], prefix="again")
    image = only([*paths, *copies, *again])
    assert image.grid.shape == SHAPE
    assert any(word.startswith("3 duplicate slices are left out") for word in image.warnings)
    assert (stored(image)[0] == array).all()


def test_directions_sizes_and_image_types_are_images_of_their_own(tmp_path: Path) -> None:
    sagittal = Grid.of((3, 6, 5), (4, 1, 1), (9, 9, 9), [[0, 0, 1], [1, 0, 0], [0, -1, 0]])
    paths = write_series(tmp_path / "a", ramp(SHAPE), STRAIGHT)
    paths += write_series(tmp_path / "b", ramp((3, 6, 5)), sagittal)
    paths += write_series(tmp_path / "c", ramp((3, 9, 5)), Grid.of((3, 9, 5), (2.5, 0.7, 0.8)))
    paths += write_series(tmp_path / "d", ramp(SHAPE), STRAIGHT, ImageType=["ORIGINAL", "PRIMARY", "P"])
    images = images_of(paths)
    assert sorted(image.grid.shape for image in images) == [(3, 6, 5), (3, 9, 5), SHAPE, SHAPE]
    assert len({image.key for image in images}) == 4
    assert any("sagittal" in image.name for image in images)
    assert sum("2 directions" in " ".join(image.warnings) for image in images) == 4


def test_series_are_known_by_their_uid_and_grow_as_files_come(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "a", ramp(SHAPE), STRAIGHT)
    paths += write_series(tmp_path / "b", ramp(SHAPE), STRAIGHT, SeriesInstanceUID="1.2.3.9")
    headers = [scan_file(str(path)) for path in paths]
    assert set(index(headers)) == {"1.2.3.2", "1.2.3.9"}
    for count in range(1, len(headers)):
        for images in index(headers[:count]).values():
            assert sum(image.grid.shape[0] for image in images) >= 1
    assert [image.grid.shape for images in index(headers).values() for image in images] == [SHAPE, SHAPE]


def test_presets_come_from_the_middle_slice(tmp_path: Path) -> None:
    image = only(
        write_series(
            tmp_path,
            ramp(SHAPE),
            STRAIGHT,
            WindowCenter=lambda k: 10 * k,
            WindowWidth=400,
            WindowCenterWidthExplanation="LUNG",
        )
    )
    (window,) = image.plan.windows
    assert (window.center, window.width, window.name) == (30, 400, "LUNG")


# -- the shared data, against what its list of sources says -----------------------------------------------------------

needs_data = pytest.mark.skipif(
    "TOMOLENS_DATA" not in os.environ, reason="TOMOLENS_DATA does not point to the shared data"
)


def _shared(folder: str) -> list[Image]:
    headers = []
    for path in sorted((Path(os.environ["TOMOLENS_DATA"]) / "dicom" / folder).rglob("*")):
        if path.is_file():
            try:
                headers.append(scan_file(str(path)))
            except ScanError:
                continue
    return [image for images in index(headers).values() for image in images]


@needs_data
@pytest.mark.parametrize(
    ("folder", "modality", "shape", "spacing"),
    [
        ("ct-cmb-crc-lung", "CT", (100, 512, 512), (2.5, 0.898438, 0.898438)),
        ("mr-philips-mprage", "MR", (170, 256, 256), (1, 1, 1)),
        ("pet-qin-headneck", "PT", (299, 128, 128), (3.375, 3.538, 3.538)),
        ("dcmqi/ct-3slice", "CT", (3, 512, 512), (1, 0.8105, 0.8105)),
    ],
)
def test_shared_series(folder: str, modality: str, shape: Any, spacing: Any) -> None:
    (image,) = _shared(folder)
    assert (image.source.modality, image.grid.shape, image.regular) == (modality, shape, True)
    assert image.grid.spacing == pytest.approx(spacing, abs=1e-3)
    assert not image.warnings


@needs_data
def test_classic_and_enhanced_perfusion_are_the_same_volume() -> None:
    classic, enhanced = _shared("mr-philips-pcasl-classic-vs-enhanced")
    assert classic.grid.shape == (40, 96, 96)
    assert classic.grid.spacing == pytest.approx([4, 2.5, 2.5], abs=1e-4)
    assert classic.grid.matches(enhanced.grid)
    assert (classic.plan.slope, classic.unit, classic.dtype) == (enhanced.plan.slope, enhanced.unit, enhanced.dtype)
    assert (stored(classic) == stored(enhanced)).all()


def test_without_a_position_no_side_is_known(tmp_path: Path) -> None:
    pixels = ramp((20, 30))
    image = only([write(tmp_path / "us.dcm", dataset(pixels, Modality="US"), pixels)])
    assert not image.grid.placed
    assert only(write_series(tmp_path / "ct", ramp(SHAPE), STRAIGHT)).grid.placed
