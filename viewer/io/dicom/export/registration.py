"""Registrations in DICOM: Spatial Registration (PS3.3 C.20.2) and Deformable Spatial Registration (C.20.3).

The registered space of a file that is written is the fixed image's. A matrix item takes points of its image to the
registered space (C.20.2.1.1); a deformation takes points of the registered space to points of its source (C.20.3.1.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pydicom
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError

from viewer.compute.registration.transform_algebra import inverse
from viewer.data.grid import Grid
from viewer.data.transform import ImageReference, Transform
from viewer.files.regular_file import check_regular
from viewer.io.dicom.export.derived_series import decimal_string, describe_file
from viewer.io.dicom.export.object_header import object_header, referenced_images, referenced_series
from viewer.io.errors import OpenError, SaveError, refuse_damage
from viewer.io.stored_values import SHEAR

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from viewer.data.arrays import Floats

RIGID = 1e-5  # of a cosine or length: a rotation still
DAMAGED = "Its registration is incomplete or damaged: {what}."


def registration(transform: Transform, fixed: ImageReference, moving: ImageReference) -> Dataset:
    """The whole file. Raises SaveError, one sentence, for images without a frame of reference."""
    for end in (fixed, moving):
        if not end.source.dicom or not end.grid.frame_of_reference:
            raise SaveError("DICOM connects DICOM images by their frames of reference: save it as .tfm or .h5 instead.")
    ds = _header(fixed, moving)
    bent = transform.displacement is not None
    ds.SOPClassUID = uid.DeformableSpatialRegistrationStorage if bent else uid.SpatialRegistrationStorage
    describe_file(ds)
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    if bent:
        ds.DeformableRegistrationSequence = [_deformation_item(transform, moving)]
    else:
        back = np.asarray(np.linalg.inv(transform.matrix), dtype=np.float64)
        ds.RegistrationSequence = [_registration_item(fixed, np.eye(4)), _registration_item(moving, back)]
    return ds


def read_registration(
    path: str | Path, fixed: ImageReference | None = None, moving: ImageReference | None = None
) -> Transform:
    """From the fixed to the moving image. Without them: from the registered space to the file's one other image.

    Raises OpenError, one sentence, also where the file is about other images.
    """
    check_regular(path)
    with refuse_damage(
        "Its registration is incomplete or damaged: a part of its header is missing or wrong.", BytesLengthException
    ):
        return _read(path, fixed, moving)


def _read(path: str | Path, fixed: ImageReference | None, moving: ImageReference | None) -> Transform:
    try:
        ds = pydicom.dcmread(path)
    except InvalidDicomError as error:
        raise OpenError("It is no DICOM file and has no ending of a transform: check what it is.") from error
    if "RegistrationSequence" in ds:
        return _read_matrices(ds, fixed, moving)
    if "DeformableRegistrationSequence" in ds:
        return _read_deformation(ds, fixed, moving)
    raise OpenError("It is a DICOM file, but no registration: choose one of modality REG.")


def _header(fixed: ImageReference, moving: ImageReference) -> Dataset:
    """Patient and study of the fixed image, a new series, and which images are meant."""
    ds = object_header(fixed.source, "REG")
    ds.StudyInstanceUID = fixed.source.study_uid
    ds.SeriesDescription = ds.ContentDescription = "Registration, for research and review"
    ds.ContentLabel, ds.ContentCreatorName = "REGISTRATION", ""
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = fixed.grid.frame_of_reference, ""
    ours = [end.source for end in (fixed, moving) if end.source.study_uid == fixed.source.study_uid]
    ds.ReferencedSeriesSequence = [referenced_series(one) for one in ours]
    if len(ours) == 1:
        other = Dataset()
        other.StudyInstanceUID = moving.source.study_uid
        other.ReferencedSeriesSequence = [referenced_series(moving.source)]
        ds.StudiesContainingOtherReferencedInstancesSequence = [other]
    return ds


def _registration_item(end: ImageReference, matrix: Floats) -> Dataset:
    item, registered = Dataset(), Dataset()
    item.FrameOfReferenceUID = end.grid.frame_of_reference
    item.ReferencedImageSequence = referenced_images(end.source)
    registered.RegistrationTypeCodeSequence = []
    registered.MatrixSequence = [_matrix_item(matrix)]
    item.MatrixRegistrationSequence = [registered]
    return item


def _matrix_item(matrix: Floats) -> Dataset:
    item = Dataset()
    gram = matrix[:3, :3].T @ matrix[:3, :3]
    square = np.abs(gram - np.diag(np.diag(gram))).max() < RIGID
    rigid = square and np.abs(np.diag(gram) - 1).max() < RIGID and np.linalg.det(matrix) > 0
    item.FrameOfReferenceTransformationMatrixType = "RIGID" if rigid else "RIGID_SCALE" if square else "AFFINE"
    item.FrameOfReferenceTransformationMatrix = [decimal_string(number) for number in matrix.ravel()]
    return item


def _deformation_item(transform: Transform, moving: ImageReference) -> Dataset:
    field, grid = transform.displacement, transform.grid
    assert field is not None  # as the caller has made sure
    assert grid is not None
    if np.abs(grid.axes.T @ grid.axes - np.eye(3)).max() > SHEAR:
        raise SaveError("its displacement field lies on a sheared grid, which DICOM cannot hold: save it as .h5.")
    if np.linalg.det(grid.direction) < 0:  # DICOM's depth is rows × columns
        affine = grid.affine.copy()
        affine[:3, 3], affine[:3, 0] = grid.to_world((grid.shape[0] - 1, 0, 0)), -affine[:3, 0]
        field, grid = field[::-1], Grid(grid.shape, affine)
    item, lattice = Dataset(), Dataset()
    item.SourceFrameOfReferenceUID = moving.grid.frame_of_reference
    item.ReferencedImageSequence = referenced_images(moving.source)
    item.RegistrationTypeCodeSequence = []
    item.PostDeformationMatrixRegistrationSequence = [_matrix_item(transform.matrix)]
    lattice.ImagePositionPatient = [decimal_string(mm) for mm in grid.origin]
    lattice.ImageOrientationPatient = [decimal_string(part) for part in grid.direction[:, :2].T.ravel()]
    lattice.GridDimensions = [int(n) for n in grid.shape[::-1]]
    lattice.GridResolution = [float(mm) for mm in grid.spacing[::-1]]
    lattice.VectorGridData = np.ascontiguousarray(field, "<f4").tobytes()
    item.DeformableRegistrationGridSequence = [lattice]
    return item


def _read_matrices(ds: Dataset, fixed: ImageReference | None, moving: ImageReference | None) -> Transform:
    """moving⁻¹ · fixed, each to the registered space."""
    items = list(ds.RegistrationSequence)
    home = str(ds.get("FrameOfReferenceUID", ""))
    one = (
        _item_of_image(items, fixed)
        if fixed
        else next((item for item in items if _frame_of_reference(item, "") == home), None)
    )
    rest = [item for item in items if item is not one]
    other = _item_of_image(rest, moving) if moving else rest[0] if len(rest) == 1 else None
    if other is None:
        raise OpenError("It does not say where the moving image lies: it is a registration of other images.")
    start = np.eye(4) if one is None else _matrix_in(one.get("MatrixRegistrationSequence"))
    return Transform(np.linalg.inv(_matrix_in(other.get("MatrixRegistrationSequence"))) @ start)


def _item_of_image(items: Sequence[Dataset], end: ImageReference) -> Dataset | None:
    """The item of an image: by its files, else by its frame of reference."""
    ours = set(end.source.sop_instance_uids)
    for item in items:
        if ours & {str(one.get("ReferencedSOPInstanceUID", "")) for one in item.get("ReferencedImageSequence") or ()}:
            return item
    space = end.grid.frame_of_reference
    return next(
        (one for one in items if space and space in (_frame_of_reference(one, "Source"), _frame_of_reference(one, ""))),
        None,
    )


def _frame_of_reference(item: Dataset, prefix: str) -> str:
    return str(item.get(f"{prefix}FrameOfReferenceUID", ""))


def _matrix_in(sequence: Sequence[Dataset] | None) -> Floats:
    """The one 4×4 matrix of a registration item, or of a sequence of matrices itself."""
    found = list(sequence or ())
    if found and "MatrixSequence" in found[0]:
        found = list(found[0].MatrixSequence)
    if len(found) != 1:
        raise OpenError(f"It is put together of {len(found)} matrices; only one at a time is read.")
    numbers = found[0].get("FrameOfReferenceTransformationMatrix") or ()
    matrix = np.array(numbers, dtype=np.float64)
    if matrix.shape != (16,) or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix.reshape(4, 4))) < 1e-9:
        raise OpenError(DAMAGED.format(what="a matrix is not of 4 × 4 numbers that can be inverted"))
    return matrix.reshape(4, 4)


def _read_deformation(ds: Dataset, fixed: ImageReference | None, moving: ImageReference | None) -> Transform:
    items = [item for item in ds.DeformableRegistrationSequence if item.get("DeformableRegistrationGridSequence")]
    one = _item_of_image(items, moving) if moving else items[0] if len(items) == 1 else None
    if one is not None:
        return _deformation_of(one)
    backward = _item_of_image(items, fixed) if fixed else None
    if backward is None:
        raise OpenError("It deforms no image that is open here: it is a registration of other images.")
    return inverse(_deformation_of(backward))


def _deformation_of(item: Dataset) -> Transform:
    """A · (x + pre⁻¹ · u(x)) for its post · (pre · x + u(x)), with A = post · pre (C.20.3.1.1)."""
    before, after = (
        _matrix_in(item[keyword].value) if item.get(keyword) else np.eye(4)
        for keyword in ("PreDeformationMatrixRegistrationSequence", "PostDeformationMatrixRegistrationSequence")
    )
    lattice = item.DeformableRegistrationGridSequence[0]
    size = [int(n) for n in lattice.get("GridDimensions") or ()]
    data = bytes(lattice.get("VectorGridData") or b"")
    if len(size) != 3 or min(size) < 1 or len(data) != 12 * size[0] * size[1] * size[2]:
        raise OpenError(DAMAGED.format(what="the deformation grid has not as many vectors as it says"))
    rows = np.array(lattice.ImageOrientationPatient, dtype=np.float64).reshape(2, 3)
    direction = np.column_stack([*rows, np.cross(*rows)])
    spacing = [float(mm) for mm in lattice.GridResolution][::-1]
    shape = (size[2], size[1], size[0])
    grid = Grid.of(shape, spacing, np.array(lattice.ImagePositionPatient, dtype=np.float64), direction)
    field = np.frombuffer(data, "<f4").reshape(*shape, 3) @ np.linalg.inv(before[:3, :3]).T
    return Transform(after @ before, field.astype(np.float32), grid)
