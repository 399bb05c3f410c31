from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from viewer.compute.synthesis.sample_case import make_case
from viewer.data.grid import Grid
from viewer.data.study import Source
from viewer.data.volume import Volume
from viewer.io.sample import sample
from viewer.io.sample.sample import SampleError, SamplePaths, make_sample
from viewer.io.sample.truth import measure_retention, truth_of

SERIES = {"baseline/t1": 180, "baseline/flair": 60, "baseline/pet": 58, "follow_up/t1": 168}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> SamplePaths:
    try:
        metadata.version("nilearn")
    except metadata.PackageNotFoundError:
        pytest.skip("the nilearn wheel, which holds the brain template, is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOMOLENS_CACHE", str(tmp_path_factory.mktemp("cache")))
        seen: list[float] = []
        paths = make_sample(seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    return paths


@pytest.fixture(scope="session")
def truth(made: SamplePaths) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((made.truth / "truth.json").read_text())
    return document


def image(made: SamplePaths, name: str) -> sitk.Image:
    return sitk.ReadImage(str(made.truth / f"{name}.nii.gz"))


def array(made: SamplePaths, name: str) -> NDArray[Any]:
    return np.asarray(sitk.GetArrayFromImage(image(made, name)))


def scanned(made: SamplePaths, name: str) -> sitk.Image:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(made.folder / name)))
    return reader.Execute()


def headers(made: SamplePaths, name: str) -> list[pydicom.FileDataset]:
    return [pydicom.dcmread(path) for path in sorted((made.folder / name).iterdir())]


@pytest.mark.slow
@pytest.mark.parametrize("name", SERIES)
def test_each_series_is_a_whole_classic_series(made: SamplePaths, name: str) -> None:
    slices = headers(made, name)
    assert len(slices) == SERIES[name]
    assert len({ds.SOPInstanceUID for ds in slices}) == len(slices)
    for keyword in ("SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID", "SOPClassUID"):
        assert len({ds[keyword].value for ds in slices}) == 1
    first = slices[0]
    assert str(first.PatientName) == "Sample^Tomolens"
    assert "simulated" in first.SeriesDescription
    assert first.Modality == ("PT" if name.endswith("pet") else "MR")
    normal = np.cross(first.ImageOrientationPatient[:3], first.ImageOrientationPatient[3:])
    steps = np.diff([np.dot(ds.ImagePositionPatient, normal) for ds in slices])
    np.testing.assert_allclose(steps, first.SpacingBetweenSlices, atol=1e-6)


@pytest.mark.slow
def test_the_studies_are_one_patient_in_two_frames_of_reference(made: SamplePaths) -> None:
    firsts = {name: headers(made, name)[0] for name in SERIES}
    assert {ds.PatientID for ds in firsts.values()} == {"TOMOLENS-SAMPLE"}
    assert len({ds.SeriesInstanceUID for ds in firsts.values()}) == 4
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID"):
        values = {name: ds[keyword].value for name, ds in firsts.items()}
        assert values["baseline/t1"] == values["baseline/flair"] == values["baseline/pet"]
        assert values["baseline/t1"] != values["follow_up/t1"]
    assert firsts["baseline/t1"].StudyDate < firsts["follow_up/t1"].StudyDate
    assert "Louis Collins" in (made.folder / "README.txt").read_text()


@pytest.mark.slow
def test_the_same_case_is_made_again_and_again(made: SamplePaths) -> None:
    case = make_case(sample._template())
    np.testing.assert_array_equal(sitk.GetArrayFromImage(scanned(made, "baseline/t1")), case.baseline.scanned)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(scanned(made, "follow_up/t1")), case.follow_up.scanned)
    np.testing.assert_array_equal(array(made, "follow_up_lesions"), case.follow_up.lesions)


@pytest.mark.slow
def test_the_scans_lie_where_their_truth_lies(made: SamplePaths) -> None:
    for key in ("baseline", "follow_up"):
        scan, clean = scanned(made, f"{key}/t1"), image(made, f"{key}_clean")
        assert scan.GetSize() == clean.GetSize()
        for one, other in ((scan.GetOrigin(), clean.GetOrigin()), (scan.GetDirection(), clean.GetDirection())):
            np.testing.assert_allclose(one, other, atol=1e-3)
        values = sitk.GetArrayFromImage(scan)
        assert np.corrcoef(values.ravel(), sitk.GetArrayFromImage(clean).ravel())[0, 1] > 0.98


@pytest.mark.slow
def test_the_known_transform_maps_baseline_to_follow_up(made: SamplePaths, truth: dict[str, Any]) -> None:
    transform = sitk.ReadTransform(str(made.truth / "baseline_to_follow_up.h5"))
    baseline, follow_up = image(made, "baseline_clean"), image(made, "follow_up_clean")
    kept = ndimage.binary_erosion(array(made, "baseline_tissues") > 0, iterations=2)
    changed = (array(made, "baseline_lesions") > 0) | (
        sitk.GetArrayFromImage(
            sitk.Resample(image(made, "follow_up_lesions"), baseline, transform, sitk.sitkNearestNeighbor)
        )
        > 0
    )
    kept &= ~ndimage.binary_dilation(changed, iterations=4)
    kept[:20] = False  # here the follow-up's field of view ends
    before = sitk.GetArrayFromImage(baseline).astype(float)
    moved = sitk.GetArrayFromImage(sitk.Resample(follow_up, baseline, transform, sitk.sitkBSpline)).astype(float)
    unmoved = sitk.GetArrayFromImage(sitk.Resample(follow_up, baseline, sitk.Transform(), sitk.sitkBSpline)).astype(
        float
    )
    residual, apart = np.abs(moved - before)[kept], np.abs(unmoved - before)[kept]
    assert residual.mean() < 4  # of 896 in white matter
    assert apart.mean() > 20 * residual.mean()
    for one, other in zip(truth["landmarks"]["baseline"], truth["landmarks"]["follow_up"], strict=True):
        np.testing.assert_allclose(transform.TransformPoint(one), other, atol=1e-3)


@pytest.mark.slow
def test_the_warp_is_gentle_and_folds_nowhere(made: SamplePaths, truth: dict[str, Any]) -> None:
    both = sitk.CompositeTransform(sitk.ReadTransform(str(made.truth / "baseline_to_follow_up.h5")))
    field = sitk.DisplacementFieldTransform(both.GetNthTransform(1)).GetDisplacementField()
    det = sitk.GetArrayFromImage(sitk.DisplacementFieldJacobianDeterminant(field))
    assert det.min() > 0.5
    assert det.max() < 2
    assert 2 < np.linalg.norm(sitk.GetArrayFromImage(field), axis=-1).max() < 6
    matrix = np.array(truth["transform"]["matrix"])[:3, :3]
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-9)
    assert np.degrees(np.arccos((np.trace(matrix) - 1) / 2)) > 5


@pytest.mark.slow
@pytest.mark.parametrize("key", ["baseline", "follow_up"])
def test_lesions_are_dark_and_where_the_truth_says(made: SamplePaths, truth: dict[str, Any], key: str) -> None:
    labels, clean = array(made, f"{key}_lesions"), array(made, f"{key}_clean")
    grid = image(made, f"{key}_lesions")
    every = ndimage.binary_dilation(labels > 0, iterations=2)
    kinds = {lesion["kind"] for lesion in truth["lesions"]}
    assert kinds == {"stable", "grown", "new"}
    for lesion in truth["lesions"]:
        inside = labels == lesion["label"]
        assert inside.sum() == lesion[f"{key}_volume_mm3"]
        if lesion[f"{key}_radius"] == 0:
            assert not inside.any()
            continue
        i, j, k = grid.TransformPhysicalPointToContinuousIndex(lesion[f"{key}_center"])
        assert np.linalg.norm(np.array(ndimage.center_of_mass(inside)) - (k, j, i)) < 1.5
        ring = ndimage.binary_dilation(inside, iterations=4) & ~every
        assert clean[inside].mean() < 0.82 * np.median(clean[ring])
        diameter = 2 * (inside.sum() * 3 / 4 / np.pi) ** (1 / 3)
        assert 2.5 < diameter < 13


@pytest.mark.slow
def test_lesions_grow_as_the_truth_says(truth: dict[str, Any]) -> None:
    for lesion in truth["lesions"]:
        before, after = lesion["baseline_volume_mm3"], lesion["follow_up_volume_mm3"]
        low, high = {"stable": (0.6, 1.6), "grown": (1.8, 8), "new": (np.inf, np.inf)}[lesion["kind"]]
        assert low <= (after / before if before else np.inf) <= high


@pytest.mark.slow
@pytest.mark.parametrize("key", ["baseline", "follow_up"])
def test_the_noise_is_as_strong_as_the_truth_says(made: SamplePaths, truth: dict[str, Any], key: str) -> None:
    values = sitk.GetArrayFromImage(scanned(made, f"{key}/t1")).astype(float)
    clean = array(made, f"{key}_clean").astype(float)
    sigma = truth["noise_sigma"][key]
    air = values[ndimage.binary_erosion(clean == 0, iterations=3)]
    assert air.mean() == pytest.approx(sigma * np.sqrt(np.pi / 2), rel=0.02)
    grain = np.diff(values - clean, axis=2)[(clean[..., 1:] > 600) & (clean[..., :-1] > 600)] / np.sqrt(2)
    assert 1.4826 * np.median(np.abs(grain)) == pytest.approx(sigma, rel=0.05)


@pytest.mark.slow
def test_pet_and_flair_fit_the_t1(made: SamplePaths, truth: dict[str, Any]) -> None:
    slices = headers(made, "baseline/pet")
    assert {ds.Units for ds in slices} == {"BQML"}
    assert len({float(ds.RescaleSlope) for ds in slices}) > 10
    tissues = image(made, "baseline_tissues")
    for name, (grey, white) in {"pet": (18000, 12000), "flair": (350, 350)}.items():
        on_t1 = sitk.GetArrayFromImage(sitk.Resample(scanned(made, f"baseline/{name}"), tissues, sitk.Transform()))
        labels = sitk.GetArrayFromImage(tissues)
        core = [ndimage.binary_erosion(labels == label, iterations=2) for label in (2, 3)]
        assert np.median(on_t1[core[0]]) > grey
        assert np.median(on_t1[core[1]]) < white
    lesions = array(made, "baseline_lesions")
    assert on_t1[lesions > 0].mean() > 1.3 * np.median(on_t1[core[1]])


@pytest.mark.slow
def test_what_is_in_the_cache_is_not_made_again(made: SamplePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setenv("TOMOLENS_CACHE", str(made.folder.parent))
    monkeypatch.setattr(sample, "_make", fail)
    assert make_sample() == made
    assert [path.name for path in made.folder.parent.iterdir()] == [made.folder.name]


def test_a_damaged_cache_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(folder: Path, *rest: object) -> None:
        (folder / "truth").mkdir()
        (folder / "truth" / "truth.json").write_text('{"slices": 1}')
        (folder / "0001.dcm").write_bytes(b"")

    monkeypatch.setenv("TOMOLENS_CACHE", str(tmp_path))
    monkeypatch.setattr(sample, "_template", lambda: None)
    monkeypatch.setattr(sample, "_make", make)
    paths = make_sample()
    (paths.folder / "0001.dcm").unlink()
    assert list(make_sample().folder.glob("*.dcm"))
    assert [path.name for path in tmp_path.iterdir()] == [paths.folder.name]


def test_without_the_wheel_one_sentence_tells_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setenv("TOMOLENS_CACHE", str(tmp_path))
    monkeypatch.setattr(sample.metadata, "files", missing)
    with pytest.raises(SampleError, match=r'pip install "tomolens\[sample\]"'):
        make_sample()
    monkeypatch.setattr(sample.metadata, "files", lambda name: [])
    with pytest.raises(SampleError, match="lacks its brain template"):
        make_sample()
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TOMOLENS_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(sample, "_template", lambda: None)
    with pytest.raises(SampleError, match="could not be written"):
        make_sample()


@pytest.mark.parametrize("study", ["baseline", "follow_up"])
def test_the_truth_behind_a_t1_series_is_found_and_what_is_kept_of_it(made: SamplePaths, study: str) -> None:
    files = tuple(sorted(map(str, (made.folder / study / "t1").glob("*.dcm"))))
    found = truth_of(Source(files=files))
    assert found is not None
    assert truth_of(Source(files=tuple(map(str, (made.baseline / "flair").glob("*.dcm"))))) is None
    clean = image(made, f"{study}_noise_free")
    values = sitk.GetArrayFromImage(clean).astype(np.float32)
    grid = Grid.of(values.shape, clean.GetSpacing()[::-1], clean.GetOrigin(), clean.GetDirection())
    dull = values.mean() + 0.5 * (values - values.mean())
    measured = measure_retention(Volume(values, grid), Volume(dull, grid), found)
    assert measured.edges == pytest.approx((1, 0.5), abs=1e-3)
    assert len(measured.lesions) >= 8
    for before, after in measured.lesions:
        assert (before.retention, after.retention) == pytest.approx((1, 0.5), abs=1e-3)
        assert before.reference < -20  # lesions are dark in T1
