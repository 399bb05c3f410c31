from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from classic_series import PROVENANCE, classic_series, ct_array, oblique_grid
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import CTImageStorage, PositronEmissionTomographyImageStorage, SecondaryCaptureImageStorage
from scipy.spatial.transform import Rotation

from tests.fixtures.dicom_indexed import only
from viewer.data.grid import Grid
from viewer.data.provenance import Provenance
from viewer.data.study import Source
from viewer.data.volume import Volume
from viewer.io.errors import SaveError
from viewer.io.images.save import save_image


def saved_slices(folder: Path) -> list[pydicom.FileDataset]:
    return [pydicom.dcmread(path) for path in sorted(folder.glob("*.dcm"))]


def read_series(folder: Path) -> sitk.Image:
    """As any program built on ITK reads a folder: sorted by position, one image."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


def assert_same_place(image: sitk.Image, grid: Grid, tolerance: float = 1e-4) -> None:
    seen = Grid.of(grid.shape, image.GetSpacing()[::-1], image.GetOrigin(), image.GetDirection())
    np.testing.assert_allclose(seen.corners, grid.corners, atol=tolerance)


@pytest.mark.parametrize("intercept", [0.0, -1024.0])
def test_a_ct_comes_back_with_identical_pixels_and_geometry(tmp_path: Path, intercept: float) -> None:
    array = ct_array()
    volume = classic_series(tmp_path / "in", array, oblique_grid(array.shape), intercept=intercept)
    result = replace(volume, array=array[:, ::-1].copy(), provenance=PROVENANCE)
    saved = save_image([result], tmp_path / "out", "dicom")
    assert len(saved.paths) == 5
    assert saved.note == ()
    image = read_series(tmp_path / "out")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), result.array + int(intercept))
    assert_same_place(image, volume.grid)


def test_the_header_says_whose_it_is_and_how_it_was_made(tmp_path: Path) -> None:
    array = ct_array()
    extra = {"LossyImageCompression": "01", "LossyImageCompressionRatio": "8", "KVP": "120", "PixelPaddingValue": -2000}
    volume = classic_series(tmp_path / "in", array, oblique_grid(array.shape), **extra)
    save_image([replace(volume, provenance=PROVENANCE)], tmp_path / "out", "dicom")
    sources = saved_slices(tmp_path / "in")
    for source, ds in zip(sources, saved_slices(tmp_path / "out"), strict=True):
        for keyword in ("PatientName", "PatientID", "PatientBirthDate", "StudyInstanceUID", "StudyDate", "KVP"):
            assert ds[keyword].value == source[keyword].value
        for keyword in ("FrameOfReferenceUID", "AcquisitionTime", "LossyImageCompression", "SOPClassUID"):
            assert ds[keyword].value == source[keyword].value
        assert ds.SOPInstanceUID != source.SOPInstanceUID
        assert ds.SeriesInstanceUID != source.SeriesInstanceUID
        assert ds.SeriesNumber != source.SeriesNumber
        assert ds.ImageType == ["DERIVED", "SECONDARY", "AXIAL"]
        assert ds.SeriesDescription == "Thorax 2.5 [processed: Denoise]"
        assert "SmallestImagePixelValue" not in ds
        assert "PixelPaddingValue" not in ds
        assert [item.ReferencedSOPInstanceUID for item in ds.SourceImageSequence] == [source.SOPInstanceUID]
        assert ds.DerivationCodeSequence[0].CodeValue == "113087"
        assert len(ds.DerivationCodeSequence) == 1
        equipment = ds.ContributingEquipmentSequence[0]
        assert equipment.PurposeOfReferenceCodeSequence[0].CodeValue == "109102"
        assert equipment.Manufacturer == "Tomolens"
        assert "Denoise 1.2" in equipment.ContributionDescription
        assert "Not a medical device" in equipment.ContributionDescription
        told = json.loads(ds.private_block(0x0071, "TOMOLENS")[1].value)
        assert Provenance.from_json(told) == PROVENANCE
        assert (ds.WindowCenter, ds.WindowWidth) == (40, 400)


@pytest.mark.parametrize(
    ("mark", "said"), [("", "[AI, not reviewed: Net]"), ("AI-altered, accepted", "[AI-altered, accepted: Net]")]
)
def test_a_learned_result_carries_its_mark_however_long_the_name(tmp_path: Path, mark: str, said: str) -> None:
    array = ct_array()
    volume = classic_series(tmp_path / "in", array, oblique_grid(array.shape))
    long = replace(volume.source, series_description="x" * 64)
    learned = replace(PROVENANCE, plugin="Net", learned=True, model="net", model_sha256="ab" * 32)
    save_image([replace(volume, source=long, provenance=learned)], tmp_path / "out", "dicom", mark=mark)
    ds = saved_slices(tmp_path / "out")[0]
    assert ds.SeriesDescription.endswith(said)
    assert len(ds.SeriesDescription) <= 64
    assert "ab" * 32 in ds.DerivationDescription


def test_a_learned_result_is_known_as_such_when_it_is_opened_again_and_saved_again(tmp_path: Path) -> None:
    array = ct_array()
    volume = classic_series(tmp_path / "in", array, oblique_grid(array.shape))
    save_image(
        [replace(volume, provenance=replace(PROVENANCE, learned=True))],
        tmp_path / "once",
        "dicom",
        "AI-altered, accepted",
    )
    opened = only(sorted((tmp_path / "once").glob("*.dcm")))
    assert opened.badges == ("AI-altered",)
    assert any("trained model" in warning for warning in opened.warnings)
    again = replace(volume, source=opened.source, badges=opened.badges, provenance=None)
    save_image([again], tmp_path / "twice", "dicom")
    assert only(sorted((tmp_path / "twice").glob("*.dcm"))).badges == ("AI-altered",)
    save_image([replace(volume, provenance=PROVENANCE)], tmp_path / "classical", "dicom")
    assert only(sorted((tmp_path / "classical").glob("*.dcm"))).badges == ()


def test_a_resampled_result_says_so_and_refers_to_every_source(tmp_path: Path) -> None:
    array = ct_array()
    volume = classic_series(tmp_path / "in", array, oblique_grid(array.shape))
    coarse = Grid.of((3, 6, 5), (5, 1.42, 1.66), volume.grid.origin, volume.grid.direction)
    save_image([replace(volume, array=array[:3, :6, :5].copy(), grid=coarse)], tmp_path / "out", "dicom")
    for ds in saved_slices(tmp_path / "out"):
        assert "113085" in [code.CodeValue for code in ds.DerivationCodeSequence]
        referred = {item.ReferencedSOPInstanceUID for item in ds.SourceImageSequence}
        assert referred == set(volume.source.sop_instance_uids)


def test_pet_values_keep_sixteen_bits_and_a_zero_intercept(tmp_path: Path) -> None:
    array = ct_array()
    volume = classic_series(
        tmp_path / "in",
        array,
        oblique_grid(array.shape),
        sop_class=PositronEmissionTomographyImageStorage,
        modality="PT",
        Units="BQML",
        DecayCorrection="START",
    )
    values = np.random.default_rng(2).gamma(1.5, 4000, array.shape).astype(np.float32)
    saved = save_image([replace(volume, array=values, unit="Bq/ml", provenance=PROVENANCE)], tmp_path / "out", "dicom")
    assert len(saved.note) == 1
    assert "rounded" in saved.note[0]
    image = read_series(tmp_path / "out")
    assert np.abs(sitk.GetArrayFromImage(image) - values).max() < 1e-5 * values.max()
    ds = saved_slices(tmp_path / "out")[0]
    assert ds.RescaleIntercept == 0
    assert (ds.Units, ds.DecayCorrection, ds.NumberOfSlices, ds.ImageIndex) == ("BQML", "START", 5, 1)


@pytest.mark.parametrize("values", [np.linspace(-3, 7, 60), np.full(60, 0.3), np.linspace(0, 65534, 60), np.zeros(60)])
def test_float_values_lie_within_half_a_step(tmp_path: Path, values: np.ndarray) -> None:
    array = values.reshape(3, 4, 5)
    volume = Volume(array, Grid.of((3, 4, 5)), "map", source=Source(patient_name="map.nii"))
    save_image([volume], tmp_path / "out", "dicom")
    read = sitk.GetArrayFromImage(read_series(tmp_path / "out"))
    assert np.abs(read - array).max() <= np.ptp(array) / 65534 / 2 * 1.001


def test_whole_numbers_in_floats_are_exact(tmp_path: Path) -> None:
    array = ct_array().astype(np.float32)
    volume = classic_series(tmp_path / "in", ct_array(), oblique_grid(array.shape))
    assert save_image([replace(volume, array=array)], tmp_path / "out", "dicom").note == ()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_series(tmp_path / "out")), array)


@settings(max_examples=12, deadline=None)
@given(angles=st.tuples(*[st.floats(-180, 180)] * 3), flip=st.booleans())
def test_any_direction_comes_back_in_place(
    tmp_path_factory: pytest.TempPathFactory, angles: tuple[float, float, float], flip: bool
) -> None:
    folder = tmp_path_factory.mktemp("series")
    direction = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    if flip:
        direction[:, 2] *= -1
    array = ct_array((3, 6, 4))
    grid = Grid.of(array.shape, (3.1, 0.6, 0.9), (11.5, -203.25, 88), direction)
    save_image([Volume(array, grid, "phantom")], folder / "out", "dicom")
    image = read_series(folder / "out")
    for k in range(3):
        for j, i in ((0, 0), (5, 3)):
            at = image.TransformPhysicalPointToIndex(grid.to_world((k, j, i)).tolist())
            assert image[at] == array[k, j, i]


def test_negative_strides_are_saved_as_seen(tmp_path: Path) -> None:
    array = ct_array()[::-1, :, ::-1]
    save_image([Volume(array, Grid.of(array.shape), "seen")], tmp_path / "out", "dicom")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_series(tmp_path / "out")), array)


def test_a_file_that_is_not_dicom_becomes_a_new_study(tmp_path: Path) -> None:
    array = ct_array()
    volume = Volume(array, oblique_grid(array.shape), source=Source(patient_name="brain^t1=x.nii.gz", modality="MR"))
    save_image([volume], tmp_path / "out", "dicom")
    ds = saved_slices(tmp_path / "out")[0]
    assert str(ds.PatientName) == "brain t1 x.nii.gz"
    assert ds.SOPClassUID == SecondaryCaptureImageStorage
    assert ds.StudyInstanceUID
    assert_same_place(read_series(tmp_path / "out"), volume.grid)


def test_colour_keeps_its_bytes(tmp_path: Path) -> None:
    array = np.random.default_rng(3).integers(0, 255, (2, 5, 7, 3)).astype(np.uint8)
    save_image([Volume(array, Grid.of((2, 5, 7)), "colour")], tmp_path / "out", "dicom")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_series(tmp_path / "out")), array)


def test_time_points_share_one_series(tmp_path: Path) -> None:
    volumes = [Volume(ct_array() + np.int16(t), Grid.of((5, 12, 10)), time=f"{t} s") for t in range(3)]
    save_image(volumes, tmp_path / "out", "dicom")
    slices = saved_slices(tmp_path / "out")
    assert len({ds.SeriesInstanceUID for ds in slices}) == 1
    assert [ds.TemporalPositionIdentifier for ds in slices] == [1] * 5 + [2] * 5 + [3] * 5
    np.testing.assert_array_equal(slices[7].pixel_array, volumes[1].array[2])


def test_inverted_grey_stays_inverted(tmp_path: Path) -> None:
    volume = Volume(ct_array(), Grid.of((5, 12, 10)), inverted=True)
    save_image([volume], tmp_path / "out", "dicom")
    ds = saved_slices(tmp_path / "out")[0]
    assert ds.PhotometricInterpretation == "MONOCHROME1"
    np.testing.assert_array_equal(ds.pixel_array, volume.array[0])


def test_a_source_that_is_gone_still_leaves_the_identity(tmp_path: Path) -> None:
    array = ct_array()
    volume = classic_series(tmp_path / "in", array, oblique_grid(array.shape))
    for path in (tmp_path / "in").iterdir():
        path.unlink()
    saved = save_image([volume], tmp_path / "out", "dicom")
    assert "could not be read" in saved.note[0]
    ds = saved_slices(tmp_path / "out")[0]
    assert (ds.PatientID, ds.StudyInstanceUID) == ("P-77", volume.source.study_uid)
    assert ds.SOPClassUID == CTImageStorage


def test_a_source_in_an_archive_is_read_there(tmp_path: Path) -> None:
    array = ct_array()
    volume = classic_series(tmp_path / "in", array, oblique_grid(array.shape), KVP="120")
    with zipfile.ZipFile(tmp_path / "disc.zip", "w") as archive:
        for path in volume.source.files:
            archive.write(path, f"DICOM/{Path(path).name}")
    inside = tuple(f"{tmp_path / 'disc.zip'}!DICOM/{Path(path).name}" for path in volume.source.files)
    saved = save_image([replace(volume, source=replace(volume.source, files=inside))], tmp_path / "out", "dicom")
    assert saved.note == ()
    slices = saved_slices(tmp_path / "out")
    assert slices[0].KVP == 120
    assert [ds.SourceImageSequence[0].ReferencedSOPInstanceUID for ds in slices] == list(
        volume.source.sop_instance_uids
    )


def test_a_name_in_another_alphabet_stays_that_name(tmp_path: Path) -> None:
    array = ct_array()
    name = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    japanese = {"SpecificCharacterSet": ["", "ISO 2022 IR 87"], "PatientName": name, "InstitutionName": "東京"}
    volume = classic_series(tmp_path / "in", array, oblique_grid(array.shape), **japanese)
    assert b"\xe5\xb1\xb1" not in Path(volume.source.files[0]).read_bytes()
    save_image([volume], tmp_path / "out", "dicom")
    ds = saved_slices(tmp_path / "out")[0]
    assert (str(ds.PatientName), ds.InstitutionName) == (name, "東京")


def test_a_source_that_changed_is_refused(tmp_path: Path) -> None:
    array = ct_array()
    volume = classic_series(tmp_path / "in", array, oblique_grid(array.shape))
    classic_series(tmp_path / "other", array, oblique_grid(array.shape))
    (tmp_path / "other" / "slice0.dcm").replace(tmp_path / "in" / "slice0.dcm")
    with pytest.raises(SaveError, match="changed since"):
        save_image([volume], tmp_path / "out", "dicom")
    assert not (tmp_path / "out").exists()


def test_values_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    array = np.full((2, 3, 4), np.nan, np.float32)
    with pytest.raises(SaveError, match="not numbers"):
        save_image([Volume(array, Grid.of((2, 3, 4)))], tmp_path / "out", "dicom")


def test_a_sheared_grid_is_refused(tmp_path: Path) -> None:
    affine = np.eye(4)
    affine[1, 0] = 0.3
    with pytest.raises(SaveError, match="tilted"):
        save_image([Volume(ct_array(), Grid((5, 12, 10), affine))], tmp_path / "out", "dicom")
