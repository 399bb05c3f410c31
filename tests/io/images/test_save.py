from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import pickle
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from classic_series import PROVENANCE, classic_series, ct_array, oblique_grid

from viewer.data.grid import Grid
from viewer.data.volume import Volume
from viewer.files import atomic_write
from viewer.io.errors import SaveError
from viewer.io.images.save import Format, save_image
from viewer.io.reader.reader import Reader, index_now, load_now

NAMES: dict[Format, str] = {"dicom": "out", "nifti": "out.nii.gz", "nrrd": "out.nrrd", "mha": "out.mha"}
FORMATS = pytest.mark.parametrize("format", list(NAMES))
FILES = pytest.mark.parametrize("format", ["nifti", "nrrd", "mha"])


def phantom() -> Volume:
    array = ct_array()
    return Volume(array, oblique_grid(array.shape), "phantom", provenance=PROVENANCE)


@pytest.fixture
def mount(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A small memory file system of its own, where the system lets one be mounted."""
    folder = tmp_path / "mount"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", request.param, "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        done = False
    if not done:
        pytest.skip("mounting a file system is not permitted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@FILES
@pytest.mark.parametrize("dtype", ["<i2", "u1", "<u2", "<i4", "<f4", "<f8", "?", "<f2", ">i2"])
def test_values_and_place_come_back(tmp_path: Path, format: Format, dtype: str) -> None:
    array = (ct_array() % 120).astype(dtype)
    volume = Volume(array, oblique_grid(array.shape))
    save_image([volume], tmp_path / NAMES[format], format)
    image = sitk.ReadImage(str(tmp_path / NAMES[format]))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), array)
    seen = Grid.of(array.shape, image.GetSpacing()[::-1], image.GetOrigin(), image.GetDirection())
    np.testing.assert_allclose(seen.corners, volume.grid.corners, atol=1e-3 if format == "nifti" else 1e-6)


@FILES
def test_the_slope_is_applied(tmp_path: Path, format: Format) -> None:
    whole = replace(phantom(), intercept=-1024.0)
    save_image([whole], tmp_path / f"a{NAMES[format]}", format)
    image = sitk.ReadImage(str(tmp_path / f"a{NAMES[format]}"))
    assert image.GetPixelID() == sitk.sitkInt16
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), whole.array - 1024)
    part = replace(phantom(), slope=0.37)
    save_image([part], tmp_path / f"b{NAMES[format]}", format)
    read = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / f"b{NAMES[format]}")))
    np.testing.assert_array_equal(read, part.values())


@FILES
def test_a_left_handed_grid_stays_left_handed(tmp_path: Path, format: Format) -> None:
    direction = np.diag([1.0, 1.0, -1.0])
    volume = Volume(ct_array()[:, ::-1], Grid.of((5, 12, 10), (2, 0.5, 0.7), (3, 4, 5), direction))
    save_image([volume], tmp_path / NAMES[format], format)
    image = sitk.ReadImage(str(tmp_path / NAMES[format]))
    np.testing.assert_allclose(np.array(image.GetDirection()).reshape(3, 3), direction, atol=1e-6)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), volume.array)


def test_nifti_is_in_ras_as_others_read_it(tmp_path: Path) -> None:
    """The sform by the standard's own bytes (NIfTI-1: srow_x at byte 280): RAS millimetres of voxel (i, j, k)."""
    volume = Volume(ct_array(), Grid.of((5, 12, 10), (3, 2, 1.5), (10, 20, 30)))
    save_image([volume], tmp_path / "out.nii.gz", "nifti")
    raw = gzip.decompress((tmp_path / "out.nii.gz").read_bytes())
    sform = np.frombuffer(raw, "<f4", 12, 280).reshape(3, 4)
    np.testing.assert_allclose(sform, [[-1.5, 0, 0, -10], [0, -2, 0, -20], [0, 0, 3, 30]])


@FILES
def test_several_time_points_become_four_dimensions(tmp_path: Path, format: Format) -> None:
    volumes = [replace(phantom(), array=ct_array() + np.int16(t), time=f"{t} s") for t in range(3)]
    saved = save_image(volumes, tmp_path / NAMES[format], format)
    image = sitk.ReadImage(saved.paths[0])
    assert image.GetSize() == (10, 12, 5, 3)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image)[2], volumes[2].array)
    assert json.loads(Path(saved.paths[1]).read_text())["timepoints"] == ["0 s", "1 s", "2 s"]


def test_the_file_beside_tells_the_origin_but_not_the_patient(tmp_path: Path) -> None:
    array = ct_array()
    volume = replace(classic_series(tmp_path / "in", array, oblique_grid(array.shape)), provenance=PROVENANCE)
    saved = save_image([volume], tmp_path / "out.nii.gz", "nifti")
    assert saved.paths == (str(tmp_path / "out.nii.gz"), str(tmp_path / "out.json"))
    assert saved.bytes == sum(Path(path).stat().st_size for path in saved.paths)
    text = Path(saved.paths[1]).read_text()
    told = json.loads(text)
    assert told["sha256"] == hashlib.sha256(Path(saved.paths[0]).read_bytes()).hexdigest()
    assert told["provenance"]["plugin"] == "Denoise"
    assert told["mark"] == "processed"
    assert told["unit"] == "HU"
    assert told["source"]["series_uid"] == volume.source.series_uid
    assert "Not a medical device" in told["notice"]
    for secret in ("Müller", "Zoë", "P-77", "19700102", str(tmp_path)):
        assert secret not in text


def test_colour_goes_to_nrrd_but_not_to_nifti(tmp_path: Path) -> None:
    array = np.random.default_rng(3).integers(0, 255, (2, 5, 7, 3)).astype(np.uint8)
    volume = Volume(array, Grid.of((2, 5, 7)))
    save_image([volume], tmp_path / "out.nrrd", "nrrd")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out.nrrd"))), array)
    with pytest.raises(SaveError, match="NRRD"):
        save_image([volume], tmp_path / "out.nii.gz", "nifti")


@FORMATS
def test_progress_rises_to_one_and_nothing_temporary_stays(tmp_path: Path, format: Format) -> None:
    seen: list[float] = []
    saved = save_image([phantom()], tmp_path / NAMES[format], format, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert all(Path(path).exists() for path in saved.paths)
    assert not list(tmp_path.glob(".*"))
    assert pickle.loads(pickle.dumps(saved)) == saved


@FORMATS
def test_nothing_is_overwritten_unasked(tmp_path: Path, format: Format) -> None:
    save_image([phantom()], tmp_path / NAMES[format], format)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    other = replace(phantom(), array=ct_array() // 2)
    with pytest.raises(SaveError, match="choose"):
        save_image([other], tmp_path / NAMES[format], format)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    saved = save_image([other], tmp_path / NAMES[format], format, overwrite=True)
    image = sitk.ReadImage(saved.paths[0])
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image).reshape(-1, 12, 10)[0], other.array[0])


def test_a_folder_with_other_things_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    with pytest.raises(SaveError, match="other things"):
        save_image([phantom()], tmp_path / "out", "dicom", overwrite=True)
    assert (tmp_path / "out" / "thesis.txt").read_text() == "years of work"


@FORMATS
@pytest.mark.parametrize("mount", ["size=64k,nr_inodes=100"], indirect=True)
def test_a_full_disk_leaves_nothing(mount: Path, format: Format) -> None:
    array = np.random.default_rng(4).integers(-3000, 3000, (16, 64, 64)).astype(np.int16)
    with pytest.raises(SaveError, match=r"disk is full.*MB"):
        save_image([Volume(array, Grid.of(array.shape))], mount / NAMES[format], format)
    assert list(mount.iterdir()) == []


@FORMATS
@pytest.mark.parametrize("mount", ["ro"], indirect=True)
def test_a_read_only_place_is_named(mount: Path, format: Format) -> None:
    with pytest.raises(SaveError, match="read-only"):
        save_image([phantom()], mount / NAMES[format], format)


@FORMATS
@pytest.mark.parametrize(
    ("number", "said"), [(errno.ENOSPC, "disk is full"), (errno.EACCES, "may not write"), (errno.EIO, "drive failed")]
)
def test_an_error_of_the_disk_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: Format, number: int, said: str
) -> None:
    def fail(path: Path) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(atomic_write, "flush", fail)
    with pytest.raises(SaveError, match=rf"^{NAMES[format]} was not saved: .*{said}.*\.$"):
        save_image([phantom()], tmp_path / NAMES[format], format)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SaveError, match="not there"):
        save_image([phantom()], tmp_path / "gone" / "out", "dicom")


@FORMATS
def test_damage_between_writing_and_reading_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: Format
) -> None:
    flush = atomic_write.flush

    def damage(path: Path) -> None:
        if path.is_file() and path.suffix != ".json":
            raw = bytearray(path.read_bytes())
            raw[-20] ^= 0xFF
            path.write_bytes(raw)
        flush(path)

    monkeypatch.setattr(atomic_write, "flush", damage)
    with pytest.raises(SaveError, match="read back"):
        save_image([phantom()], tmp_path / NAMES[format], format)
    assert list(tmp_path.iterdir()) == []


def test_a_slice_in_the_wrong_place_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pydicom

    flush = atomic_write.flush

    def shift(path: Path) -> None:
        if path.name == "0003.dcm":
            ds = pydicom.dcmread(path)
            ds.ImagePositionPatient[2] += 0.001
            ds.save_as(path)
        flush(path)

    monkeypatch.setattr(atomic_write, "flush", shift)
    with pytest.raises(SaveError, match="same place"):
        save_image([phantom()], tmp_path / "out", "dicom")
    assert list(tmp_path.iterdir()) == []


@FORMATS
def test_an_interrupt_leaves_nothing(tmp_path: Path, format: Format) -> None:
    def interrupt(fraction: float) -> None:
        if fraction > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_image([phantom()], tmp_path / NAMES[format], format, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_program_left_is_swept(tmp_path: Path) -> None:
    old, young = tmp_path / ".tomolens-old", tmp_path / ".tomolens-young"
    old.mkdir()
    young.mkdir()
    os.utime(old, (time.time() - 90000,) * 2)
    save_image([phantom()], tmp_path / "out.mha", "mha")
    assert not old.exists()
    assert young.exists()


@pytest.mark.parametrize("name", ["out.nrrd", "out", ".nii.gz"])
def test_a_name_of_another_format_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SaveError, match=r"\.nii\.gz"):
        save_image([phantom()], tmp_path / name, "nifti")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("folder", "modality", "exact"),
    [
        ("ct-cmb-crc-lung", "CT", True),
        ("mr-philips-mprage", "MR", True),
        ("pet-qin-headneck/PET", "PT", False),
        ("mr-philips-pcasl-classic-vs-enhanced", "MR", False),
    ],
)
def test_real_series_come_back_as_simpleitk_reads_them(
    tmp_path: Path, data: Path, reader: Reader, folder: str, modality: str, exact: bool
) -> None:
    images, _ = index_now([data / "dicom" / folder], reader)
    for count, image in enumerate(images):
        volumes = [replace(volume, provenance=PROVENANCE) for volume in load_now(image, reader)]
        saved = save_image(volumes, tmp_path / str(count), "dicom")
        assert not exact or not saved.note
        n = image.grid.shape[0]
        for place, volume in enumerate(volumes):
            series = sitk.ImageSeriesReader()
            series.SetFileNames(saved.paths[place * n : (place + 1) * n])
            read = series.Execute()
            values = volume.array.astype(np.float64) * volume.slope + volume.intercept
            slack = 0 if exact else np.ptp(values) / 65534 / 2 * 1.001
            assert np.abs(sitk.GetArrayViewFromImage(read) - values).max() <= slack
            seen = Grid.of(volume.grid.shape, read.GetSpacing()[::-1], read.GetOrigin(), read.GetDirection())
            np.testing.assert_allclose(seen.corners, volume.grid.corners, atol=2e-3)
        (again,), refused = index_now([tmp_path / str(count)], reader)
        assert not refused
        assert (again.source.modality, again.timepoints) == (modality, image.timepoints)
        assert again.grid.matches(image.grid)
        assert again.source.study_uid == image.source.study_uid
