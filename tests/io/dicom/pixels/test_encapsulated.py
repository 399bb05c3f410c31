"""Frames are found by their items; an offset table that lies misleads nobody."""

from __future__ import annotations

import struct
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fixtures.dicom_indexed import one_sentence
from viewer.io.dicom.pixels.encapsulation import frame_bytes, frames_in
from viewer.io.errors import FrameError, OpenError

END = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
JPEG = b"\xff\xd8\xff\xc0"


def item(data: bytes) -> bytes:
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(data)) + data


def pixels(fragments: list[bytes], table: list[int] | None = None) -> BytesIO:
    offsets = struct.pack(f"<{len(table or [])}L", *(table or []))
    return BytesIO(item(offsets) + b"".join(map(item, fragments)) + END)


def read(file: BytesIO, count: int) -> list[bytes]:
    frames = frames_in(file, count)
    return [frame_bytes(file, frames, n) for n in range(len(frames))]


@pytest.mark.parametrize("table", [None, [0, 14], [0, 0], [14, 0], [4_000_000_000, 7], [0], [0, 1, 2, 3]])
def test_one_fragment_a_frame_needs_no_table(table: list[int] | None) -> None:
    assert read(pixels([b"first!", b"second"], table), 2) == [b"first!", b"second"]


def test_one_frame_takes_all_fragments() -> None:
    assert read(pixels([b"ab", b"cd", b"ef"], [0]), 1) == [b"abcdef"]


def test_several_fragments_are_put_together_by_the_table() -> None:
    assert read(pixels([b"ab", b"cd", b"ef"], [0, 20]), 2) == [b"abcd", b"ef"]


@pytest.mark.parametrize("table", [None, [0, 1], [24, 0], [0, 4_000_000_000], [0, 0]])
def test_without_a_table_that_fits_the_starts_of_images_tell(table: list[int] | None) -> None:
    assert read(pixels([JPEG, b"more", JPEG + b"!!", b"more"], table), 2) == [JPEG + b"more", JPEG + b"!!more"]


def test_what_neither_tells_is_refused() -> None:
    with pytest.raises(OpenError, match="neither an offset table nor the parts"):
        frames_in(pixels([b"ab", b"cd", b"ef"]), 2)


def test_frames_before_the_end_of_a_file_that_is_cut_off_are_there() -> None:
    whole = pixels([b"first!", b"second", b"third!"]).getvalue()
    file = BytesIO(whole[: -len(END) - 3])
    frames = frames_in(file, 3)
    assert [frame_bytes(file, frames, n) for n in (0, 1)] == [b"first!", b"second"]
    with pytest.raises(FrameError, match="ends before"):
        frame_bytes(file, frames, 2)
    assert len(frames_in(BytesIO(whole[:25]), 3)) == 1


@pytest.mark.parametrize("data", [b"", END, item(b""), bytes(64)])
def test_no_frames_at_all_are_refused(data: bytes) -> None:
    with pytest.raises(OpenError, match="missing or damaged"):
        frames_in(BytesIO(data), 2)


@settings(max_examples=200, deadline=None)
@given(fragments=st.lists(st.binary(max_size=9), max_size=6), table=st.lists(st.integers(0, 99), max_size=4),
       cut=st.integers(0, 60), count=st.integers(1, 5))  # fmt: skip
def test_any_bytes_are_frames_or_a_sentence(fragments: list[bytes], table: list[int], cut: int, count: int) -> None:
    data = pixels(fragments, table).getvalue()
    said = "It was read."
    try:
        read(BytesIO(data[: max(0, len(data) - cut)]), count)
    except OpenError as error:
        said = str(error)
    assert one_sentence(said)
