"""Transforms in files: ITK's own (.tfm, .txt, .h5, .mat), displacement fields as images, DICOM registrations.

All of them take points of the fixed space to points of the moving space in LPS mm, as Transform does. Foreign files are
read in a reader process, which is capped in memory.
"""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from viewer.compute.resample import itk_transform
from viewer.compute.transforms import as_field, compose
from viewer.data.grid import Floats, Grid
from viewer.data.regular_file import check_regular
from viewer.data.transform import End, Transform
from viewer.io.failure import OpenError
from viewer.io.itk_header import MAX_RATIO, facts_of, voxels
from viewer.io.stored import SaveError

TEXTS = (".tfm", ".txt")
ITK = (*TEXTS, ".h5", ".hdf5", ".mat")
FIELDS = (".nii.gz", ".nii", ".nrrd", ".mha")
DICOM = (".dcm",)
MOST_TEXT = 256 << 20  # bytes of a text that is still read
MOST_PARTS = 64  # transforms in one file
UNREADABLE = "It holds no transform that can be read: it is damaged, cut off or of another kind than its name says."


def ending_of(path: str | Path) -> str:
    """The ending by which the form of a transform's file is known; "" where there is none."""
    name = Path(path).name.lower()
    return next((one for one in (*ITK, *FIELDS, *DICOM) if name.endswith(one)), "")


def read_transform(path: str | Path, fixed: End | None = None, moving: End | None = None) -> Transform:
    """The transform in a file, named after it.

    fixed, moving: the images it is for: a DICOM file may hold registrations of others, too, and B-splines are sampled
    on the fixed image's grid. Raises OpenError, one sentence.
    """
    ending = ending_of(path)
    if ending in FIELDS:
        found = _read_field(str(path))
    elif ending in ITK:
        found = _read_itk(Path(path), ending, fixed)
    else:
        from viewer.io.dicom_registration import read_registration

        found = read_registration(path, fixed, moving)
    if not np.isfinite(found.matrix).all() or abs(np.linalg.det(found.matrix[:3, :3])) < 1e-9:
        raise OpenError("Its matrix cannot be inverted: it is no transform between images.")
    if found.displacement is not None and not np.isfinite(found.displacement).all():
        raise OpenError("Its displacement field has holes (values that are not numbers): it cannot be used.")
    name = Path(path).name
    return Transform(found.matrix, found.displacement, found.grid, name[: -len(ending)] if ending else name)


def write_transform(transform: Transform, path: Path, grid: Grid) -> None:
    """Write it in the form that the ending names; grid: of the fixed image, on which a field file is sampled.

    Raises SaveError, one sentence, for what the form cannot hold.
    """
    ending = ending_of(path)
    if ending in FIELDS:
        whole = transform if _is_field(transform) else as_field(transform, grid)
        assert whole.displacement is not None  # as_field has made one
        assert whole.grid is not None
        image = _vectors(whole.displacement, whole.grid)
        sitk.WriteImage(image, str(path), useCompression=True)
        return
    if ending in TEXTS and transform.displacement is not None:
        raise SaveError("a displacement field as text would be huge: save it as .h5, .nii.gz or .dcm.")
    if ending not in ITK or ending == ".mat":
        raise SaveError(f"a name for a transform ends in {', '.join((*TEXTS, '.h5', *FIELDS, *DICOM))}: add one.")
    sitk.WriteTransform(itk_transform(transform), str(path))


def _is_field(transform: Transform) -> bool:
    return transform.displacement is not None and np.array_equal(transform.matrix, np.eye(4))


def _vectors(field: Any, grid: Grid) -> sitk.Image:
    image = sitk.GetImageFromArray(field, isVector=True)
    image.SetSpacing(grid.spacing[::-1].tolist())
    image.SetOrigin(grid.origin.tolist())
    image.SetDirection(grid.direction.ravel().tolist())
    return image


def _read_field(path: str) -> Transform:
    """An image whose voxels are displacements (x, y, z or x, y) in LPS mm."""
    facts = facts_of(path)
    width = min(len(facts.size), 3)
    if facts.components != width or facts.dtype.kind != "f" or facts.repeats != 1:
        raise OpenError("It is no displacement field: its voxels are not vectors of as many numbers as it has axes.")
    array, _owner = voxels(path)
    field = np.zeros((*facts.shape, 3), np.float32)
    field[..., :width] = array.reshape(*facts.shape, width)
    direction = np.eye(3)
    direction[:width, :width] = facts.direction[:width, :width]
    spacing, origin = (*facts.spacing[:width], 1.0)[:3], (*facts.origin[:width], 0.0)[:3]
    return Transform(np.eye(4), field, _placed(facts.shape, spacing, origin, direction))


def _placed(shape: tuple[int, int, int], spacing: Any, origin: Any, direction: Any) -> Grid:
    try:
        return Grid.of(shape, tuple(spacing)[::-1], origin, direction)
    except ValueError as error:
        raise OpenError("Its displacement field has no valid voxel size or direction.") from error


def _read_itk(path: Path, ending: str, fixed: End | None) -> Transform:
    check_regular(path)
    size = path.stat().st_size
    if ending in TEXTS and size > MOST_TEXT:
        raise OpenError(f"It is {size / 2**20:.0f} MB of text, which no transform is: check what it is.")
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        whole = sitk.ReadTransform(str(path))
    except RuntimeError as error:
        raise OpenError(UNREADABLE) from error
    if ending in TEXTS and _numbers_in(path) != _parameters(whole):
        raise OpenError(UNREADABLE)
    found = [_of_itk(part, size, fixed) for part in reversed(_parts(whole))]  # ITK applies the last one first
    return list(accumulate(found, compose))[-1]


def _numbers_in(path: Path) -> int:
    """How many parameters a text lists: ITK takes what it can read of them, and its defaults for the rest."""
    lines = path.read_text(encoding="latin-1").splitlines()
    texts = [text for line in lines if line.startswith("Parameters:") for text in line.split()[1:]]
    try:
        return len(texts) if np.isfinite(np.array(texts, dtype=np.float64)).all() else -1
    except ValueError as error:
        raise OpenError(UNREADABLE) from error


def _parameters(transform: sitk.Transform) -> int:
    children = _children(transform)
    return sum(map(_parameters, children)) if children else len(transform.GetParameters())


def _parts(transform: sitk.Transform) -> list[sitk.Transform]:
    """What is linear as one, whatever it is made of."""
    children = [] if transform.IsLinear() else _children(transform)
    return [part for child in children for part in _parts(child)] or [transform]


def _children(transform: sitk.Transform) -> list[sitk.Transform]:
    """The parts of a composite. SimpleITK wraps kinds that it has no name for in one, too: such a one has no parts."""
    if transform.GetName() != "CompositeTransform":
        return []
    whole = sitk.CompositeTransform(transform)
    count = whole.GetNumberOfTransforms()
    if count > MOST_PARTS:
        raise OpenError(f"It holds {count} transforms; at most {MOST_PARTS} can be put into one.")
    children = [whole.GetNthTransform(n) for n in range(count)]
    return [] if count == 1 and children[0].GetName() == transform.GetName() else children


def _of_itk(part: sitk.Transform, size: int, fixed: End | None) -> Transform:
    if part.IsLinear():
        return Transform(_matrix_of(part))
    if part.GetName() == "DisplacementFieldTransform":
        field = sitk.DisplacementFieldTransform(part).GetDisplacementField()
        return _of_field(field, size)
    if fixed is None:
        raise OpenError(f"It is a {part.GetName()}, which is sampled on the fixed image: open that first.")
    if part.GetDimension() != 3:
        raise OpenError(f"It is a {part.GetName()} of the plane, which is not read: save it as a displacement field.")
    grid = fixed.grid
    sampled = sitk.TransformToDisplacementField(
        part,
        sitk.sitkVectorFloat32,
        [int(n) for n in grid.shape[::-1]],
        grid.origin.tolist(),
        grid.spacing[::-1].tolist(),
        grid.direction.ravel().tolist(),
    )
    return Transform(np.eye(4), sitk.GetArrayFromImage(sampled), grid)


def _of_field(field: sitk.Image, size: int) -> Transform:
    width = field.GetDimension()
    array = sitk.GetArrayViewFromImage(field)
    if array.nbytes > MAX_RATIO * size:
        raise OpenError(UNREADABLE)
    shape = (1, *array.shape[:-1])[-3:]
    whole = np.zeros((*shape, 3), np.float32)
    whole[..., :width] = array.reshape(*shape, width)
    direction = np.eye(3)
    direction[:width, :width] = np.array(field.GetDirection()).reshape(width, width)
    spacing, origin = (*field.GetSpacing(), 1.0)[:3], (*field.GetOrigin(), 0.0)[:3]
    return Transform(np.eye(4), whole, _placed((shape[0], shape[1], shape[2]), spacing, origin, direction))


def _matrix_of(part: sitk.Transform) -> Floats:
    """4×4, from where the linear transform takes the origin and the unit points; the plane's z stays."""
    width = part.GetDimension()
    start = np.array(part.TransformPoint([0.0] * width))
    matrix = np.eye(4)
    matrix[:width, 3] = start
    for axis in range(width):
        matrix[:width, axis] = np.array(part.TransformPoint(np.eye(width)[axis].tolist())) - start
    return matrix
