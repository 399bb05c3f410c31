"""A frame whose own header contradicts the file's never reaches a decoder."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import uid

from tests.fixtures.compressed import SYNTAXES, frame_of, picture
from tests.fixtures.dicom_indexed import one_sentence
from viewer.io.dicom.pixels.frame_header import FrameSize, check_frame
from viewer.io.errors import OpenError

SIZE = FrameSize(40, 36, 1, 8)
FRAMES = {syntax: frame_of(picture(), syntax) for syntax in SYNTAXES}


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_frame_that_fits_is_left_as_it_is(syntax: str) -> None:
    assert check_frame(FRAMES[syntax], syntax, SIZE) == (FRAMES[syntax], 8)


@pytest.mark.parametrize("syntax", [uid.JPEGLSLossless, uid.JPEG2000Lossless, uid.RLELossless])
def test_sixteen_bits_fit_as_well(syntax: str) -> None:
    frame = frame_of(picture(dtype=np.uint16), syntax)
    assert check_frame(frame, syntax, SIZE._replace(bits=16)) == (frame, 16)


@pytest.mark.parametrize("syntax", SYNTAXES[1:])
@pytest.mark.parametrize(
    "told", [SIZE._replace(rows=5898), SIZE._replace(columns=19), SIZE._replace(samples=3), SIZE._replace(bits=1)]
)
def test_another_size_is_refused_and_both_are_said(syntax: str, told: FrameSize) -> None:
    with pytest.raises(OpenError, match=r"header says .* but a compressed frame has .*not decoded\.") as refused:
        check_frame(FRAMES[syntax], syntax, told)
    assert one_sentence(str(refused.value))


def test_a_jpeg_in_a_type_that_is_not_its_own_is_refused() -> None:
    with pytest.raises(OpenError, match="32 bits a sample but a compressed frame has 8"):
        check_frame(FRAMES[uid.JPEGBaseline8Bit], uid.JPEGBaseline8Bit, SIZE._replace(bits=32))


@pytest.mark.parametrize("told", [SIZE._replace(samples=3), SIZE._replace(bits=16)])
def test_run_lengths_with_other_parts_than_bytes_of_a_pixel_are_refused(told: FrameSize) -> None:
    with pytest.raises(OpenError, match="parts"):
        check_frame(FRAMES[uid.RLELossless], uid.RLELossless, told)


@pytest.mark.parametrize("offsets", [(2, 64, 60), (2, 64, 1 << 20), (2, 0, 64), (2, 64, 64), (16, *[64] * 15)])
def test_run_lengths_whose_parts_lie_elsewhere_are_refused(offsets: tuple[int, ...]) -> None:
    head = struct.pack("<16L", *offsets, *[0] * (16 - len(offsets)))
    with pytest.raises(OpenError, match="not decoded"):
        check_frame(head + bytes(200), uid.RLELossless, SIZE._replace(bits=16))


def test_run_lengths_too_short_for_the_pixels_are_refused() -> None:
    with pytest.raises(OpenError, match="too short for 60000 rows"):
        check_frame(FRAMES[uid.RLELossless], uid.RLELossless, SIZE._replace(rows=60000, columns=60000))


@pytest.mark.parametrize("syntax", [uid.JPEGBaseline8Bit, uid.JPEGLSLossless])
def test_two_sizes_in_one_frame_are_refused(syntax: str) -> None:
    frame = FRAMES[syntax]
    mark = b"\xff\xc0" if syntax == uid.JPEGBaseline8Bit else b"\xff\xf7"
    at = frame.index(mark)
    (length,) = struct.unpack_from(">H", frame, at + 2)
    segment = frame[at : at + 2 + length]
    with pytest.raises(OpenError, match="2 sizes"):
        check_frame(frame[:at] + segment + frame[at:], syntax, SIZE)


def test_what_stands_before_a_code_stream_is_left_out() -> None:
    stream = FRAMES[uid.JPEG2000Lossless]
    assert check_frame(b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(70) + stream, uid.JPEG2000, SIZE) == (stream, 8)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("other", SYNTAXES)
def test_frames_of_another_kind_are_refused(syntax: str, other: str) -> None:
    jpegs = {uid.JPEGBaseline8Bit, uid.JPEGLSLossless}  # told apart by their decoders
    if syntax != other and not {syntax, other} <= jpegs:
        with pytest.raises(OpenError):
            check_frame(FRAMES[other], syntax, SIZE)


@settings(max_examples=200, deadline=None)
@given(syntax=st.sampled_from(SYNTAXES), start=st.sampled_from(SYNTAXES), length=st.integers(0, 90), noise=st.binary())
def test_any_bytes_are_a_frame_or_one_sentence(syntax: str, start: str, length: int, noise: bytes) -> None:
    said = "It fits."
    try:
        check_frame(FRAMES[start][:length] + noise, syntax, SIZE)
    except OpenError as error:
        said = str(error)
    assert one_sentence(said)
