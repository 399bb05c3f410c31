"""Frames of segmentations: compressed ones, and what their headers tell."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import uid
from pydicom.encaps import encapsulate

from tests.io.asking import call
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.io.dicom.pixels.frame_bits import DEFLATED_FRAMES
from viewer.io.errors import OpenError
from viewer.io.reader.reader import Reader
from viewer.io.segmentations.dicom_seg import frames
from viewer.io.segmentations.dicom_seg.frames import frame_places
from viewer.io.segmentations.dicom_seg.rle import encode_frame
from viewer.io.segmentations.dicom_seg.write import KINDS, Kind, write_seg
from viewer.io.segmentations.segmentation_file import read_segmentation


def made(columns: int = 44) -> Segmentation:
    """Large enough for JPEG 2000, with empty slices at both ends."""
    grid = Grid.of((6, 40, columns), (2.5, 0.7, 0.8), (-12.5, 30, 7), frame_of_reference="1.2.3.3")
    array = np.zeros(grid.shape, np.uint8)
    array[2:4] = np.random.default_rng(0).integers(0, 3, (2, *grid.shape[1:]))
    return Segmentation(array, grid, (Segment(1, "Liver"), Segment(2, "Kidney")), "made")


def _run_lengths(frame: np.ndarray) -> bytes:
    """One segment of RLE (PS3.5 annex G), bytes as they are."""
    data = b"".join(
        bytes([len(part) - 1]) + part for part in (frame.tobytes()[n : n + 128] for n in range(0, frame.nbytes, 128))
    )
    return struct.pack("<16L", 1, 64, *[0] * 14) + data + b"\0" * (len(data) % 2)


def _compress(path: Path, syntax: uid.UID, encode: Callable[[np.ndarray], bytes]) -> None:
    ds = pydicom.dcmread(path)
    ds.PixelData = encapsulate([encode(frame) for frame in ds.pixel_array])
    ds["PixelData"].VR = "OB"
    ds.file_meta.TransferSyntaxUID = syntax
    pydicom.dcmwrite(path, ds, implicit_vr=False, little_endian=True, force_encoding=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEGLSLossless, uid.JPEG2000Lossless])
def test_compressed_frames_come_back(tmp_path: Path, kind: Kind, syntax: uid.UID) -> None:
    from highdicom.frame import encode_frame

    if (kind, syntax) == ("BINARY", uid.JPEGLSLossless):
        pytest.skip("JPEG-LS has at least two bits a pixel")
    write_seg(made(), tmp_path / "a.dcm", kind)
    bits = 1 if kind == "BINARY" else 8
    others = partial(
        encode_frame, transfer_syntax_uid=syntax, bits_allocated=bits, bits_stored=bits,
        photometric_interpretation="MONOCHROME2", pixel_representation=0,
    )  # fmt: skip
    _compress(tmp_path / "a.dcm", syntax, _run_lengths if syntax == uid.RLELossless else others)
    assert np.array_equal(read_segmentation(tmp_path / "a.dcm").array, made().array)


@pytest.mark.parametrize("kind", KINDS)
def test_headers_of_frames_are_picked_out_as_pydicom_reads_them(
    tmp_path: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_seg(made(), tmp_path / "a.dcm", kind)
    picked = frame_places(pydicom.dcmread(tmp_path / "a.dcm"))
    assert frames._plain_groups(pydicom.dcmread(tmp_path / "a.dcm").get_item("PerFrameFunctionalGroupsSequence"))
    monkeypatch.setattr(frames, "_plain_groups", lambda raw: [])
    read = frame_places(pydicom.dcmread(tmp_path / "a.dcm"))
    assert picked.numbers == read.numbers
    assert np.array_equal(picked.positions, read.positions)
    assert np.array_equal(picked.cosines, read.cosines)
    assert np.array_equal(picked.spacing, read.spacing)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 9999), share=st.sampled_from([0, 0.02, 0.5, 1]), columns=st.sampled_from([1, 7, 129, 300]))
def test_any_mask_comes_back_from_run_lengths(seed: int, share: float, columns: int) -> None:
    from pydicom.pixels.decoders.rle import _rle_decode_frame

    mask = np.random.default_rng(seed).random((5, columns)) < share
    inner = mask[1:4, columns // 3 :]
    data = encode_frame(inner, (slice(1, 4), slice(columns // 3, columns)), columns, 5)
    wanted = np.zeros((5, columns), np.uint8)
    wanted[1:4, columns // 3 :] = inner
    assert bytes(_rle_decode_frame(data, 5, columns, 1, 8)) == wanted.tobytes()


def test_a_deflated_file_comes_back(tmp_path: Path) -> None:
    write_seg(made(), tmp_path / "a.dcm")
    ds = pydicom.dcmread(tmp_path / "a.dcm")
    ds.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    ds.save_as(tmp_path / "a.dcm")
    assert np.array_equal(read_segmentation(tmp_path / "a.dcm").array, made().array)


def _packed(frame: np.ndarray) -> np.ndarray:
    return np.packbits(frame.ravel(), bitorder="little")


def _deflated(pixels: np.ndarray) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    data = deflater.compress(pixels.tobytes()) + deflater.flush()
    return data + b"\0" * (len(data) % 2)


@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.UID(DEFLATED_FRAMES)])
@pytest.mark.parametrize("columns", [44, 43])  # frames that end within a byte
def test_packed_bits_come_back(tmp_path: Path, syntax: uid.UID, columns: int) -> None:
    wanted = made(columns)
    write_seg(wanted, tmp_path / "a.dcm")
    runs = syntax == uid.RLELossless
    _compress(tmp_path / "a.dcm", syntax, lambda frame: (_run_lengths if runs else _deflated)(_packed(frame)))
    assert np.array_equal(read_segmentation(tmp_path / "a.dcm").array, wanted.array)


@pytest.mark.parametrize("kind", ["FRACTIONAL", "LABELMAP"])
def test_deflated_bytes_come_back(tmp_path: Path, kind: Kind) -> None:
    write_seg(made(), tmp_path / "a.dcm", kind)
    _compress(tmp_path / "a.dcm", uid.UID(DEFLATED_FRAMES), _deflated)
    assert np.array_equal(read_segmentation(tmp_path / "a.dcm").array, made().array)


@pytest.mark.parametrize("value", [1, 255])
@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.RLELossless])
def test_a_binary_segmentation_of_bytes(tmp_path: Path, value: int, syntax: uid.UID) -> None:
    """As many programs write it, which PS3.3 C.8.20.2 does not allow."""
    _as_bytes(tmp_path / "a.dcm", value)
    if syntax == uid.RLELossless:
        _compress(tmp_path / "a.dcm", syntax, _run_lengths)
    assert np.array_equal(read_segmentation(tmp_path / "a.dcm").array, made().array)


def test_a_binary_segmentation_of_several_values_is_refused(tmp_path: Path) -> None:
    _as_bytes(tmp_path / "a.dcm", 1)
    ds = pydicom.dcmread(tmp_path / "a.dcm")
    frames = ds.pixel_array.copy()
    frames[1][frames[1] > 0] = 2
    ds.PixelData = frames.tobytes()
    ds.save_as(tmp_path / "a.dcm")
    with pytest.raises(OpenError, match="frame 2 of 4 is binary by its header but holds several values"):
        read_segmentation(tmp_path / "a.dcm")


def _as_bytes(path: Path, value: int) -> None:
    write_seg(made(), path)
    ds = pydicom.dcmread(path)
    frames = ds.pixel_array * np.uint8(value)
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit, ds.PixelData = 7, frames.tobytes()
    ds.save_as(path)


def test_more_bytes_than_frames_are_refused(tmp_path: Path) -> None:
    """A byte a pixel where the header says a bit: an eighth of it would be taken for the whole."""
    write_seg(made(), tmp_path / "a.dcm")
    ds = pydicom.dcmread(tmp_path / "a.dcm")
    ds.PixelData = ds.pixel_array.tobytes()
    ds.save_as(tmp_path / "a.dcm")
    with pytest.raises(OpenError, match="7,040 bytes where 880"):
        read_segmentation(tmp_path / "a.dcm")


BOMB = zlib.compressobj(wbits=-15)
HARMS = {
    "cut off": (uid.UID(DEFLATED_FRAMES), lambda data: data[:-8]),
    "no deflate": (uid.UID(DEFLATED_FRAMES), lambda data: b"\xff" * len(data)),
    "bomb": (uid.UID(DEFLATED_FRAMES), lambda data: BOMB.compress(bytes(1 << 28)) + BOMB.flush()),
    "short runs": (uid.RLELossless, lambda data: data[:-20]),
    "long runs": (uid.RLELossless, lambda data: data + b"\x81\x01" * 1000),
    "two parts": (uid.RLELossless, lambda data: struct.pack("<L", 2) + data[4:]),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_damaged_frame_costs_the_file_and_is_named(tmp_path: Path, harm: str) -> None:
    write_seg(made(), tmp_path / "a.dcm")
    syntax, spoil = HARMS[harm]
    number = iter(range(4))

    def encode(frame: np.ndarray) -> bytes:
        data = (_deflated if syntax == DEFLATED_FRAMES else _run_lengths)(_packed(frame))
        return spoil(data) if next(number) == 2 else data

    _compress(tmp_path / "a.dcm", syntax, encode)
    name = "Deflated Image Frame Compression" if syntax == DEFLATED_FRAMES else "RLE Lossless"
    with pytest.raises(OpenError, match=rf"Its frame 3 of 4 \({name}\) cannot be decoded"):
        read_segmentation(tmp_path / "a.dcm")


@pytest.mark.parametrize(("harm", "why"), [("compute", "computed for longer than 0.8 s"), ("crash", "crashed")])
def test_a_frame_at_which_the_decoder_hangs_or_dies_is_named(tmp_path: Path, harm: str, why: str) -> None:
    """In the time that a frame of an image has, not in that of a whole file."""
    write_seg(made(), tmp_path / "a.dcm")
    _compress(tmp_path / "a.dcm", uid.RLELossless, _run_lengths)
    own = Reader(workers=1, seconds_per_frame=0.8)
    try:
        kind, reason = call(own, "segments", tmp_path / "a.dcm", harm)
        assert kind == "failed"
        assert why in reason
        assert "at frame 2," in reason
        assert call(own, "segments", tmp_path / "a.dcm", "")[0] == "done"
    finally:
        own.close()


def test_frames_that_cannot_be_decoded_name_their_transfer_syntax(tmp_path: Path) -> None:
    write_seg(made(), tmp_path / "a.dcm")
    _compress(tmp_path / "a.dcm", uid.JPEG2000MCLossless, lambda frame: _run_lengths(_packed(frame)))
    with pytest.raises(OpenError, match=r"Its frame 1 of 4 \(.*Multi-component.*\) cannot be decoded"):
        read_segmentation(tmp_path / "a.dcm")


def test_a_transfer_syntax_of_tomorrow_is_named(tmp_path: Path) -> None:
    write_seg(made(), tmp_path / "a.dcm")
    _compress(tmp_path / "a.dcm", uid.JPEG2000MCLossless, _run_lengths)
    data = (tmp_path / "a.dcm").read_bytes()
    (tmp_path / "a.dcm").write_bytes(data.replace(uid.JPEG2000MCLossless.encode(), b"1.2.840.10008.1.2.8.9\0"))
    with pytest.raises(OpenError, match=r"1\.2\.8\.9\) cannot be decoded"):
        read_segmentation(tmp_path / "a.dcm")
