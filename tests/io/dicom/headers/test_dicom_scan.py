"""One header at a time: every encoding, every kind of damage, every kind of object that is no image."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from tests.fixtures.dicom_indexed import one_sentence, outcome, scan_bytes
from tests.fixtures.dicom_phantom import PLACED, PYDICOM_FILES, dataset, ramp, write, write_enhanced
from viewer.data.grid import Grid
from viewer.io.dicom.headers.scan import scan_file
from viewer.io.errors import ScanError


def sentence(error: pytest.ExceptionInfo[ScanError]) -> str:
    text = str(error.value)
    assert one_sentence(text)
    return text


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_the_pixels_are_found_where_they_are(tmp_path: Path, syntax: pydicom.uid.UID) -> None:
    pixels = ramp((6, 5))
    ds = dataset(pixels, **PLACED, RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=[40, 50], WindowWidth=[400, 1])
    ds.ReferencedImageSequence = Sequence([Dataset(), Dataset()])
    header = scan_file(str(write(tmp_path / "a.dcm", ds, pixels, syntax)))
    frame = header.frames[0]
    raw = Path(header.path).read_bytes()[header.offset :]
    assert (np.frombuffer(raw, header.pixels.stored).reshape(6, 5) == pixels).all()
    assert header.pixels.frame_bytes == 60
    assert frame.position == (1.5, -2.5, 3.25)
    assert (frame.spacing, frame.slope, frame.intercept, frame.unit) == ((0.5, 0.7), 2, -1000, "HU")
    assert frame.windows == ((40, 400, ""), (50, 1, ""))
    assert header.values.text(0x00100010) == "Müller^Zoë"
    assert header.syntax == syntax


def test_a_deflated_file_is_left_to_the_decoder(tmp_path: Path) -> None:
    pixels = ramp((6, 5))
    ds = dataset(pixels, **PLACED)
    header = scan_file(str(write(tmp_path / "a.dcm", ds, pixels, DeflatedExplicitVRLittleEndian)))
    assert (header.offset, header.pixels.frame_bytes, header.pixels.rows) == (-1, 0, 6)


def test_a_file_without_preamble_and_meta_header_is_read(tmp_path: Path) -> None:
    pixels = ramp((6, 5))
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian):
        data = write(tmp_path / "a.dcm", dataset(pixels, **PLACED), pixels, syntax).read_bytes()
        meta = 132 + 12 + struct.unpack_from("<L", data, 140)[0]
        assert scan_bytes(data[132:], "b").frames[0].position == (1.5, -2.5, 3.25)
        header = scan_bytes(data[meta:], "c")
        assert header.frames[0].position == (1.5, -2.5, 3.25)
        assert header.syntax == syntax


@pytest.mark.parametrize("undefined", [False, True])
def test_sequences_are_stepped_over(tmp_path: Path, undefined: bool) -> None:
    """An icon with pixels of its own, nested items and a private sequence must not be taken for the image."""
    pixels = ramp((6, 5))
    ds = dataset(pixels, **PLACED)
    icon = dataset(np.zeros((2, 2), np.uint8), Rows=2, Columns=2)
    icon.PixelData = b"\1\2\3\4"
    icon.ReferencedImageSequence = Sequence([Dataset(), dataset(pixels)])
    icon["ReferencedImageSequence"].is_undefined_length = undefined
    icon.is_undefined_length_sequence_item = undefined
    ds.IconImageSequence = Sequence([icon])
    ds["IconImageSequence"].is_undefined_length = undefined
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian):
        header = scan_file(str(write(tmp_path / "a.dcm", ds, pixels, syntax)))
        assert (header.pixels.rows, header.pixels.columns, header.pixels.frame_bytes) == (6, 5, 60)


def test_a_header_longer_than_one_read_is_followed(tmp_path: Path) -> None:
    pixels = ramp((6, 5))
    ds = dataset(pixels, **PLACED)
    ds.add_new(0x00091010, "OB", bytes(3_000_000))
    ds.add_new(0x00091011, "LT", "x" * 9000)
    header = scan_file(str(write(tmp_path / "a.dcm", ds, pixels)))
    assert header.frames[0].position == (1.5, -2.5, 3.25)
    assert header.size - header.offset == 60


def test_a_truncated_file_says_how_much_is_missing(tmp_path: Path) -> None:
    pixels = ramp((6, 5))
    path = write(tmp_path / "a.dcm", dataset(pixels, **PLACED), pixels)
    data = path.read_bytes()
    with pytest.raises(ScanError) as error:
        scan_bytes(data[:-20], "a")
    assert "truncated: 40 of 60 bytes of pixels" in sentence(error)
    with pytest.raises(ScanError) as error:
        scan_bytes(data[:500], "a")
    assert "copy it again" in sentence(error)


@pytest.mark.parametrize("change", [{"Rows": 60000, "Columns": 60000}, {"NumberOfFrames": 2_000_000_000}])
def test_a_header_that_claims_gigabytes_is_refused(tmp_path: Path, change: dict[str, int]) -> None:
    pixels = ramp((6, 5))
    with pytest.raises(ScanError) as error:
        scan_file(str(write(tmp_path / "a.dcm", dataset(pixels, **PLACED, **change), pixels)))
    assert "truncated: 60 of " in sentence(error)


def test_an_element_that_claims_gigabytes_is_refused(tmp_path: Path) -> None:
    pixels = ramp((6, 5))
    ds = dataset(pixels, **PLACED)
    ds.add_new(0x00091010, "OB", b"\7" * 16)
    data = bytearray(write(tmp_path / "a.dcm", ds, pixels).read_bytes())
    at = data.index(b"\7" * 16)
    data[at - 4 : at] = struct.pack("<L", 0xFFFFFFF0)
    with pytest.raises(ScanError) as error:
        scan_bytes(bytes(data), "a")
    assert "claims 4,294,967,280 bytes" in sentence(error)


def test_millions_of_compressed_frames_are_not_believed(tmp_path: Path) -> None:
    source = PYDICOM_FILES / "MR_small_RLE.dcm"
    ds = pydicom.dcmread(source)
    ds.NumberOfFrames = 100_000_000
    ds.save_as(tmp_path / "a.dcm")
    with pytest.raises(ScanError) as error:
        scan_file(str(tmp_path / "a.dcm"))
    assert "claims 100,000,000 frames" in sentence(error)


def test_deep_nesting_is_refused() -> None:
    head = bytes(128) + b"DICM" + struct.pack("<HH2sH18s", 2, 0x10, b"UI", 18, b"1.2.840.10008.1.2\0")
    nest = struct.pack("<HHLHHL", 8, 0x1140, 0xFFFFFFFF, 0xFFFE, 0xE000, 0xFFFFFFFF) * 5000
    with pytest.raises(ScanError) as error:
        scan_bytes(head + nest, "a")
    assert "too deeply" in sentence(error)


@pytest.mark.parametrize(
    "data", [b"", b"%PDF-1.7 " * 100, b"hello", b"PK\3\4" + bytes(400), bytes(4096), b"\x02\0" * 9]
)
def test_what_is_not_dicom_is_called_so(data: bytes) -> None:
    with pytest.raises(ScanError) as error:
        scan_bytes(data, "a.dcm")
    assert sentence(error) == "This is not a DICOM file."


def test_a_preamble_alone_is_refused() -> None:
    for size in range(0, 40, 3):
        with pytest.raises(ScanError) as error:
            scan_bytes(bytes(128) + b"DICM" + bytes(size), "a")
        sentence(error)


@pytest.mark.parametrize(
    ("sop_class", "what"),
    [
        ("1.2.840.10008.5.1.4.1.1.481.3", "a radiotherapy structure set"),
        ("1.2.840.10008.5.1.4.1.1.481.5", "a radiotherapy plan or record"),
        ("1.2.840.10008.5.1.4.1.1.88.33", "a structured report"),
        ("1.2.840.10008.5.1.4.1.1.88.59", "a key object selection"),
        ("1.2.840.10008.5.1.4.1.1.11.1", "a presentation state"),
        ("1.2.840.10008.5.1.4.1.1.104.1", "a PDF document"),
        ("1.2.840.10008.5.1.4.1.1.9.1.1", "a waveform"),
        ("1.2.840.10008.5.1.4.1.1.66.4", "a segmentation"),
    ],
)
def test_objects_that_are_no_images_are_named(tmp_path: Path, sop_class: str, what: str) -> None:
    pixels = ramp((6, 5))
    with pytest.raises(ScanError) as error:
        scan_file(str(write(tmp_path / "a.dcm", dataset(pixels, SOPClassUID=sop_class), pixels)))
    assert what in sentence(error)


def test_contradictory_functional_groups_are_refused(tmp_path: Path) -> None:
    grid = Grid.of((3, 4, 5))
    path = write_enhanced(tmp_path / "a.dcm", ramp((1, 3, 4, 5)), grid)
    ds = pydicom.dcmread(path)
    del ds.PerFrameFunctionalGroupsSequence[1]
    ds.save_as(path)
    with pytest.raises(ScanError) as error:
        scan_file(str(path))
    assert "describes 2 of its 3 frames" in sentence(error)


@pytest.mark.parametrize(
    ("charset", "name", "raw"),
    [
        ("ISO_IR 100", "Müller^Zoë", "Müller^Zoë".encode("latin-1")),
        ("ISO_IR 144", "Люкceмбypг", "Люкceмбypг".encode("iso8859-5")),
        ("\\ISO 2022 IR 87", "Yamada^Tarou=山田^太郎", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"),
        ("nonsense", "plain", b"plain"),
    ],
)
def test_names_are_decoded_by_their_character_set(tmp_path: Path, charset: str, name: str, raw: bytes) -> None:
    pixels = ramp((6, 5))
    ds = dataset(pixels, PatientName="N" * (len(raw) + len(raw) % 2))
    ds.SpecificCharacterSet = ["", "ISO 2022 IR 87"] if "87" in charset else "ISO_IR 100"
    data = write(tmp_path / "a.dcm", ds, pixels).read_bytes()
    data = data.replace(
        b"N" * len(ds.PatientName.original_string or str(ds.PatientName)), raw.ljust(len(str(ds.PatientName)))
    )
    data = data.replace(b"ISO_IR 100", charset[:10].encode().ljust(10)) if "87" not in charset else data
    assert scan_bytes(data, "a").values.text(0x00100010) == name


def _every_file() -> list[Path]:
    folders = [PYDICOM_FILES]
    if "TOMOLENS_DATA" in os.environ:
        folders.append(Path(os.environ["TOMOLENS_DATA"]) / "dicom")
    return [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]


def test_every_known_odd_file_scans_or_is_refused_in_one_sentence() -> None:
    scanned = 0
    for path in _every_file():
        found = outcome(path.read_bytes())
        if isinstance(found, str):
            assert one_sentence(found), path
        else:
            assert len(found.frames) == found.pixels.frames, path
            scanned += 1
    assert scanned > 60


def test_headers_agree_with_pydicom() -> None:
    for path in _every_file()[::3]:
        header = outcome(path.read_bytes())
        if isinstance(header, str):
            continue
        ds = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        assert (header.pixels.rows, header.pixels.columns) == (ds.Rows, ds.Columns), path
        assert header.values.text(0x0020000E) == str(ds.get("SeriesInstanceUID", "")), path
        assert header.values.text(0x00100020) == str(ds.get("PatientID", "")).strip(), path
        position = ds.get("ImagePositionPatient")
        if position and header.frames[0].position:
            assert header.frames[0].position == pytest.approx([float(x) for x in position]), path
