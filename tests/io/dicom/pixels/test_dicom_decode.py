"""What is compressed comes back, or costs its frame in a sentence; the reader process lives on."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import uid

from tests.fixtures.compressed import PLACED, SYNTAXES, frame_of, picture, put_pixels, write_compressed
from tests.fixtures.dicom_indexed import one_sentence
from tests.io.asking import call
from viewer.data.volume import Volume
from viewer.io.dicom.pixels.decode import DECODERS, decode_bytes
from viewer.io.errors import FrameError
from viewer.io.reader.pool import Pool, PoolRequest
from viewer.io.reader.reader import OpenError, Reader, index_now, load_now

OPTIONS = {
    "rows": 40, "columns": 36, "samples_per_pixel": 1, "bits_allocated": 8, "bits_stored": 8, "number_of_frames": 1,
    "pixel_representation": 0, "photometric_interpretation": "MONOCHROME2", "pixel_keyword": "PixelData",
}  # fmt: skip
KINDS = (*SYNTAXES, uid.JPEGLosslessSV1)
FRAMES = {syntax: frame_of(picture(), syntax) for syntax in KINDS}


@pytest.fixture(scope="module")
def own() -> Iterator[Reader]:
    reader = Reader(workers=1, memory_limit=2 << 30)
    yield reader
    reader.close()


def opened(reader: Reader, *paths: Path) -> tuple[Volume, ...]:
    (image,), refused = index_now(paths, reader)
    assert not refused
    return load_now(image, reader)


def test_gdcm_decodes_only_what_nothing_else_does() -> None:
    first = {syntax for syntax, plugins in DECODERS.items() if plugins[0] == "gdcm"}
    assert first == {uid.JPEGLossless, uid.JPEGLosslessSV1}
    assert all("gdcm" not in plugins[1:] for plugins in DECODERS.values())


@pytest.mark.parametrize("syntax", KINDS)
def test_frames_come_back(syntax: str) -> None:
    pixels = decode_bytes(FRAMES[syntax], uid.UID(syntax), OPTIONS)
    assert np.abs(pixels.astype(int) - picture()).max() <= (8 if syntax == uid.JPEGBaseline8Bit else 0)


def test_lossless_jpeg_of_16_bits_comes_back_by_gdcm_and_of_8_bits_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = picture(dtype=np.uint16) * 37
    options = OPTIONS | {"bits_allocated": 16, "bits_stored": 16}
    frame = frame_of(wide, uid.JPEGLosslessSV1)
    np.testing.assert_array_equal(decode_bytes(frame, uid.JPEGLosslessSV1, options), wide)
    monkeypatch.setattr("viewer.io.dicom.pixels.decode.DECODERS", {})
    np.testing.assert_array_equal(decode_bytes(FRAMES[uid.JPEGLosslessSV1], uid.JPEGLosslessSV1, OPTIONS), picture())
    with pytest.raises(FrameError):
        decode_bytes(frame, uid.JPEGLosslessSV1, options)


def test_a_run_past_the_end_of_a_frame_is_a_sentence_though_its_decoder_panics(own: Reader, tmp_path: Path) -> None:
    frame = struct.pack("<16L", 2, 64, 66, *[0] * 13) + bytes([129, 7, 129, 7])  # 128 where 64 are left
    path = write_compressed(tmp_path / "a.dcm", np.zeros((8, 8), np.uint16), uid.RLELossless, [frame])
    _, before = call(own, "process")
    with pytest.raises(OpenError, match="cannot be decoded"):
        opened(own, path)
    assert call(own, "process") == ("done", before)


@pytest.mark.parametrize("syntax", KINDS[1:])
def test_a_frame_of_another_size_is_refused_by_size_and_the_process_lives(
    own: Reader, tmp_path: Path, syntax: str
) -> None:
    path = write_compressed(tmp_path / "a.dcm", picture(590, 50), syntax, [FRAMES[syntax]])
    _, before = call(own, "process")
    with pytest.raises(OpenError, match="590 rows and 50 columns"):
        opened(own, path)
    assert call(own, "process") == ("done", before)


def test_a_frame_that_cannot_be_decoded_costs_its_slice_which_is_said(own: Reader, tmp_path: Path) -> None:
    for k in range(5):
        frames = [FRAMES[uid.JPEGLSLossless][: 40 if k == 2 else None]]
        position = {"ImagePositionPatient": [0, 0, 3 * k], "RescaleSlope": 1, "RescaleIntercept": -200}
        write_compressed(tmp_path / f"{k}.dcm", picture(), uid.JPEGLSLossless, frames, **position)
    (volume,) = opened(own, tmp_path)
    assert volume.array[2].max() == 0
    np.testing.assert_array_equal(volume.array[[0, 1, 3, 4]], np.stack([picture()] * 4))
    assert "1 of 5 slices lost" in volume.badges
    (image,), _ = index_now([tmp_path], own)
    with pytest.raises(OpenError, match="1 of 5 slices lost"):
        load_now(image, own, whole=True)


def test_a_file_of_a_series_without_frames_costs_its_slice(own: Reader, tmp_path: Path) -> None:
    for k in range(4):
        write_compressed(tmp_path / f"{k}.dcm", picture(), uid.RLELossless, ImagePositionPatient=[0, 0, 3 * k])
    data = (tmp_path / "1.dcm").read_bytes()
    (tmp_path / "1.dcm").write_bytes(data[: data.index(b"\xfe\xff\x00\xe0")] + bytes(64))
    (volume,) = opened(own, tmp_path)
    assert "1 of 4 slices lost" in volume.badges


def test_where_every_frame_is_lost_the_image_is_refused(own: Reader, tmp_path: Path) -> None:
    frames = [b"\xff\xd8\xff\xd9"] * 3
    path = write_compressed(tmp_path / "a.dcm", np.stack([picture()] * 3), uid.JPEGLSLossless, frames)
    with pytest.raises(OpenError, match="0 sizes"):
        opened(own, path)


@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEGLosslessSV1])
def test_a_frame_at_which_the_process_crashes_costs_its_slice_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, syntax: str
) -> None:
    def misbehaving(self: Pool, unit: PoolRequest) -> None:
        unit.function = unit.function.replace("viewer.io.dicom.pixels.read:read_slices", "tests.io.misbehaviour:fill")
        add(self, unit)

    add = Pool.add
    monkeypatch.setattr(Pool, "add", misbehaving)
    for k in range(6):
        name = "crash.dcm" if k == 4 else f"{k}.dcm"
        position = {"ImagePositionPatient": [0, 0, 3 * k]}
        write_compressed(tmp_path / name, picture(dtype=np.uint16), syntax, **position)
    reader = Reader(workers=1)
    try:
        (volume,) = opened(reader, tmp_path)
    finally:
        reader.close()
    assert "1 of 6 slices lost" in volume.badges
    np.testing.assert_array_equal(volume.array[[0, 1, 2, 3, 5]], np.stack([picture(dtype=np.uint16)] * 5))
    assert not volume.array[4].any()


def test_a_table_that_lies_misleads_nobody(own: Reader, tmp_path: Path) -> None:
    frames = np.stack([picture(), picture()[::-1]])
    path = write_compressed(tmp_path / "a.dcm", frames, uid.RLELossless)
    ds = pydicom.dcmread(path)
    ds.ExtendedOffsetTable = struct.pack("<2Q", 1 << 40, 3)
    ds.ExtendedOffsetTableLengths = struct.pack("<2Q", 1, 1 << 50)
    ds.save_as(path)
    data = bytearray(ds.PixelData)
    data[8:16] = struct.pack("<2L", 77, 5)
    put_pixels(path, uid.RLELossless, bytes(data))
    volumes = opened(own, path)
    np.testing.assert_array_equal(np.concatenate([one.array for one in volumes]), frames)


def test_a_value_of_a_length_that_its_kind_cannot_have_is_one_sentence(own: Reader, tmp_path: Path) -> None:
    path = write_compressed(tmp_path / "a.dcm", picture()[None], uid.RLELossless)
    path.write_bytes(path.read_bytes().replace(b"\x02\0\0\0UL\x04\0", b"\x02\0\0\0FD\x04\0", 1))
    with pytest.raises(OpenError, match=r"\(RLE Lossless\) cannot be decoded"):
        opened(own, path)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    syntax=st.sampled_from(KINDS),
    flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=4),
    cut=st.floats(0, 1),
)
def test_bytes_that_are_changed_in_a_frame_are_an_image_or_one_sentence(
    syntax: str, flips: list[tuple[float, int]], cut: float
) -> None:
    frame = bytearray(FRAMES[syntax])
    for where, value in flips:
        frame[round(where * (len(frame) - 1))] = value
    if cut > 0.8:
        del frame[round((cut - 0.8) * 5 * len(frame)) :]
    shape, said = picture().shape, "It was decoded."
    try:
        shape = decode_bytes(bytes(frame), uid.UID(syntax), OPTIONS).shape
    except FrameError as error:
        said = str(error)
    assert shape == picture().shape
    assert one_sentence(said)


def test_a_pool_answers_every_damaged_file_and_lives_on(own: Reader, tmp_path: Path) -> None:
    chance = np.random.default_rng(3)
    for number in range(60):
        syntax = KINDS[number % len(KINDS)]
        frame = bytearray(FRAMES[syntax])
        for place in chance.integers(0, len(frame), 3):
            frame[place] = chance.integers(256)
        about = {"SeriesInstanceUID": f"1.2.{number}", **PLACED}
        write_compressed(tmp_path / f"{number}.dcm", picture(), syntax, [bytes(frame)], **about)
    images, refused = index_now([tmp_path], own)
    assert len(images) == 60
    assert not refused
    said = []
    for image in images:
        try:
            load_now(image, own)
        except OpenError as error:
            said.append(str(error))
    assert said
    assert all(map(one_sentence, said))
    _, process = call(own, "process")
    assert psutil.pid_exists(process)


@pytest.mark.parametrize("changed", [{"BitsAllocated": 32}, {"BitsStored": 4, "HighBit": 3}, {"Columns": 255}])
def test_what_would_end_gdcm_ends_in_a_sentence_or_an_image(
    own: Reader, tmp_path: Path, changed: dict[str, int]
) -> None:
    ds = pydicom.dcmread(Path(pydicom.__file__).parent / "data" / "test_files" / "JPGExtended.dcm")
    for keyword, value in changed.items():
        setattr(ds, keyword, value)
    ds.save_as(tmp_path / "a.dcm")
    _, before = call(own, "process")
    if "BitsStored" in changed:
        assert opened(own, tmp_path / "a.dcm")[0].array.shape == (1, 1024, 256)
    else:
        with pytest.raises(OpenError, match="not decoded"):
            opened(own, tmp_path / "a.dcm")
    assert call(own, "process") == ("done", before)
