from __future__ import annotations

import gzip
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from tests.fixtures.opened_file import opened
from viewer.io.reader.reader import OpenError, Reader, index_now, load_now

TURN = np.array([[0, 0.6, 0.8], [0, 0.8, -0.6], [-1, 0, 0]])
SPACING, ORIGIN = (0.5, 0.75, 3.0), (-30.0, 12.5, 200.0)


def picture(array: np.ndarray[Any, Any], **options: Any) -> sitk.Image:
    image = sitk.GetImageFromArray(array, **options)
    if image.GetDimension() == 3:
        image.SetSpacing(SPACING)
        image.SetOrigin(ORIGIN)
        image.SetDirection(TURN.ravel().tolist())
    return image


def refusal(reader: Reader, path: Path) -> str:
    """Why a file is not opened: said at the index or at the load."""
    images, refused = index_now([path], reader)
    if images:
        with pytest.raises(OpenError) as error:
            load_now(images[0], reader)
        return str(error.value)
    assert len(refused) == 1
    return refused[0].reason


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".mha", ".mhd", ".nhdr"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
def test_values_type_and_place_are_those_of_the_file(reader: Reader, tmp_path: Path, ending: str, dtype: str) -> None:
    array = (np.arange(4 * 5 * 6) % 120).astype(dtype).reshape(4, 5, 6)
    sitk.WriteImage(picture(array), str(tmp_path / f"brain{ending}"))
    image, (volume,) = opened(reader, tmp_path)
    assert volume.array.dtype == dtype
    np.testing.assert_array_equal(volume.array, array)
    np.testing.assert_allclose(volume.grid.spacing, SPACING[::-1], rtol=1e-6)
    np.testing.assert_allclose(volume.grid.origin, ORIGIN, atol=1e-4)
    np.testing.assert_allclose(volume.grid.direction, TURN, atol=1e-6)
    assert (image.source.patient_name, image.source.dicom, image.source.modality) == ("", False, "OT")
    assert volume.windows[0].name == "auto"


def test_analyze_is_opened_by_its_header_and_its_pixels_are_no_file_of_their_own(
    reader: Reader, tmp_path: Path
) -> None:
    array = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / "old.hdr"))
    assert (tmp_path / "old.img").exists()
    _, (volume,) = opened(reader, tmp_path)
    assert sorted(volume.array.ravel()) == list(range(60))


def test_the_slope_of_a_nifti_file_is_applied(reader: Reader, tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    path = tmp_path / "scaled.nii"
    sitk.WriteImage(sitk.GetImageFromArray(array), str(path))
    data = bytearray(path.read_bytes())
    data[112:120] = np.array([0.5, -3], "<f4").tobytes()  # scl_slope, scl_inter
    path.write_bytes(data)
    _, (volume,) = opened(reader, path)
    np.testing.assert_allclose(volume.values(), array * 0.5 - 3)
    assert volume.array.dtype == np.int16


def test_a_fourth_dimension_becomes_time_points(reader: Reader, tmp_path: Path) -> None:
    array = np.arange(3 * 2 * 4 * 5, dtype=np.uint16).reshape(3, 2, 4, 5)
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=False), str(tmp_path / "perfusion.nii.gz"))
    image, volumes = opened(reader, tmp_path / "perfusion.nii.gz")
    assert image.timepoints == 3
    assert [volume.time for volume in volumes] == ["time point 1", "time point 2", "time point 3"]
    np.testing.assert_array_equal([volume.array for volume in volumes], array)


@pytest.mark.parametrize("ending", [".nrrd", ".nii.gz"])
def test_vectors_are_shown_one_component_after_the_other_and_say_so(
    reader: Reader, tmp_path: Path, ending: str
) -> None:
    array = np.random.default_rng(1).normal(size=(2, 3, 4, 3)).astype(np.float32)
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=True), str(tmp_path / f"field{ending}"))
    image, volumes = opened(reader, tmp_path / f"field{ending}")
    assert "one after the other" in image.warnings[0]
    np.testing.assert_array_equal([volume.array for volume in volumes], np.moveaxis(array, -1, 0))


@pytest.mark.parametrize("ending", [".png", ".jpg"])
def test_pictures_have_pixels_of_one_millimetre_and_say_so(reader: Reader, tmp_path: Path, ending: str) -> None:
    array = np.add.outer(np.arange(20), np.arange(30)).astype(np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / f"slice{ending}"))
    image, (volume,) = opened(reader, tmp_path / f"slice{ending}")
    assert volume.array.shape == (1, 20, 30)
    assert np.abs(volume.array[0].astype(int) - array).max() <= (0 if ending == ".png" else 3)
    assert volume.grid.spacing.tolist() == [1, 1, 1]
    assert "1 mm" in image.warnings[0]


@pytest.mark.parametrize(("dtype", "channels"), [("uint8", 3), ("uint8", 4), ("uint16", 3)])
def test_coloured_pictures_become_8_bit_rgb(reader: Reader, tmp_path: Path, dtype: str, channels: int) -> None:
    step = 1 if dtype == "uint8" else 257
    array = (np.arange(4 * 5 * channels).reshape(4, 5, channels) * step).astype(dtype)
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=True), str(tmp_path / "c.png"))
    image, (volume,) = opened(reader, tmp_path / "c.png")
    np.testing.assert_array_equal(volume.array[0], (array[..., :3] // step).astype(np.uint8))
    assert volume.color
    assert len(image.warnings) == 1 + (channels == 4) + (dtype == "uint16")


def test_not_a_number_is_kept_and_marked(reader: Reader, tmp_path: Path) -> None:
    array = np.ones((3, 4, 5), np.float32)
    array[1, 2, 3], array[0, 0, 0] = np.nan, np.inf
    sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / "holes.nii"))
    _, (volume,) = opened(reader, tmp_path / "holes.nii")
    np.testing.assert_array_equal(volume.array, array)
    assert "not a number" in volume.badges
    assert np.isfinite([volume.windows[0].center, volume.windows[0].width]).all()


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_header_that_claims_gigabytes_is_refused_before_anything_is_allocated(
    reader: Reader, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / "claim.nii"
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((4, 5, 6), np.int16)), str(path))
    data = bytearray(path.read_bytes())
    data[42:48] = np.array([20000, 20000, 30000], "<i2").tobytes()
    target = tmp_path / f"claim{ending}"
    target.write_bytes(gzip.compress(data) if ending == ".nii.gz" else data)
    assert "more than its" in refusal(reader, target)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".mha", ".png", ".jpg"])
def test_files_cut_off_or_of_another_kind_are_refused(reader: Reader, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"whole{ending}"
    array = np.random.default_rng(0).integers(0, 255, (40, 50) if ending in (".png", ".jpg") else (20, 30, 40))
    sitk.WriteImage(sitk.GetImageFromArray(array.astype(np.uint8)), str(path))
    cut, foreign = tmp_path / f"cut{ending}", tmp_path / f"foreign{ending}"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    foreign.write_bytes(b"%PDF-1.7 not an image" * 20)
    assert refusal(reader, foreign)
    if ending not in (".png", ".jpg"):  # their decoders show what is there
        assert refusal(reader, cut)


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside.raw", "link.raw", "missing.raw"])
@pytest.mark.parametrize("ending", [".mhd", ".nhdr"])
def test_a_header_cannot_name_pixels_outside_its_folder(reader: Reader, tmp_path: Path, ending: str, name: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "outside.raw").write_bytes(bytes(120))
    (folder / "link.raw").symlink_to(tmp_path / "outside.raw")
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((4, 5, 6), np.uint8)), str(folder / f"h{ending}"))
    named = re.compile(r"^(ElementDataFile =|data file:).*", re.MULTILINE)
    text = named.sub(lambda found: f"{found[1]} {name}", (folder / f"h{ending}").read_text())
    (folder / f"h{ending}").write_text(text)
    assert "its own folder" in refusal(reader, folder / f"h{ending}")


def test_a_file_in_an_archive_is_read_there(reader: Reader, tmp_path: Path) -> None:
    array = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    sitk.WriteImage(picture(array), str(tmp_path / "a.nii.gz"))
    sitk.WriteImage(picture(array), str(tmp_path / "b.mhd"))
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name in ("a.nii.gz", "b.mhd", "b.raw"):
            archive.write(tmp_path / name, name)
    (image,), refused = index_now([tmp_path / "all.zip"], reader)
    np.testing.assert_array_equal(load_now(image, reader)[0].array, array)
    assert any("unpack the archive" in one.reason for one in refused)
