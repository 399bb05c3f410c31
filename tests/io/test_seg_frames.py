"""Frames of segmentations: compressed ones, and what their headers tell."""

from __future__ import annotations

import struct
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

from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.io import seg_frames
from viewer.io.failure import OpenError
from viewer.io.seg_frames import frames_of
from viewer.io.seg_read import read_seg
from viewer.io.seg_rle import encoded
from viewer.io.seg_write import KINDS, Kind, write_seg


def made() -> Segmentation:
    """Large enough for JPEG 2000, with empty slices at both ends."""
    grid = Grid.of((6, 40, 44), (2.5, 0.7, 0.8), (-12.5, 30, 7), frame_of_reference="1.2.3.3")
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
    ds.save_as(path)


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
    assert np.array_equal(read_seg(tmp_path / "a.dcm").array, made().array)


@pytest.mark.parametrize("kind", KINDS)
def test_headers_of_frames_are_picked_out_as_pydicom_reads_them(
    tmp_path: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_seg(made(), tmp_path / "a.dcm", kind)
    picked = frames_of(pydicom.dcmread(tmp_path / "a.dcm"))
    assert seg_frames._picked(pydicom.dcmread(tmp_path / "a.dcm").get_item("PerFrameFunctionalGroupsSequence"))
    monkeypatch.setattr(seg_frames, "_picked", lambda raw: [])
    read = frames_of(pydicom.dcmread(tmp_path / "a.dcm"))
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
    data = encoded(inner, (slice(1, 4), slice(columns // 3, columns)), columns, 5)
    wanted = np.zeros((5, columns), np.uint8)
    wanted[1:4, columns // 3 :] = inner
    assert bytes(_rle_decode_frame(data, 5, columns, 1, 8)) == wanted.tobytes()


def test_a_deflated_file_comes_back(tmp_path: Path) -> None:
    write_seg(made(), tmp_path / "a.dcm")
    ds = pydicom.dcmread(tmp_path / "a.dcm")
    ds.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    ds.save_as(tmp_path / "a.dcm")
    assert np.array_equal(read_seg(tmp_path / "a.dcm").array, made().array)


@pytest.mark.parametrize(
    ("syntax", "name"),
    [(uid.RLELossless, "RLE Lossless"), (uid.JPEG2000MCLossless, "Multi-component")],
)
def test_frames_that_cannot_be_decoded_name_their_transfer_syntax(tmp_path: Path, syntax: uid.UID, name: str) -> None:
    write_seg(made(), tmp_path / "a.dcm")
    _compress(tmp_path / "a.dcm", syntax, lambda frame: _run_lengths(np.packbits(frame.ravel(), bitorder="little")))
    with pytest.raises(OpenError, match=rf"Its pixels \(.*({name}).*\) cannot be decoded"):
        read_seg(tmp_path / "a.dcm")


def test_a_transfer_syntax_of_tomorrow_is_named(tmp_path: Path) -> None:
    write_seg(made(), tmp_path / "a.dcm")
    _compress(tmp_path / "a.dcm", uid.JPEG2000MCLossless, _run_lengths)
    data = (tmp_path / "a.dcm").read_bytes()
    deflated = b"1.2.840.10008.1.2.8.1\0"  # Deflated Image Frame Compression
    (tmp_path / "a.dcm").write_bytes(data.replace(uid.JPEG2000MCLossless.encode(), deflated))
    with pytest.raises(OpenError, match=r"1\.2\.8\.1\) cannot be decoded"):
        read_seg(tmp_path / "a.dcm")
