"""Packed files are known by their bytes, bombs are refused, and a file that was exchanged after indexing is noticed."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.fixtures.dicom_phantom import ramp, write_series
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.study import Image
from viewer.io import archive
from viewer.io.archive import Stamp, open_content, open_stored, packing_of, stamp_of, unpack
from viewer.io.errors import OpenError
from viewer.io.reader.probe_file import probe_files
from viewer.io.reader.reader import Reader, index_now, load_now
from viewer.io.segmentations.segmentation_file import holds_labels, read_segmentation, save_segmentation

GRID = Grid.of((3, 4, 5), (2, 1, 1))
ARRAY = ramp(GRID.shape)
PACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress}


def opened(reader: Reader, *paths: Path) -> Image:
    (image,), refused = index_now(paths, reader)
    assert not refused
    return image


@pytest.mark.parametrize("how", PACK)
@pytest.mark.parametrize("name", ["{}.dcm", "IM{}", "{}.dcm.gz", "{}.bz2"])
def test_packed_dicom_opens_whatever_its_name(reader: Reader, tmp_path: Path, how: str, name: str) -> None:
    for number, path in enumerate(write_series(tmp_path / "plain", ARRAY, GRID)):
        (tmp_path / name.format(number)).write_bytes(PACK[how](path.read_bytes()))
        path.unlink()
    image = opened(reader, tmp_path)
    (volume,) = load_now(image, reader)
    assert len(image.source.files) == 3
    np.testing.assert_array_equal(volume.array, ARRAY)


@pytest.mark.parametrize("how", PACK)
def test_packed_dicom_in_an_archive_opens(reader: Reader, tmp_path: Path, how: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for path in write_series(tmp_path / "plain", ARRAY, GRID):
            archive.writestr(path.name, PACK[how](path.read_bytes()))
    np.testing.assert_array_equal(load_now(opened(reader, tmp_path / "a.zip"), reader)[0].array, ARRAY)


@pytest.mark.parametrize("how", ["plain", *PACK])
@pytest.mark.parametrize(
    "name", ["a.nii", "a.nii.gz", "a.nii.bz2", "a.nrrd", "a.nrrd.gz", "a.mha", "a.mha.xz", "a.hdr"]
)
def test_volumes_are_unpacked_by_what_they_are(reader: Reader, tmp_path: Path, how: str, name: str) -> None:
    plain = tmp_path / "in" / f"a{'.nii' if '.nii' in name else Path(name).suffixes[0]}"
    plain.parent.mkdir()
    sitk.WriteImage(sitk.GetImageFromArray(ARRAY), str(plain))
    pack = PACK.get(how, bytes)
    for path in plain.parent.iterdir():
        (tmp_path / (name if path == plain else path.name)).write_bytes(pack(path.read_bytes()))
        path.unlink()
    image = opened(reader, tmp_path)
    np.testing.assert_array_equal(load_now(image, reader)[0].array, ARRAY)
    assert image.source.series_description == name


def test_vectors_in_a_packed_nifti_file(reader: Reader, tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 255, (2, 3, 4, 3)).astype(np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=True), str(tmp_path / "a.nii"))
    (tmp_path / "b.nii").write_bytes(bz2.compress((tmp_path / "a.nii").read_bytes()))
    volumes = load_now(opened(reader, tmp_path / "b.nii"), reader)
    np.testing.assert_array_equal([one.array for one in volumes], np.moveaxis(array, -1, 0))


@pytest.mark.parametrize("how", PACK)
def test_a_bomb_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(archive, "HARMLESS", 1 << 20)
    monkeypatch.setattr(archive, "MAX_MEMBER", 3 << 20)
    start = bytes(128) + b"DICM"
    (tmp_path / "bomb").write_bytes(PACK[how](start + bytes(4 << 20)))
    with pytest.raises(OpenError, match="made to do harm"), open_content(str(tmp_path / "bomb")):
        pytest.fail("it was unpacked")


def test_what_is_packed_and_no_image_is_not_unpacked(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "backup.tar.gz").write_bytes(gzip.compress(b"name" + bytes(1 << 20)))
    (tmp_path / "log.gz").write_bytes(gzip.compress(b"all is well\n" * 1000))
    (tmp_path / "new.dcm").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(100))
    (tmp_path / "cut.dcm").write_bytes(gzip.compress(bytes(128) + b"DICM" + os.urandom(5000))[:-900])
    (tmp_path / "bad.dcm").write_bytes(bz2.compress(os.urandom(5000))[:-40] + bytes(40))
    (tmp_path / "text.dcm").write_bytes(b"BZh is how bzip2 files begin")
    images, refused = index_now([tmp_path], reader)
    said = {Path(one.path).name: one.reason for one in refused}
    assert not images
    assert "no DICOM file is in it" in said["backup.tar.gz"]
    assert "no DICOM file is in it" in said["log.gz"]
    assert "unzstd" in said["new.dcm"]
    assert "cut off or damaged" in said["cut.dcm"]
    assert said["bad.dcm"]
    assert "not a DICOM file" in said["text.dcm"]


def test_what_is_not_packed_is_given_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"plain")
    assert packing_of(str(tmp_path / "a")) == b""
    with open_stored(str(tmp_path / "a")) as file:
        assert unpack(file) is file
        assert file.read() == b"plain"


def exchanged(path: Path) -> None:
    """Another file of the same size and time in its place."""
    status = path.stat()
    other = path.with_name("other")
    other.write_bytes(path.read_bytes()[:-3] + b"\x01\x02\x03")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)


@pytest.mark.parametrize(
    ("name", "touched"),
    [
        ("a.mhd", "a.raw"), ("a.mhd", "a.mhd"), ("a.nhdr", "a.raw"), ("a.hdr", "a.img"), ("a.hdr", "a.hdr"),
        ("a.nii", "a.nii"), ("a.nrrd", "a.nrrd"), ("a.png", "a.png"), ("a.zip", "a.zip"), ("a.dcm", "a.dcm"),
    ],
)  # fmt: skip
def test_an_exchanged_file_is_noticed(reader: Reader, tmp_path: Path, name: str, touched: str) -> None:
    if name in ("a.zip", "a.dcm"):
        (path,) = write_series(tmp_path / "in", ARRAY, GRID, slices=[0])
        path.rename(tmp_path / "a.dcm")
        if name == "a.zip":
            with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
                archive.write(tmp_path / "a.dcm", "a.dcm")
    else:
        array = ARRAY.astype(np.uint8) if name == "a.png" else ARRAY
        sitk.WriteImage(sitk.GetImageFromArray(array[0] if name == "a.png" else array), str(tmp_path / name))
    image = opened(reader, tmp_path / name)
    load_now(image, reader)
    exchanged(tmp_path / touched)
    with pytest.raises(OpenError, match="changed since it was indexed"):
        load_now(image, reader)


def test_pixels_that_a_link_leads_elsewhere_to_meanwhile(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    sitk.WriteImage(sitk.GetImageFromArray(ARRAY), str(tmp_path / "in" / "a.mhd"))
    image = opened(reader, tmp_path / "in")
    (tmp_path / "in" / "a.raw").rename(tmp_path / "secret.raw")
    (tmp_path / "in" / "a.raw").symlink_to(tmp_path / "secret.raw")
    with pytest.raises(OpenError):
        load_now(image, reader)


def test_a_drive_that_numbers_its_files_anew_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    stamp = stamp_of(str(tmp_path / "a"))
    assert stamp.same(stamp._replace(inode=stamp.inode + 1))
    assert stamp.same(stamp._replace(changed=stamp.changed + 1))
    assert not stamp.same(stamp._replace(changed=stamp.changed + 1, inode=stamp.inode + 1))
    assert not stamp.same(stamp._replace(modified=stamp.modified + 1))
    assert not stamp.same(Stamp(2, *stamp[1:]))


@pytest.mark.parametrize("how", PACK)
def test_packed_segments_are_read(tmp_path: Path, how: str) -> None:
    labels = np.zeros((3, 4, 5), np.uint8)
    labels[1, 1:3, 2:4] = 1
    save_segmentation(Segmentation(labels, GRID, (Segment(1, "liver"),)), tmp_path / "a.dcm")
    (tmp_path / "b").write_bytes(PACK[how]((tmp_path / "a.dcm").read_bytes()))
    assert holds_labels(tmp_path / "b")
    np.testing.assert_array_equal(read_segmentation(tmp_path / "b").array > 0, labels > 0)
    assert probe_files([str(tmp_path / "b")])[0].labels


def test_a_member_whose_name_is_no_utf8_in_its_own_header_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ü.dcm", b"DICM" * 100)
    name = "ü".encode()
    path.write_bytes(path.read_bytes().replace(name, b"\xba\xba", 1))  # the directory at the end keeps the right one
    with pytest.raises(OpenError, match="damaged inside its ZIP archive"), open_content(f"{path}!ü.dcm"):
        pass
