from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders.base import get_encoder
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from tests.fixtures.dicom_phantom import dataset, ramp, write, write_series
from viewer.data.grid import Grid
from viewer.data.study import Image
from viewer.data.volume import Volume
from viewer.io.reader.load_plan import check_claims
from viewer.io.reader.reader import OpenError, Reader, index_now, load_now

GRID = Grid.of((7, 12, 10), (3.0, 0.8, 0.9), (5, -40, 30))
PLACED = {
    "ImagePositionPatient": [0, 0, 0],
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    "PixelSpacing": [1, 1],
    "SliceThickness": 1,
}


def only(reader: Reader, *paths: Path) -> tuple[Image, tuple[Volume, ...]]:
    (image,), refused = index_now(paths, reader)
    assert not refused
    return image, load_now(image, reader)


def one(
    reader: Reader, folder: Path, pixels: NDArray[Any], syntax: UID = ExplicitVRLittleEndian, **facts: Any
) -> Volume:
    """Write one slice, read it."""
    ds = dataset(pixels, **{**PLACED, **facts})
    _, (volume,) = only(reader, write(folder / "one.dcm", ds, pixels, syntax))
    return volume


@pytest.mark.parametrize(
    "syntax",
    [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
)
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32"])
def test_every_integer_type_in_every_byte_order(reader: Reader, tmp_path: Path, syntax: UID, dtype: str) -> None:
    pixels = (np.arange(12 * 10) - (60 if dtype[0] == "i" else 0)).astype(dtype).reshape(12, 10)
    volume = one(reader, tmp_path, pixels, syntax)
    assert volume.array.dtype == dtype
    np.testing.assert_array_equal(volume.array[0], pixels)


@pytest.mark.parametrize(("keyword", "dtype"), [("FloatPixelData", "float32"), ("DoubleFloatPixelData", "float64")])
def test_float_pixels_keep_their_type(reader: Reader, tmp_path: Path, keyword: str, dtype: str) -> None:
    pixels = np.linspace(-1, 1, 120).astype(dtype).reshape(12, 10)
    ds = dataset(pixels, **PLACED)
    path = write(tmp_path / "f.dcm", ds, pixels)
    ds = pydicom.dcmread(path)
    del ds.PixelData
    setattr(ds, keyword, pixels.tobytes())
    for name in ("BitsStored", "HighBit", "PixelRepresentation"):
        delattr(ds, name)
    ds.save_as(path)
    _, (volume,) = only(reader, path)
    assert volume.array.dtype == dtype
    np.testing.assert_array_equal(volume.array[0], pixels)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless])
def test_overlays_in_the_upper_bits_do_not_change_values(
    reader: Reader, tmp_path: Path, signed: bool, syntax: UID
) -> None:
    values = (np.arange(120).reshape(12, 10) * 30 - (1800 if signed else 0)).astype(np.int16)
    overlay = (np.indices((12, 10)).sum(0) % 2 << 15).astype(np.uint16)
    stored = ((values.astype(np.uint16) & 0x0FFF) | overlay).astype(np.int16 if signed else np.uint16)
    facts = {"BitsStored": 12, "HighBit": 11}
    native = syntax if not syntax.is_compressed else ExplicitVRLittleEndian
    path = write(tmp_path / "o.dcm", dataset(stored, **PLACED, **facts), stored, native)
    if syntax.is_compressed:
        compress(path, syntax)
    _, (volume,) = only(reader, path)
    np.testing.assert_array_equal(volume.array[0], values)


def test_values_that_end_at_a_higher_bit_are_moved_down(reader: Reader, tmp_path: Path) -> None:
    values = np.arange(120, dtype=np.uint16).reshape(12, 10)
    volume = one(reader, tmp_path, values << 4 | 9, BitsStored=12, HighBit=15)
    np.testing.assert_array_equal(volume.array[0], values)


def test_padding_outside_the_stored_bits_stays_as_it_is(reader: Reader, tmp_path: Path) -> None:
    values = np.arange(120, dtype=np.uint16).reshape(12, 10)
    values[0] = 63536
    volume = one(reader, tmp_path, values, BitsStored=12, HighBit=11, PixelPaddingValue=63536)
    np.testing.assert_array_equal(volume.array[0], values)


def test_single_bits_become_bytes(reader: Reader, tmp_path: Path) -> None:
    bits = np.random.default_rng(3).integers(0, 2, (12, 10)).astype(np.uint8)
    ds = dataset(bits, **PLACED, BitsAllocated=1, BitsStored=1, HighBit=0)
    path = write(tmp_path / "b.dcm", ds, np.packbits(bits, bitorder="little"))
    _, (volume,) = only(reader, path)
    np.testing.assert_array_equal(volume.array[0], bits)


def compress(path: Path, syntax: UID) -> None:
    """Encode the pixels of a file in place, without an offset table."""
    ds = pydicom.dcmread(path)
    encoder = get_encoder(syntax)
    frames = int(ds.get("NumberOfFrames", 1))
    ds.PixelData = encapsulate([encoder.encode(ds, index=n) for n in range(frames)], has_bot=False)
    ds["PixelData"].is_undefined_length, ds["PixelData"].VR = True, "OB"
    ds.file_meta.TransferSyntaxUID = syntax
    ds.save_as(path)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
def test_compressed_series_and_multi_frame_files_equal_the_raw_ones(
    reader: Reader, tmp_path: Path, syntax: UID
) -> None:
    grid = Grid.of((7, 40, 50), (3, 1, 1))
    array = ramp(grid.shape)
    for path in write_series(tmp_path / "series", array, grid):
        compress(path, syntax)
    _, (volume,) = only(reader, tmp_path / "series")
    np.testing.assert_array_equal(volume.array, array)

    frames = np.abs(array).astype(np.uint16)
    cine = write(tmp_path / "cine.dcm", dataset(frames, Modality="US", SeriesInstanceUID="1.7"), frames)
    compress(cine, syntax)
    _, volumes = only(reader, cine)
    np.testing.assert_array_equal([one.array[0] for one in volumes], frames)


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_colour_becomes_rgb(reader: Reader, tmp_path: Path, planar: int, photometric: str, syntax: UID) -> None:
    rgb = np.random.default_rng(5).integers(0, 256, (12, 10, 3)).astype(np.uint8)
    stored = rgb if photometric == "RGB" else convert_color_space(rgb, "RGB", "YBR_FULL")
    ds = dataset(stored, **PLACED, PhotometricInterpretation=photometric, PlanarConfiguration=planar)
    path = write(tmp_path / "c.dcm", ds, np.moveaxis(stored, -1, 0) if planar else stored, syntax)
    _, (volume,) = only(reader, path)
    assert volume.color
    assert np.abs(volume.array[0].astype(int) - rgb).max() <= (0 if photometric == "RGB" else 2)


@pytest.mark.parametrize("bits", [8, 16])
def test_palettes_are_applied(reader: Reader, tmp_path: Path, bits: int) -> None:
    index = np.arange(120, dtype=np.uint8).reshape(12, 10)
    table = np.random.default_rng(2).integers(0, 1 << bits, (3, 256)).astype(f"<u{bits // 8}")
    facts: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name, row in zip(("Red", "Green", "Blue"), table, strict=True):
        facts[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, bits]
        facts[f"{name}PaletteColorLookupTableData"] = row.tobytes()
    volume = one(reader, tmp_path, index, **facts)
    np.testing.assert_array_equal(volume.array[0], (table[:, index] >> (bits - 8)).transpose(1, 2, 0))


def test_a_rescale_that_differs_between_slices_is_applied_to_each(reader: Reader, tmp_path: Path) -> None:
    array = ramp(GRID.shape)
    slopes = [0.5 + 0.25 * k for k in range(GRID.shape[0])]
    write_series(tmp_path, array, GRID, RescaleSlope=lambda k: slopes[k], RescaleIntercept=lambda k: k)
    _, (volume,) = only(reader, tmp_path)
    expected = array * np.array(slopes)[:, None, None] + np.arange(GRID.shape[0])[:, None, None]
    assert (volume.array.dtype, volume.slope, volume.intercept) == (np.float32, 1, 0)
    np.testing.assert_allclose(volume.array, expected, rtol=1e-6)


def linear(grid: Grid, world: NDArray[Any]) -> NDArray[Any]:
    """A value that changes linearly over the patient: linear interpolation must meet it exactly."""
    return np.asarray(world @ np.array([2.0, -3.0, 7.0]) + 500)


def field(grid: Grid, move: Any = lambda k: (0, 0, 0)) -> NDArray[np.int16]:
    index = np.moveaxis(np.indices(grid.shape), 0, -1)
    moved = np.array([move(k) for k in range(grid.shape[0])], float)[:, None, None]
    return np.rint(linear(grid, grid.to_world(index) + moved)).astype(np.int16)


def check_linear(volume: Volume, margin: int, tolerance: float) -> None:
    """The values stand where the linear field has them; the outside of a resampled volume may be blank."""
    index = np.moveaxis(np.indices(volume.grid.shape), 0, -1)
    error = np.abs(volume.values() - linear(volume.grid, volume.grid.to_world(index)))
    inner = error[:, margin : error.shape[1] - margin, margin : error.shape[2] - margin]
    assert inner.max() <= tolerance


def test_unevenly_spaced_slices_are_resampled_on_a_regular_grid_and_say_so(reader: Reader, tmp_path: Path) -> None:
    grid = Grid.of((12, 16, 16), (3, 1, 1))
    shift = [0.0, 0.4, -0.5, 0.9, 0.0, -0.3, 0.7, 0.2, -0.6, 0.1, 0.5, 0.0]
    move = lambda k: (0, 0, shift[k])  # noqa: E731
    write_series(tmp_path, field(grid, move), grid, move=move, RescaleSlope=1, RescaleIntercept=0)
    image, (volume,) = only(reader, tmp_path)
    assert not image.regular
    assert "resampled" in volume.badges
    assert np.allclose(
        np.diff(volume.grid.to_world([(k, 0, 0) for k in range(volume.grid.shape[0])])[:, 2]), 3, atol=0.5
    )
    check_linear(volume, 0, 1.5)


def test_a_tilted_gantry_is_sheared_back_and_says_so(reader: Reader, tmp_path: Path) -> None:
    grid = Grid.of((10, 40, 30), (4, 1, 1))
    tilt = np.tan(np.radians(15)) * 4
    move = lambda k: (0, k * tilt, 0)  # noqa: E731
    write_series(
        tmp_path, field(grid, move), grid, move=move, GantryDetectorTilt=15, RescaleSlope=1, RescaleIntercept=0
    )
    image, (volume,) = only(reader, tmp_path)
    assert not image.regular
    assert "resampled" in volume.badges
    assert np.allclose(volume.grid.axes.T @ volume.grid.axes, np.eye(3), atol=1e-6)
    index = np.moveaxis(np.indices(volume.grid.shape), 0, -1)
    expected = linear(volume.grid, volume.grid.to_world(index))
    filled = np.abs(volume.values() - expected) <= 1.5
    assert filled.sum() >= 0.9 * np.prod(grid.shape)


def test_a_gap_is_not_bridged_by_invention(reader: Reader, tmp_path: Path) -> None:
    grid = Grid.of((14, 8, 8), (2, 1, 1))
    array = np.full(grid.shape, 100, np.int16)
    write_series(tmp_path, array, grid, slices=[0, 1, 2, 3, 4, 9, 10, 11, 12, 13])
    image, (volume,) = only(reader, tmp_path)
    assert not image.regular
    assert image.warnings
    empty = [k for k in range(volume.grid.shape[0]) if (volume.array[k] != 100).all()]
    assert len(empty) == 4


def test_a_plan_that_points_outside_its_file_is_refused(reader: Reader, tmp_path: Path) -> None:
    image, _ = only(reader, *write_series(tmp_path, ramp(GRID.shape), GRID))
    frames = image.plan.frames.copy()
    frames["offset"][0, 3] += 10_000_000
    with pytest.raises(OpenError, match="truncated"):
        check_claims(replace(image, plan=replace(image.plan, frames=frames)))


def test_pixels_that_no_decoder_knows_are_refused_by_the_name_of_their_syntax(reader: Reader, tmp_path: Path) -> None:
    pixels = ramp((12, 10))
    path = write(tmp_path / "x.dcm", dataset(pixels, **PLACED), pixels)
    compress(path, RLELossless)
    ds = pydicom.dcmread(path)
    ds.PixelData = encapsulate([b"\xff\x4f\xff\x51 not a code stream at all "])
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = JPEG2000Lossless
    ds.save_as(path)
    (image,), _ = index_now([path], reader)
    with pytest.raises(OpenError, match="JPEG 2000"):
        load_now(image, reader)


def test_bytes_in_swapped_words_are_put_in_order(reader: Reader, tmp_path: Path) -> None:
    pixels = np.arange(120, dtype=np.uint8).reshape(12, 10)
    path = write(tmp_path / "w.dcm", dataset(pixels, **PLACED), pixels, ExplicitVRBigEndian)
    ds = pydicom.dcmread(path)
    ds.PixelData = pixels.reshape(-1, 2)[:, ::-1].tobytes()
    ds["PixelData"].VR = "OW"
    ds.save_as(path)
    _, (volume,) = only(reader, path)
    np.testing.assert_array_equal(volume.array[0], pixels)
