"""Transforms in files: ITK's own (.tfm, .txt, .h5, .mat), displacement fields as images, DICOM registrations.

All of them take points of the fixed space to points of the moving space in LPS mm, as Transform does. Foreign files are
read in a reader process, which is capped in memory.
"""

from __future__ import annotations

import os
import re
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import SimpleITK as sitk

from viewer.compute.hdf5_file import is_hdf5
from viewer.compute.images.resample import itk_transform
from viewer.compute.registration.transform_algebra import as_field, compose
from viewer.data.grid import Grid
from viewer.data.printable_text import printable
from viewer.data.transform import ImageReference, Transform
from viewer.files.regular_file import open_regular
from viewer.io.errors import OpenError, SaveError
from viewer.io.images.headers.itk_header import metadata, read_itk_header, voxels
from viewer.io.transforms.itk_hdf5 import MOST_PARTS, StoredTransform, stored_transforms
from viewer.processes.shared_array import FOLDER, PREFIX

if TYPE_CHECKING:
    from viewer.data.arrays import Floats

TEXTS = (".tfm", ".txt")
ITK = (*TEXTS, ".h5", ".hdf5", ".mat")
FIELDS = (".nii.gz", ".nii", ".nrrd", ".mha")
DICOM = (".dcm",)
MILLIMETRES = 2  # NIfTI's code of a unit of length; 0: not told
MOST_TEXT = 256 << 20  # bytes of a text or .mat file that is still read
MOST_HEAD = 4096  # bytes by which a text is known
UNREADABLE = "It holds no transform that can be read: it is damaged, cut off or of another kind than its name says."

# What begins like this is of other programs, whose transforms are not read.
OTHERS = {
    r"\(\w+ |// ": "It holds parameters of elastix: let transformix write their field (-def all), and open that.",
    r"MNI Transform File": "It is a transform of the MNI tools (.xfm): save it as ITK's .tfm.",
    r"(#.*\n)*type\s*=\s*\d+.*\nnxforms": "It is a transform of FreeSurfer (.lta): write it by lta_convert --outitk.",
}
MATRIX = "It is a bare matrix (FSL, NiftyReg), which means nothing without its images: save it as ITK's .tfm with them."


def ending_of(path: str | Path) -> str:
    """The ending by which the form of a transform's file is known; "" where there is none."""
    name = Path(path).name.lower()
    return next((one for one in (*ITK, *FIELDS, *DICOM) if name.endswith(one)), "")


def read_transform(
    path: str | Path, fixed: ImageReference | None = None, moving: ImageReference | None = None
) -> Transform:
    """The transform in a file, named after it.

    fixed, moving: the images it is for: a DICOM file may hold registrations of others, too, and B-splines are sampled
    on the fixed image's grid. Raises OpenError, one sentence.
    """
    ending = ending_of(path)
    _refuse_others(Path(path))
    if ending in FIELDS:
        found = _read_field(str(path))
    elif ending in ITK:
        found = _read_itk(Path(path), ending, fixed)
    else:
        from viewer.io.dicom.export.registration import read_registration

        found = read_registration(path, fixed, moving)
    if not np.isfinite(found.matrix).all() or abs(np.linalg.det(found.matrix[:3, :3])) < 1e-9:
        raise OpenError("Its matrix cannot be inverted: it is no transform between images.")
    if found.displacement is not None and not np.isfinite(found.displacement).all():
        raise OpenError("Its displacement field has holes (values that are not numbers): it cannot be used.")
    name = printable(Path(path).name)
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


def _refuse_others(path: Path) -> None:
    """Raises OpenError for a text of a program that is known, with the way to a file that can be read."""
    with open_regular(path) as file:
        text = file.read(MOST_HEAD).decode("latin-1")
    for begin, sentence in OTHERS.items():
        if re.match(begin, text):
            raise OpenError(sentence)
    parts = text.split()
    if len(parts) in (12, 16) and all(re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", part, re.IGNORECASE) for part in parts):
        raise OpenError(MATRIX)


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
    header = read_itk_header(path)
    width = min(len(header.size), 3)
    if header.components != width or header.dtype.kind != "f" or header.repeats != 1:
        raise OpenError("It is no displacement field: its voxels are not vectors of as many numbers as it has axes.")
    if int(metadata(path).get("xyzt_units", MILLIMETRES)) & 7 not in (0, MILLIMETRES):
        raise OpenError("Its header is not in mm, and does not say whether its vectors are: save it in mm.")
    array, _owner = voxels(path)
    array = array.reshape(*header.shape[3 - width :], width)
    return _field(array, header.spacing[:width], header.origin[:width], header.direction[:width, :width])


def _grid_of(shape: tuple[int, int, int], spacing: Any, origin: Any, direction: Any) -> Grid:
    try:
        return Grid.of(shape, tuple(spacing)[::-1], origin, direction)
    except ValueError as error:
        raise OpenError("Its displacement field has no valid voxel size or direction.") from error


def _read_itk(path: Path, ending: str, fixed: ImageReference | None) -> Transform:
    if is_hdf5(path):  # whatever its name: ITK, too, goes by what a file is
        found = [_from_stored(part, fixed) for part in reversed(stored_transforms(path))]
    elif ending in (*TEXTS, ".mat"):
        size = path.stat().st_size
        if size > MOST_TEXT:
            raise OpenError(f"It is {size / 2**20:.0f} MB, which no transform of this form is: check what it is.")
        whole = _parse_itk(path.read_bytes(), ending)
        found = [_from_itk(part, fixed) for part in reversed(_parts(whole))]  # ITK applies the last one first
    else:
        raise OpenError(UNREADABLE)
    return list(accumulate(found, compose))[-1]


def _parse_itk(data: bytes, ending: str) -> sitk.Transform:
    """What ITK makes of a text or .mat file, of which it gets a copy: it reads what was checked. Raises OpenError."""
    numbers = _count_numbers(data) if ending in TEXTS else 0
    place = FOLDER / f"{PREFIX}{os.getpid()}-{uuid4().hex}{ending}"
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        place.touch(0o600)
        place.write_bytes(data)
        whole = sitk.ReadTransform(str(place))
    except (RuntimeError, UnicodeDecodeError) as error:  # ITK's message quotes the file
        raise OpenError(UNREADABLE) from error
    finally:
        place.unlink(missing_ok=True)
    there = _parameter_count(whole)
    if (numbers != there) if ending in TEXTS else (4 * there > len(data)):
        raise OpenError(UNREADABLE)
    return whole


def _count_numbers(data: bytes) -> int:
    """How many parameters a text lists: ITK takes what it can read of them, and its defaults for the rest.

    Raises OpenError where it holds anything else: ITK would read other files (ComponentTransformFile).
    """
    texts: list[str] = []
    for line in data.decode("latin-1").split("\n"):
        key, sign, text = line.strip().partition(":")
        if key.strip() not in ("Transform", "Parameters", "FixedParameters") and sign and not key.startswith("#"):
            raise OpenError("It names other files, or holds what no transform holds: save it again as one transform.")
        texts += text.split() if key.strip() == "Parameters" else []
    try:
        return len(texts) if np.isfinite(np.array(texts, dtype=np.float64)).all() else -1
    except ValueError as error:
        raise OpenError(UNREADABLE) from error


def _from_stored(part: StoredTransform, fixed: ImageReference | None) -> Transform:
    """One of an HDF5 file. A field is taken as it is; of the others ITK knows what their parameters mean."""
    if not (np.isfinite(part.fixed).all() and np.isfinite(part.parameters).all()):
        raise OpenError("It holds values that are not numbers: it cannot be used.")
    if part.kind.endswith("DisplacementFieldTransform"):
        return _from_stored_field(part)
    kind = f"{part.kind}_double_{part.dimension}_{part.dimension}"
    rows = ((f"{value:.17g}" for value in values) for values in (part.parameters, part.fixed))
    parameters, others = map(" ".join, rows)
    text = f"#Insight Transform File V1.0\nTransform: {kind}\nParameters: {parameters}\nFixedParameters: {others}\n"
    return _from_itk(_parse_itk(text.encode("ascii"), ".tfm"), fixed)


def _from_stored_field(part: StoredTransform) -> Transform:
    """Its fixed parameters: size, origin, spacing along x, y (, z) and the direction by rows."""
    width = part.dimension
    size, origin, spacing, axes = np.split(part.fixed, (width, 2 * width, 3 * width))
    if len(axes) != width**2 or (size < 1).any() or (size != np.rint(size)).any():
        raise OpenError(UNREADABLE)
    shape = [int(n) for n in size[::-1]]
    if np.prod(shape, dtype=object) * width != len(part.parameters):
        raise OpenError(UNREADABLE)
    return _field(part.parameters.reshape(*shape, width), spacing, origin, axes.reshape(width, width))


def _parameter_count(transform: sitk.Transform) -> int:
    children = _children(transform)
    return sum(map(_parameter_count, children)) if children else len(transform.GetParameters())


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


def _from_itk(part: sitk.Transform, fixed: ImageReference | None) -> Transform:
    if part.IsLinear():
        return Transform(_matrix_of(part))
    if part.GetName() == "DisplacementFieldTransform":
        field = sitk.DisplacementFieldTransform(part).GetDisplacementField()
        direction = np.array(field.GetDirection()).reshape(field.GetDimension(), -1)
        return _field(sitk.GetArrayViewFromImage(field), field.GetSpacing(), field.GetOrigin(), direction)
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


def _field(array: Any, spacing: Any, origin: Any, axes: Any) -> Transform:
    """Displacements [(k,) j, i, 2 or 3] along x, y (, z) in mm; the plane's z stays. spacing, origin: x, y (, z)."""
    width = array.shape[-1]
    shape = (1, *array.shape[:-1])[-3:]
    whole = np.zeros((*shape, 3), np.float32)
    whole[..., :width] = array.reshape(*shape, width)
    direction = np.eye(3)
    direction[:width, :width] = axes
    spacing, origin = (*spacing, 1.0)[:3], (*origin, 0.0)[:3]
    return Transform(np.eye(4), whole, _grid_of((shape[0], shape[1], shape[2]), spacing, origin, direction))


def _matrix_of(part: sitk.Transform) -> Floats:
    """4×4, from where the linear transform takes the origin and the unit points; the plane's z stays."""
    width = part.GetDimension()
    start = np.array(part.TransformPoint([0.0] * width))
    matrix = np.eye(4)
    matrix[:width, 3] = start
    for axis in range(width):
        matrix[:width, axis] = np.array(part.TransformPoint(np.eye(width)[axis].tolist())) - start
    return matrix
