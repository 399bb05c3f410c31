from __future__ import annotations

import json
import os
import sys
import zipfile
from pathlib import Path

import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.fileset import FileSet
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage, generate_uid

from tests.fixtures.dicom_phantom import ramp, write_series
from viewer.data.grid import Grid
from viewer.io import find_files
from viewer.io.find_files import list_contents
from viewer.io.reader.probe_file import probe_files
from viewer.io.reader.reader import Reader, index_now, load_now

GRID = Grid.of((3, 4, 5), (2, 1, 1))


def test_folders_are_opened_one_level_deep_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b", "a.dcm", "sub/c", ".hidden", "__MACOSX/junk"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = list_contents([str(tmp_path)])
    assert found.files == [str(tmp_path / "a.dcm"), str(tmp_path / "b")]
    assert found.containers == [str(tmp_path / "sub")]


def test_links_that_lead_in_circles_end(reader: Reader, tmp_path: Path) -> None:
    write_series(tmp_path / "series", ramp(GRID.shape), GRID)
    (tmp_path / "series" / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    images, refused = index_now([tmp_path], reader)
    assert [image.grid.shape for image in images] == [GRID.shape]
    assert {Path(one.path).name for one in refused} == {"self", "gone"}


def test_pipes_and_devices_are_not_read(reader: Reader, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    _, refused = index_now([tmp_path / "pipe", "/dev/zero"], reader)
    assert ["device or pipe" in one.reason for one in refused] == [True, True]


def test_an_empty_folder_and_a_missing_one_are_named(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "void").mkdir()
    _, (empty,) = index_now([tmp_path / "void"], reader)
    _, (missing,) = index_now([tmp_path / "nothing"], reader)
    assert empty.reason.startswith("No image in void")
    assert "not there" in missing.reason


def test_the_same_file_given_twice_is_read_once(reader: Reader, tmp_path: Path) -> None:
    paths = write_series(tmp_path, ramp(GRID.shape), GRID)
    images, refused = index_now([tmp_path, *paths, tmp_path], reader)
    assert [len(image.source.files) for image in images] == [3]
    assert not refused


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_series_in_an_archive_is_read_without_unpacking_it(reader: Reader, tmp_path: Path, compression: int) -> None:
    paths = write_series(tmp_path / "in", ramp(GRID.shape), GRID)
    with zipfile.ZipFile(tmp_path / "study.zip", "w", compression) as archive:
        for path in paths:
            archive.write(path, f"../../{path.name}")  # a name, not a way
        archive.writestr("inner.zip", b"PK")
    before = sorted(tmp_path.rglob("*"))
    (image,), (refused,) = index_now([tmp_path / "study.zip"], reader)
    (volume,) = load_now(image, reader)
    assert (volume.array == ramp(GRID.shape)).all()
    assert "archive within an archive" in refused.reason
    assert sorted(tmp_path.rglob("*")) == before


def test_an_archive_that_would_unpack_to_too_much_is_refused(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.dcm", bytes(32 << 20))
        archive.writestr("harmless.dcm", bytes(1000))
    found = list_contents([str(bomb)])
    assert found.files == [f"{bomb}!harmless.dcm"]
    assert "made to do harm" in found.refused[0][1]


def test_limits_on_count_and_total_of_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(5):
            archive.writestr(f"{number}.dcm", bytes(100))
    monkeypatch.setattr(find_files, "MAX_MEMBERS", 4)
    assert "claims 5 files" in list_contents([str(path)]).refused[0][1]
    monkeypatch.setattr(find_files, "MAX_MEMBERS", 5)
    monkeypatch.setattr(find_files, "MAX_TOTAL", 499)
    assert "would unpack to" in list_contents([str(path)]).refused[0][1]
    monkeypatch.setattr(find_files, "MAX_TOTAL", 500)
    monkeypatch.setattr(find_files, "MAX_MEMBER", 99)
    assert len(list_contents([str(path)]).refused) == 5


def test_a_member_longer_than_its_archive_says_is_refused(reader: Reader, tmp_path: Path) -> None:
    (path,) = write_series(tmp_path, ramp(GRID.shape), GRID, slices=[1])
    archive = tmp_path / "lie.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.write(path, "slice.dcm")
        size = made.getinfo("slice.dcm").file_size
    lying = archive.read_bytes().replace(size.to_bytes(4, "little"), (size - 8).to_bytes(4, "little"))
    archive.write_bytes(lying)
    images, refused = index_now([archive], reader)
    assert not images
    assert len(refused) == 1


def test_encrypted_members_and_damaged_archives_say_so(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "secret.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.dcm", b"x" * 50)
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    (tmp_path / "torn.zip").write_bytes(data[:60])
    _, refused = index_now([path, tmp_path / "torn.zip"], reader)
    assert sorted(one.reason.split(";")[0] for one in refused) == [
        "It is encrypted",
        "This ZIP archive is damaged or incomplete",
    ]


def directory(folder: Path, *references: list[str]) -> Path:
    """A DICOMDIR that names these files."""
    ds = Dataset()
    ds.FileSetID = "TEST"
    ds.DirectoryRecordSequence = Items()
    for parts in references:
        record = Dataset()
        record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", parts
        ds.DirectoryRecordSequence.append(record)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.save_as(folder / "DICOMDIR", enforce_file_format=True)
    return folder / "DICOMDIR"


@pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")  # pydicom's own folder
def test_a_dicomdir_written_by_pydicom_leads_to_its_files(reader: Reader, tmp_path: Path) -> None:
    medium = FileSet()
    for path in write_series(tmp_path / "in", ramp(GRID.shape), GRID, StudyID="1"):
        medium.add(path)
    medium.write(tmp_path / "medium")
    images, refused = index_now([tmp_path / "medium" / "DICOMDIR"], reader)
    assert [image.grid.shape for image in images] == [GRID.shape]
    assert not refused


@pytest.mark.parametrize(
    "parts", [["..", "SECRET"], ["SUB", "..", "..", "SECRET"], ["/etc/passwd"], ["LINK", "SECRET"]]
)
def test_a_dicomdir_cannot_lead_out_of_its_folder(reader: Reader, tmp_path: Path, parts: list[str]) -> None:
    (path,) = write_series(tmp_path, ramp(GRID.shape), GRID, slices=[0])
    path.rename(tmp_path / "SECRET")
    (tmp_path / "medium" / "SUB").mkdir(parents=True)
    (tmp_path / "medium" / "LINK").symlink_to(tmp_path, target_is_directory=True)
    images, refused = index_now([directory(tmp_path / "medium", parts)], reader)
    assert not images
    assert [("outside its folder" in one.reason) for one in refused] == [True]


def test_a_dicomdir_names_what_is_missing_and_finds_names_in_another_case(reader: Reader, tmp_path: Path) -> None:
    (path,) = write_series(tmp_path, ramp(GRID.shape), GRID, slices=[0])
    path.rename(tmp_path / "im1.dcm")
    images, refused = index_now([directory(tmp_path, ["IM1.DCM"], ["IM2.DCM"])], reader)
    assert len(images) == 1
    assert ["missing" in one.reason for one in refused] == [True]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_is_refused_in_words(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "locked.dcm"
    path.write_bytes(b"x")
    path.chmod(0)
    _, (refused,) = index_now([path], reader)
    assert "permission" in refused.reason


def test_a_link_inside_what_was_opened_is_followed_and_one_that_leads_out_is_named(
    reader: Reader, tmp_path: Path
) -> None:
    kept = write_series(tmp_path / "study" / "kept", ramp(GRID.shape), GRID)
    write_series(tmp_path / "study" / "series", ramp(GRID.shape), GRID, SeriesInstanceUID="1.2.3")
    away = write_series(tmp_path / "elsewhere", ramp(GRID.shape), GRID, SeriesInstanceUID="1.2.4")
    opened = tmp_path / "study" / "kept"
    (opened / "inside").symlink_to(kept[0])
    (opened / "file").symlink_to(away[0])
    (opened / "folder").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (opened / "back").symlink_to(tmp_path / "study", target_is_directory=True)
    images, refused = index_now([opened], reader)
    assert [len(image.source.files) for image in images] == [3]
    assert sorted(Path(one.path).name for one in refused) == ["back", "file", "folder"]
    assert all("leads out of the opened folder" in one.reason for one in refused)
    images, refused = index_now([opened, tmp_path / "elsewhere"], reader)  # both were asked for
    assert len(images) == 2
    assert [Path(one.path).name for one in refused] == ["back"]
    _, refused = index_now([opened / "file"], reader)  # the link itself was asked for
    assert not refused


def test_links_in_an_archive_and_names_that_lead_out_reach_nothing(reader: Reader, tmp_path: Path) -> None:
    (path,) = write_series(tmp_path / "in", ramp(GRID.shape), GRID, slices=[0])
    link = zipfile.ZipInfo("link.dcm")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        archive.writestr(link, "in/" + path.name)
        archive.writestr("/etc/passwd", "root")
        archive.write(path, "C:\\x\\..\\y.dcm")
    images, refused = index_now([tmp_path / "study.zip"], reader)
    assert len(images) == 1
    reasons = {one.path.split("!")[1]: one.reason for one in refused}
    assert "is a link" in reasons["link.dcm"]
    assert "not a DICOM file" in reasons["/etc/passwd"]


def test_a_folder_that_goes_half_way_costs_the_files_that_are_gone(tmp_path: Path) -> None:
    paths = [str(path) for path in write_series(tmp_path / "series", ramp(GRID.shape), GRID)]
    Path(paths[1]).unlink()
    reports = probe_files(paths)
    assert [bool(one.header) for one in reports] == [True, False, True]
    assert "not there (any more)" in reports[1].reason
    found = list_contents([str(tmp_path / "gone"), str(tmp_path / "series")])
    assert len(found.files) == 2
    assert "not there (any more)" in found.refused[0][1]


def test_a_path_longer_than_the_system_takes_is_one_sentence(reader: Reader, tmp_path: Path) -> None:
    for path in (tmp_path / ("x" * 4000), tmp_path / ("x/" * 4000)):
        _, (refused,) = index_now([path], reader)
        assert "longer than this system takes" in refused.reason


NAMES = [
    b"a#2",
    b"100%.d",
    b"what?",
    b"two\nlines",
    b"tab\t\x1b[31m",
    b"-rf",
    b" end. ",
    b"caf\xe9",
    "ä\u202eb".encode(),
]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ending", [".dcm", ".nii", ".mhd", ".nrrd"])
def test_any_name_opens(reader: Reader, tmp_path: Path, name: bytes, ending: str) -> None:
    folder = tmp_path / os.fsdecode(name)
    folder.mkdir()
    path = folder / (os.fsdecode(name) + ending)
    if ending == ".dcm":
        write_series(tmp_path / "in", ramp(GRID.shape), GRID, slices=[0])[0].rename(path)
    else:
        sitk.WriteImage(sitk.GetImageFromArray(ramp(GRID.shape)), str(tmp_path / f"a{ending}"))
        text = (tmp_path / f"a{ending}").read_bytes().replace(b"a.raw", name + b".raw")
        path.write_bytes(text)
        if ending == ".mhd":
            (tmp_path / "a.raw").rename(folder / os.fsdecode(name + b".raw"))
    if ending == ".mhd" and name in (b"two\nlines", b" end. "):
        return  # such a name of a file of pixels cannot be written into a header
    (image,), refused = index_now([folder], reader)
    assert not refused
    (volume,) = load_now(image, reader)
    assert (volume.array == ramp(GRID.shape)[: volume.array.shape[0]]).all()
    json.dumps(image.source.series_description, ensure_ascii=False).encode()


def test_a_path_of_four_thousand_characters_opens(reader: Reader, tmp_path: Path) -> None:
    folder = str(tmp_path)
    while len(folder) < 3780:
        folder += "/" + "d" * min(200, 3950 - len(folder))
        os.mkdir(folder)
    (path,) = write_series(tmp_path / "in", ramp(GRID.shape), GRID, slices=[0])
    path.rename(f"{folder}/{'a' * 60}.dcm")
    sitk.WriteImage(sitk.GetImageFromArray(ramp(GRID.shape)), str(tmp_path / "a.nii"))
    (tmp_path / "a.nii").rename(f"{folder}/{'a' * 60}.nii")
    images, refused = index_now([folder], reader)
    assert not refused
    assert sorted(load_now(image, reader)[0].array.shape[0] for image in images) == [1, 3]


def test_nothing_is_written_into_a_folder_that_is_opened(reader: Reader, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write_series(folder, ramp(GRID.shape), GRID)
    for ending in (".nii.gz", ".mhd", ".nrrd"):
        sitk.WriteImage(sitk.GetImageFromArray(ramp(GRID.shape)), str(folder / f"a{ending}"))
    folder.chmod(0o500)
    before = (folder.stat().st_mtime_ns, sorted(folder.iterdir()))
    images, refused = index_now([folder], reader)
    assert not refused
    assert all((load_now(image, reader)[0].array == ramp(GRID.shape)).all() for image in images)
    assert (folder.stat().st_mtime_ns, sorted(folder.iterdir())) == before
    folder.chmod(0o700)
