"""Whatever a file is, it ends in images or in one sentence; nothing hangs, crashes or fills the memory."""

from __future__ import annotations

import gzip
import os
import random
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import RLELossless

from tests.fixtures.dicom_phantom import dataset, ramp, write, write_enhanced, write_series
from viewer.data.grid import Grid
from viewer.data.study import Image, RefusedFile
from viewer.io.reader.reader import OpenError, Reader, index_now, load_now

GRID = Grid.of((4, 10, 12), (2, 1, 1))
TEST_FILES = Path(pydicom.__file__).parent / "data" / "test_files"


def is_sentence(text: str) -> bool:
    return len(text) > 10 and text.endswith(".") and "\n" not in text and "Traceback" not in text


def everything(reader: Reader, *paths: Path) -> tuple[list[Image], list[RefusedFile], list[str]]:
    """Index and load all there is; images, refusals, and why images could not be loaded. All reasons are sentences."""
    images, refused = index_now(paths, reader)
    failures = []
    for image in images:
        try:
            for volume in load_now(image, reader):
                assert volume.array.shape[:3] == volume.grid.shape
        except OpenError as error:
            failures.append(str(error))
    for reason in (*(one.reason for one in refused), *failures):
        assert is_sentence(reason), reason
    return images, refused, failures


def test_every_test_file_of_pydicom_opens_or_is_refused_in_one_sentence(reader: Reader) -> None:
    files = [path for path in TEST_FILES.rglob("*") if path.is_file() and not path.name.startswith(".")]
    images, refused, _ = everything(reader, TEST_FILES)
    accounted = {path for image in images for path in image.source.files} | {one.path for one in refused}
    assert len(images) > 60
    said = len({str(path.resolve()) for path in files} & accounted)
    assert said >= 0.8 * len(files)  # the rest are copies of others and DICOMDIRs


def test_a_text_a_pdf_and_nothing_at_all_are_no_dicom_files(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "report.dcm").write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 20)
    (tmp_path / "notes.txt").write_text("not an image\n" * 100)
    (tmp_path / "empty.dcm").touch()
    (tmp_path / "arrays.npz").write_bytes(b"PK\x05\x06" + bytes(18))
    images, refused, _ = everything(reader, tmp_path)
    assert not images
    assert {Path(one.path).name for one in refused} == {"report.dcm", "notes.txt", "empty.dcm", "arrays.npz"}


def test_a_truncated_file_costs_itself_only(reader: Reader, tmp_path: Path) -> None:
    paths = write_series(tmp_path, ramp(GRID.shape), GRID)
    paths[0].write_bytes(paths[0].read_bytes()[:-40])
    images, refused, failures = everything(reader, tmp_path)
    assert [Path(one.path) for one in refused] == [paths[0]]
    assert "truncated" in refused[0].reason
    assert [image.grid.shape[0] for image in images] == [3]
    assert not failures


@pytest.mark.parametrize("rows", [65535, 40000])
def test_a_header_that_claims_gigabytes_is_refused(reader: Reader, tmp_path: Path, rows: int) -> None:
    pixels = ramp((10, 12))
    ds = dataset(
        pixels, ImagePositionPatient=[0, 0, 0], ImageOrientationPatient=[1, 0, 0, 0, 1, 0], PixelSpacing=[1, 1]
    )
    ds.Rows = ds.Columns = rows
    ds.NumberOfFrames = 3
    write(tmp_path / "claim.dcm", ds, pixels)
    images, refused, failures = everything(reader, tmp_path)
    assert len(refused) + len(failures) == 1
    assert not images or failures


def test_compressed_pixels_that_claim_gigabytes_are_refused_before_they_are_decoded(
    reader: Reader, tmp_path: Path
) -> None:
    pixels = np.zeros((100, 100), np.uint16)
    path = write(tmp_path / "bomb.dcm", dataset(pixels, Modality="OT"), pixels)
    ds = pydicom.dcmread(path)
    frame = get_encoder(RLELossless).encode(ds)
    ds.Rows = ds.Columns = 65000
    ds.PixelData = encapsulate([frame])
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = RLELossless
    ds.save_as(path)
    _, refused, failures = everything(reader, path)
    assert len(refused) + len(failures) == 1


def test_a_length_that_points_far_behind_the_end_is_refused(reader: Reader, tmp_path: Path) -> None:
    (path,) = write_series(tmp_path, ramp(GRID.shape), GRID, slices=[0])
    data = bytearray(path.read_bytes())
    at = data.index(struct.pack("<HH2s", 0x0008, 0x103E, b"LO"))
    data[at + 6 : at + 8] = b"\xff\xff"
    path.write_bytes(data)
    _, refused, _ = everything(reader, path)
    assert len(refused) == 1


def test_sequences_nested_without_end_are_refused(reader: Reader, tmp_path: Path) -> None:
    (path,) = write_series(tmp_path, ramp(GRID.shape), GRID, slices=[0])
    head = path.read_bytes()[: path.read_bytes().index(struct.pack("<HH2s", 0x7FE0, 0x0010, b"OW"))]
    nest = struct.pack("<HH2sHI", 0x5200, 0x9230, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    path.write_bytes(head + nest * 50_000)
    _, refused, _ = everything(reader, path)
    assert len(refused) == 1


def test_a_picture_of_more_pixels_than_any_has_is_refused(reader: Reader, tmp_path: Path) -> None:
    side = 12_000
    head = struct.pack(">LLBBBBB", side, side, 1, 0, 0, 0, 0)
    data = b""
    for kind, body in ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(side // 8 * side), 0)), (b"IEND", b"")):
        data += struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    images, refused, _ = everything(reader, tmp_path)
    assert not images
    assert "pixels" in refused[0].reason


def test_what_unpacks_without_end_behind_an_image_is_not_unpacked(reader: Reader, tmp_path: Path) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(ramp(GRID.shape)), str(tmp_path / "a.nii"))
    whole = (tmp_path / "a.nii").read_bytes()
    (tmp_path / "a.nii").unlink()
    (tmp_path / "behind.nii.gz").write_bytes(gzip.compress(whole + bytes(1 << 28), 1))
    far = bytearray(whole)
    far[108:112] = struct.pack("<f", 1e11)
    (tmp_path / "far.nii.gz").write_bytes(gzip.compress(far, 1))
    images, _, failures = everything(reader, tmp_path)
    assert any(Path(image.source.files[0]).name == "behind.nii.gz" for image in images)
    assert len(failures) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_refused_alone_and_passed_over_in_a_folder(reader: Reader, tmp_path: Path) -> None:
    write_series(tmp_path, ramp(GRID.shape), GRID)
    os.mkfifo(tmp_path / "pipe.dcm")
    images, _, _ = everything(reader, tmp_path)
    assert len(images) == 1
    _, refused, _ = everything(reader, tmp_path / "pipe.dcm")
    assert "pipe" in refused[0].reason


def seeds(folder: Path) -> list[Path]:
    """One small file of each kind."""
    array = ramp(GRID.shape)
    (ct,) = write_series(folder, array, GRID, slices=[0], prefix="ct")
    (rle,) = write_series(folder, array, GRID, slices=[1], prefix="rle")
    ds = pydicom.dcmread(rle)
    ds.PixelData = encapsulate([get_encoder(RLELossless).encode(ds)])
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = RLELossless
    ds.save_as(rle)
    enhanced = write_enhanced(folder / "enhanced.dcm", array[None].astype(np.uint16), GRID)
    files = [ct, rle, enhanced]
    for ending in (".nii", ".nii.gz", ".nrrd", ".mha", ".png", ".jpg"):
        files.append(folder / f"file{ending}")
        sitk.WriteImage(
            sitk.GetImageFromArray(array[0].astype(np.uint8) if ending[1] in "pj" else array), str(files[-1])
        )
    shutil.make_archive(str(folder / "archive"), "zip", folder, ct.name)
    return [*files, folder / "archive.zip"]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Some bytes changed, cut out, doubled, or turned to extremes, mostly in the header."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = min(int(chance.expovariate(1 / 400)), len(out) - 1)
        kind = chance.randrange(5)
        if kind == 0:
            out[at] = chance.randrange(256)
        elif kind == 1:
            out[at : at + 4] = chance.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\0\0\0\x80"])
        elif kind == 2:
            del out[at : at + chance.randrange(1, 30)]
        elif kind == 3:
            out[at:at] = out[at : at + chance.randrange(1, 30)]
        else:
            del out[max(1, len(out) - chance.randrange(1, len(out))) :]
        out = out or bytearray(b"\0")
    return bytes(out)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_of_every_kind_end_in_images_or_sentences(reader: Reader, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    (tmp_path / "whole").mkdir()
    for path in seeds(tmp_path / "whole"):
        ending = path.name[path.name.index(".") :]
        for number in range(15):
            target = tmp_path / "damaged" / f"{path.name}-{number}{ending}"
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(mutated(path.read_bytes(), chance))
    images, refused, _ = everything(reader, tmp_path / "damaged")
    assert images
    assert refused
