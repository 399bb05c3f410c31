"""Palettes and modality tables: bits, signs, byte orders, odd lengths, segments, and the faults of writers."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.fixtures.dicom_indexed import loaded, only
from tests.fixtures.dicom_phantom import dataset, write
from viewer.io.dicom.pixels.lookup_tables import expand_table

SYNTAXES = pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])


def table_bytes(entries: NDArray[Any], syntax: UID, *, wide: bool) -> bytes:
    """Entries as OW: of 16 bits, or of 8 bits in pairs."""
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    if wide:
        return entries.astype(f"{order}u2").tobytes()
    packed = entries.astype(np.uint8).tobytes() + b"\0" * (len(entries) % 2)
    return np.frombuffer(packed, "<u2").astype(f"{order}u2").tobytes()


def palette(
    path: Path,
    pixels: NDArray[Any],
    tables: NDArray[Any],
    *,
    first: int = 0,
    bits: int = 16,
    wide: bool = True,
    syntax: UID = ExplicitVRLittleEndian,
) -> Path:
    """A palette picture; tables [n, 3]. wide: entries are stored in 16 bits."""
    ds = dataset(pixels, Modality="US", PhotometricInterpretation="PALETTE COLOR")
    for colour, entries in zip(("Red", "Green", "Blue"), tables.T, strict=True):
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [len(entries) & 0xFFFF, first, bits])
        setattr(ds, f"{colour}PaletteColorLookupTableData", table_bytes(entries, syntax, wide=wide))
        for name in ("Descriptor", "Data"):
            ds[f"{colour}PaletteColorLookupTable{name}"].VR = "OW" if name == "Data" else "SS" if first < 0 else "US"
    return write(path, ds, pixels, syntax)


RAMPS = np.stack([np.arange(256), 255 - np.arange(256), np.arange(256) // 2], axis=-1)
PIXELS = np.arange(256, dtype=np.uint8).reshape(16, 16)


@SYNTAXES
@pytest.mark.parametrize(
    ("factor", "bits", "wide"),
    [(256, 16, True), (257, 16, True), (1, 16, True), (1, 8, False), (1, 8, True), (1, 16, False)],
)
def test_colours_of_8_and_16_bits_however_they_are_described(
    tmp_path: Path, factor: int, bits: int, wide: bool, syntax: UID
) -> None:
    path = palette(tmp_path / "p.dcm", PIXELS, RAMPS * factor, bits=bits, wide=wide, syntax=syntax)
    np.testing.assert_array_equal(loaded(only([path]))[0, 0], RAMPS[PIXELS])


def test_8_bit_values_in_a_table_of_16_bits_are_seen_by_the_table_not_by_the_picture(tmp_path: Path) -> None:
    tables = RAMPS * 256
    tables[0] = 255  # dark enough to be taken for 8 bits, were only this entry used
    image = only([palette(tmp_path / "p.dcm", np.zeros((4, 4), np.uint8), tables)])
    assert loaded(image).max() == 0


def test_more_than_256_entries_of_8_bits(tmp_path: Path) -> None:
    pixels = np.arange(1000, dtype=np.uint16).reshape(25, 40)
    tables = np.stack([np.arange(1001) // 4] * 3, axis=-1)  # an odd number, padded
    image = only([palette(tmp_path / "p.dcm", pixels, tables, bits=8, wide=False)])
    np.testing.assert_array_equal(loaded(image)[0, 0, ..., 0], pixels // 4)


def test_zero_entries_mean_65536(tmp_path: Path) -> None:
    pixels = np.array([[0, 255], [256, 65535]], np.uint16)
    tables = np.stack([np.arange(65536)] * 3, axis=-1)
    image = only([palette(tmp_path / "p.dcm", pixels, tables)])
    np.testing.assert_array_equal(loaded(image)[0, 0, ..., 0], pixels >> 8)


def test_values_outside_the_table_take_its_ends(tmp_path: Path) -> None:
    pixels = np.array([[-300, -11], [-10, 5], [300, 245]], np.int16)
    image = only([palette(tmp_path / "p.dcm", pixels, RAMPS * 256, first=-10)])
    np.testing.assert_array_equal(loaded(image)[0, 0, ..., 0], [[0, 0], [0, 15], [255, 255]])


@SYNTAXES
def test_a_segmented_palette(tmp_path: Path, syntax: UID) -> None:
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    words = np.array([0, 1, 0, 1, 255, 65280], f"{order}u2").tobytes()  # one entry, then a line of 255
    ds = dataset(PIXELS, Modality="US", PhotometricInterpretation="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(ds, f"Segmented{colour}PaletteColorLookupTableData", words)
        ds[f"{colour}PaletteColorLookupTableDescriptor"].VR = "US"
    image = only([write(tmp_path / "p.dcm", ds, PIXELS, syntax)])
    np.testing.assert_array_equal(loaded(image)[0, 0, ..., 1], PIXELS)


def test_segments_are_copied() -> None:
    runs = [0, 2, 7, 9, 1, 2, 13]
    assert expand_table(runs, 16) == [7, 9, 11, 13]
    assert expand_table([*runs, 2, 2, 0, 0], 16) == [7, 9, 11, 13, 7, 9, 11, 13]
    assert expand_table([*runs, 2, 1, 8, 0], 16) == [7, 9, 11, 13, 13, 13]  # offset 8 bytes: the line, from 13 to 13
    assert expand_table([*runs, 2, 1, 4, 0, 0, 0], 8) == [7, 9, 11, 13, 13, 13]


@given(st.lists(st.integers(0, 65535) | st.integers(0, 4), max_size=30), st.sampled_from([8, 16]))
def test_damaged_segments_raise_one_error_and_fill_no_memory(words: list[int], bits: int) -> None:
    with contextlib.suppress(ValueError):
        assert len(expand_table(words, bits)) < 1 << 18


def test_copies_of_copies_end() -> None:
    assert len(expand_table([0, 1, 5, 1, 65535, 9, *[2, 65535, 6, 0] * 9], 16)) < 1 << 18


def test_bits_beyond_the_value_choose_no_colour(tmp_path: Path) -> None:
    pixels = np.array([[0x8003, 0x4007]], np.uint16)
    path = palette(tmp_path / "p.dcm", pixels, RAMPS)
    ds = pydicom.dcmread(path)
    ds.BitsStored, ds.HighBit = 8, 7
    ds.save_as(path)
    np.testing.assert_array_equal(loaded(only([path]))[0, 0, 0], RAMPS[[3, 7]])


def modality(path: Path, pixels: NDArray[Any], entries: Any, first: int, bits: int, syntax: UID, data: bytes) -> Path:
    item = Dataset()
    item.LUTDescriptor, item.ModalityLUTType, item.LUTData = [len(entries) & 0xFFFF, first, bits], "OD", data
    item["LUTDescriptor"].VR, item["LUTData"].VR = "SS" if first < 0 else "US", "OW"
    ds = dataset(pixels, Modality="CR", ModalityLUTSequence=Sequence([item]))
    return write(path, ds, pixels, syntax)


@SYNTAXES
@pytest.mark.parametrize(("bits", "wide"), [(16, True), (8, False), (8, True), (12, True)])
@pytest.mark.parametrize("first", [0, 3, -4])
def test_modality_tables(tmp_path: Path, bits: int, wide: bool, first: int, syntax: UID) -> None:
    pixels = np.arange(-10, 20).reshape(5, 6).astype(np.int16)
    entries = np.array([5, 9, 1, 200, 77, 30, 8])
    data = table_bytes(entries, syntax, wide=wide)
    image = only([modality(tmp_path / "m.dcm", pixels, entries, first, bits, syntax, data)])
    np.testing.assert_array_equal(loaded(image)[0, 0], entries[np.clip(pixels - first, 0, 6)])
