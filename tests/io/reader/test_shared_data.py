"""The shared data sets, read by the real reader and held against SimpleITK, pydicom and each other."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from viewer.data.study import Image
from viewer.data.volume import Volume
from viewer.io.reader.reader import OpenError, Reader, index_now, load_now


def load(reader: Reader, *paths: Path) -> tuple[Image, Volume]:
    (image,), refused = index_now(paths, reader)
    assert not refused
    (volume,) = load_now(image, reader)
    return image, volume


def same_place(volume: Volume, image: sitk.Image) -> None:
    np.testing.assert_allclose(volume.grid.spacing[::-1], image.GetSpacing(), atol=1e-3)
    np.testing.assert_allclose(volume.grid.origin, image.GetOrigin(), atol=1e-3)
    np.testing.assert_allclose(volume.grid.direction.ravel(), image.GetDirection(), atol=1e-4)


@pytest.mark.parametrize("folder", ["ct-cmb-crc-lung", "mr-philips-mprage", "pet-qin-headneck/PET"])
def test_series_equal_what_simpleitk_reads(data: Path, reader: Reader, folder: str) -> None:
    _, volume = load(reader, data / "dicom" / folder)
    series = sitk.ImageSeriesReader()
    series.SetFileNames(series.GetGDCMSeriesFileNames(str(data / "dicom" / folder)))
    image = series.Execute()
    np.testing.assert_allclose(volume.values(), sitk.GetArrayViewFromImage(image), rtol=1e-6, atol=1e-3)
    same_place(volume, image)


def test_classic_and_enhanced_files_of_one_acquisition_are_equal(data: Path, reader: Reader) -> None:
    images, refused = index_now([data / "dicom" / "mr-philips-pcasl-classic-vs-enhanced"], reader)
    (classic,), (enhanced,) = (load_now(image, reader) for image in images)
    assert not refused
    np.testing.assert_array_equal(classic.array, enhanced.array)
    np.testing.assert_array_equal(classic.values(), enhanced.values())
    assert classic.grid.matches(enhanced.grid)


@pytest.mark.parametrize("name", ["CT1", "MR4", "NM1", "US1"])
@pytest.mark.parametrize("codec", ["J2KR", "JLSL", "JPLL", "RLE"])
def test_lossless_codecs_give_the_raw_pixels(data: Path, reader: Reader, name: str, codec: str) -> None:
    folder = data / "dicom" / "wg04-codecs"
    if not (folder / f"{name}_{codec}.dcm").exists():
        pytest.skip(f"there is no {name}_{codec}")
    _, raw = load(reader, folder / f"{name}_UNC.dcm")
    _, decoded = load(reader, folder / f"{name}_{codec}.dcm")
    np.testing.assert_array_equal(decoded.array, raw.array)


@pytest.mark.parametrize("name", ["MR4", "NM1", "XA1"])
def test_12_bit_lossy_jpeg_is_close_to_the_lossless_pixels(data: Path, reader: Reader, name: str) -> None:
    folder = data / "dicom" / "wg04-codecs"
    _, lossy = load(reader, folder / f"{name}_JPLY.dcm")
    _, exact = load(reader, folder / f"{name}_J2KR.dcm")
    assert np.abs(lossy.array.astype(int) - exact.array).mean() < 5
    assert "lossy" in lossy.badges


def test_high_throughput_jpeg_2000_is_decoded(data: Path, reader: Reader) -> None:
    _, volume = load(reader, data / "dicom" / "pydicom-data" / "HTJ2K_08_RGB.dcm")
    assert volume.color


@pytest.mark.parametrize(
    "name",
    [
        "brain-labelmaps-synthseg/training_seg_01.nii.gz",
        "brain-ms-longitudinal-p01/gt.nii.gz",
        "brain-ms-longitudinal-p01/study1_T1W.nii.gz",
        "brain-ms-p07-mni/FLAIR.nii.gz",
        "brain-oasis-c2fvit/image_A.nii.gz",
        "ct-2d-head-pair/CT_2D_head_moving.mha",
        "ct-totalsegmentator/example_ct_sm.nii.gz",
        "mr-totalsegmentator/example_mr_sm.nii.gz",
        "spine-t2-pam50/t2.nii.gz",
        "spine-t2-pam50/t2_seg-manual_labeled.nii.gz",
    ],
)
def test_files_equal_what_simpleitk_reads(data: Path, reader: Reader, name: str) -> None:
    _, volume = load(reader, data / "nifti" / name)
    image = sitk.ReadImage(data / "nifti" / name)
    expected = sitk.GetArrayViewFromImage(image).reshape(volume.array.shape)
    np.testing.assert_allclose(volume.values(), expected, rtol=1e-6)
    if image.GetDimension() == 3:
        same_place(volume, image)


@pytest.mark.slow
def test_every_file_opens_or_is_refused_in_one_sentence(data: Path, reader: Reader) -> None:
    images, refused = index_now([data], reader)
    failures = []
    pictures = [image for image in images if image.plan.kind == "picture"]
    for image in [*(one for one in images if one.plan.kind != "picture"), *pictures[::25]]:
        try:
            load_now(image, reader)
        except OpenError as error:
            failures.append(f"{os.path.basename(image.source.files[0])}: {error}")
    for reason in (*(one.reason for one in refused), *failures):
        assert reason.endswith(".")
        assert "\n" not in reason
    assert not failures
