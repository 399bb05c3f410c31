"""Registrations in DICOM: written as the standard says (read back by hand with pydicom), and read from any side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from classic_series import classic_series, ct_array, oblique_grid
from pydicom.dataset import Dataset
from pydicom.uid import DeformableSpatialRegistrationStorage, SpatialRegistrationStorage

from viewer.compute.synthesis.phantoms import diffeomorphism
from viewer.data.grid import Grid
from viewer.data.study import Source
from viewer.data.transform import ImageReference, Transform
from viewer.io.errors import OpenError, SaveError
from viewer.io.transforms.transform_file import read_transform
from viewer.io.transforms.transform_save import save_transform

MATRIX = np.array([[0.96, -0.28, 0, 12], [0.28, 0.96, 0.0, -3], [0, 0, 1, 4], [0, 0, 0, 1.0]])
SHAPE = (5, 12, 10)


@pytest.fixture
def ends(tmp_path: Path) -> tuple[ImageReference, ImageReference]:
    """Two series of two studies."""
    volumes = [classic_series(tmp_path / name, ct_array(SHAPE), oblique_grid(SHAPE)) for name in ("fixed", "moving")]
    one, other = (ImageReference(volume.grid, volume.source) for volume in volumes)
    return one, other


def bent(grid: Grid) -> Transform:
    lattice = Grid.of((12, 13, 14), (4, 4, 4), grid.centre - 24, grid.direction)
    return Transform(MATRIX, diffeomorphism(lattice, 3.0, 16.0, np.random.default_rng(1)), lattice)


def points_in(grid: Grid) -> np.ndarray:
    return grid.to_world(np.random.default_rng(0).uniform(0, np.array(grid.shape) - 1, (50, 3)))


def by_hand(ds: Dataset, point: np.ndarray) -> np.ndarray:
    """Equation of PS3.3 C.20.3.1.1 at a voxel of the deformation grid, written out."""
    (item,) = ds.DeformableRegistrationSequence
    (grid,) = item.DeformableRegistrationGridSequence
    rows, columns = np.array(grid.ImageOrientationPatient, float).reshape(2, 3)
    depth = np.cross(rows, columns)
    i, j, k = point
    x, y, z = grid.GridResolution
    place = np.array(grid.ImagePositionPatient, float) + i * x * rows + j * y * columns + k * z * depth
    width, height, _ = grid.GridDimensions
    vectors = np.frombuffer(grid.VectorGridData, "<f4").reshape(-1, 3)
    (after,) = item.PostDeformationMatrixRegistrationSequence
    matrix = np.array(after.FrameOfReferenceTransformationMatrix, float).reshape(4, 4)
    moved = place + vectors[i + width * (j + height * k)]
    return place, matrix[:3, :3] @ moved + matrix[:3, 3]


def test_a_rigid_registration_takes_each_image_to_the_registered_space(
    tmp_path: Path, ends: tuple[ImageReference, ImageReference]
) -> None:
    path = tmp_path / "found.dcm"
    save_transform(Transform(MATRIX), path, *ends)
    ds = pydicom.dcmread(path)
    fixed, moving = ends
    assert ds.SOPClassUID == SpatialRegistrationStorage
    assert (ds.Modality, ds.FrameOfReferenceUID) == ("REG", fixed.grid.frame_of_reference)
    assert (ds.PatientID, ds.StudyInstanceUID) == ("P-77", fixed.source.study_uid)
    _, other = ds.RegistrationSequence
    assert other.FrameOfReferenceUID == moving.grid.frame_of_reference
    (matrix,) = other.MatrixRegistrationSequence[0].MatrixSequence
    assert matrix.FrameOfReferenceTransformationMatrixType == "RIGID"
    back = np.array(matrix.FrameOfReferenceTransformationMatrix, float).reshape(4, 4)
    assert np.allclose(back @ MATRIX, np.eye(4), atol=1e-8)
    named = [one.ReferencedSOPInstanceUID for one in other.ReferencedImageSequence]
    assert named == list(moving.source.sop_instance_uids)
    assert ds.StudiesContainingOtherReferencedInstancesSequence[0].StudyInstanceUID == moving.source.study_uid

    assert np.allclose(read_transform(path, *ends).matrix, MATRIX, atol=1e-6)
    assert np.allclose(read_transform(path).matrix, MATRIX, atol=1e-6)
    assert np.allclose(read_transform(path, moving, fixed).matrix, np.linalg.inv(MATRIX), atol=1e-6)


@pytest.mark.parametrize("flipped", [False, True])
def test_a_deformation_follows_the_equation_of_the_standard(
    tmp_path: Path, ends: tuple[ImageReference, ImageReference], flipped: bool
) -> None:
    path, transform = tmp_path / "found.dcm", bent(ends[0].grid)
    if flipped:  # a left-handed grid, which DICOM does not have
        affine = transform.grid.affine.copy()
        affine[:3, 3], affine[:3, 0] = transform.grid.to_world((11, 0, 0)), -affine[:3, 0]
        transform = replace(transform, displacement=transform.displacement[::-1], grid=Grid((12, 13, 14), affine))
    save_transform(transform, path, *ends)
    ds = pydicom.dcmread(path)
    assert ds.SOPClassUID == DeformableSpatialRegistrationStorage
    for index in np.random.default_rng(0).integers(0, (14, 13, 12), (20, 3)):
        place, moved = by_hand(ds, index)
        assert np.allclose(moved, transform(place), atol=1e-3)
    found, points = read_transform(path, *ends), points_in(ends[0].grid)
    assert np.allclose(found(points), transform(points), atol=1e-3)
    backward = read_transform(path, ends[1], ends[0])
    assert np.linalg.norm(backward(transform(points)) - points, axis=1).max() < 0.2


def test_a_matrix_before_the_deformation_counts(tmp_path: Path, ends: tuple[ImageReference, ImageReference]) -> None:
    path, transform = tmp_path / "found.dcm", bent(ends[0].grid)
    save_transform(transform, path, *ends)
    ds = pydicom.dcmread(path)
    before = np.eye(4)
    before[:3, :3], before[:3, 3] = np.diag([1.1, 0.9, 1.0]), (1, 2, 3)
    item = Dataset()
    item.FrameOfReferenceTransformationMatrix = before.ravel().tolist()
    ds.DeformableRegistrationSequence[0].PreDeformationMatrixRegistrationSequence = [item]
    ds.save_as(path)
    found = read_transform(path, *ends)
    voxel = transform.grid.to_world((5, 6, 7))
    shift = transform.displacement[5, 6, 7]
    assert np.allclose(found(voxel), Transform(MATRIX)(Transform(before)(voxel) + shift), atol=1e-3)


def test_images_of_one_space_are_told_apart_by_their_files(
    tmp_path: Path, ends: tuple[ImageReference, ImageReference]
) -> None:
    fixed = ends[0]
    moving = ImageReference(fixed.grid, ends[1].source)
    save_transform(Transform(MATRIX), tmp_path / "found.dcm", fixed, moving)
    assert np.allclose(read_transform(tmp_path / "found.dcm", fixed, moving).matrix, MATRIX, atol=1e-6)
    backward = read_transform(tmp_path / "found.dcm", moving, fixed).matrix
    assert np.allclose(backward, np.linalg.inv(MATRIX), atol=1e-6)


def test_registrations_of_other_images_are_refused(tmp_path: Path, ends: tuple[ImageReference, ImageReference]) -> None:
    stranger = ImageReference(Grid.of(SHAPE, frame_of_reference="1.2.3"), Source())
    for number, transform in enumerate((Transform(MATRIX), bent(ends[0].grid))):
        save_transform(transform, tmp_path / f"{number}.dcm", *ends)
        with pytest.raises(OpenError, match="other images"):
            read_transform(tmp_path / f"{number}.dcm", stranger, stranger)


def test_images_without_a_space_cannot_be_connected(
    tmp_path: Path, ends: tuple[ImageReference, ImageReference]
) -> None:
    with pytest.raises(SaveError, match="frames of reference"):
        save_transform(Transform(MATRIX), tmp_path / "found.dcm", ends[0], ImageReference(ends[1].grid, Source()))
    assert not (tmp_path / "found.dcm").exists()


@pytest.mark.parametrize("damage", ["short", "matrix", "image"])
def test_damage_is_told_in_one_sentence(
    tmp_path: Path, ends: tuple[ImageReference, ImageReference], damage: str
) -> None:
    path = tmp_path / "found.dcm"
    save_transform(bent(ends[0].grid), path, *ends)
    ds = pydicom.dcmread(path)
    item = ds.DeformableRegistrationSequence[0]
    if damage == "short":
        item.DeformableRegistrationGridSequence[0].GridDimensions = [5000, 5000, 5000]
    if damage == "matrix":
        item.PostDeformationMatrixRegistrationSequence[0].FrameOfReferenceTransformationMatrix = [0.0] * 16
    if damage == "image":
        del ds.DeformableRegistrationSequence
    ds.save_as(path)
    with pytest.raises(OpenError):
        read_transform(path, *ends)
