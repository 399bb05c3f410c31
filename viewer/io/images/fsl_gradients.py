"""b-values and gradient directions beside a NIfTI file, as FSL writes and reads them (.bval and .bvec).

https://fsl.fmrib.ox.ac.uk/fsl/docs/#/diffusion/dtifit: one column a time point; directions along the axes of the image,
the first one turned over where the image is right-handed (its affine has a positive determinant).
"""

from __future__ import annotations

import os
import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from viewer.data.notice import Notice
from viewer.data.volume import Diffusion, Volume
from viewer.io.archive import is_there, member_of, read_small
from viewer.io.dicom.headers.b_matrix import MOST
from viewer.io.dicom.series.timepoints import word_of
from viewer.io.errors import OpenError, sentence
from viewer.io.images.headers.data_files import NIFTI

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from viewer.data.arrays import Floats
    from viewer.data.grid import Grid

B_VALUES, DIRECTIONS = ".bval", ".bvec"
LONGEST = 1 << 20  # bytes of either file
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
UNIT = 0.01  # that the length of a direction may differ from 1, and of none from 0, by rounding


class Gradients(NamedTuple):
    """The diffusion weighting beside a NIfTI file.

    weightings: of each time point, () where nothing is known. files: where it stands. notices: why it is not taken.
    """

    weightings: tuple[Diffusion, ...] = ()
    files: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()


def gradient_paths(image: Path, ending: str) -> tuple[Path, Path]:
    """Where b-values and directions of an image with this ending are kept."""
    name = image.name[: -len(ending)]
    return image.with_name(name + B_VALUES), image.with_name(name + DIRECTIONS)


def belongs_to_image(path: str) -> bool:
    """True for b-values and directions of a NIfTI file beside them: they are opened with it."""
    stem, kind = os.path.splitext(path)
    return kind in (B_VALUES, DIRECTIONS) and any(is_there(stem + ending) for ending in NIFTI)


def gradients_beside(image: str, ending: str, count: int, grid: Grid | None) -> Gradients:
    """The diffusion weighting of an image with this ending and `count` volumes. Runs in a reader process.

    grid: of the file's own voxels; None where they have none, so that directions along their axes are not known.
    """
    files = tuple(path for kind in (B_VALUES, DIRECTIONS) if is_there(path := image[: -len(ending)] + kind))
    if not files:
        return Gradients()
    try:
        return Gradients(_read(files, count, grid), files)
    except (OpenError, OSError) as error:
        names, why = " and ".join(os.path.basename(path) for path in files), sentence(error)
        message = f"The gradients beside it ({names}) are not taken: {why[:1].lower()}{why[1:]}"
        message = f"{message} Put the right files there and open it again."
        return Gradients(notices=(Notice("unread-gradients", message, "gradients not read"),))


def weighting_words(weightings: Sequence[Diffusion]) -> tuple[str, ...]:
    """What the time points are called, as those of DICOM are: "b = 0", "b = 1000, direction 2"."""
    labels = [(word_of("gradient", one), "direction" if one.direction else "repetition") for one in weightings]
    several, seen = Counter(label for label, _ in labels), Counter[tuple[str, str]]()
    words = []
    for label, kind in labels:
        seen[label, kind] += 1
        words.append(f"{label}, {kind} {seen[label, kind]}" if several[label] > 1 else label)
    return tuple(words)


def gradient_texts(volumes: Sequence[Volume]) -> tuple[str, ...]:
    """What the two files say: b-values and directions; no directions where none is known, nothing without b-values."""
    weightings = [volume.diffusion for volume in volumes if volume.diffusion is not None]
    if len(weightings) < len(volumes):
        return ()
    b_values = " ".join(f"{one.b_value:g}" for one in weightings) + "\n"
    if not any(one.direction for one in weightings):
        return (b_values,)
    vectors = np.array([one.direction or (0.0, 0.0, 0.0) for one in weightings]) @ fsl_axes(volumes[0].grid)
    return b_values, "".join(" ".join(f"{x + 0.0:.6g}" for x in row) + "\n" for row in np.round(vectors.T, 6))


def fsl_axes(grid: Grid) -> Floats:
    """The directions (LPS, in columns) that FSL counts the components of a gradient along."""
    handed = np.linalg.det(grid.direction) > 0
    return grid.direction * (-1 if handed else 1, 1, 1)


def _read(files: Sequence[str], count: int, grid: Grid | None) -> tuple[Diffusion, ...]:
    """Raises OpenError or OSError."""
    if not files[0].endswith(B_VALUES):
        raise OpenError(f"The b-values of its directions are missing: copy the {B_VALUES} file beside it.")
    b_values = _b_values(files[0], count)
    if len(files) == 1:
        return tuple(Diffusion(b_value) for b_value in b_values)
    if grid is None:
        raise OpenError("The axes that its directions are counted along are not known.")
    turned = np.round(_directions(files[1], count) @ fsl_axes(grid).T, 6) + 0.0
    known = np.array(b_values) > 0
    return tuple(
        Diffusion(b_value, (float(x), float(y), float(z)) if has and (x or y or z) else None)
        for b_value, has, (x, y, z) in zip(b_values, known, turned, strict=True)
    )


def _b_values(path: str, count: int) -> tuple[float, ...]:
    """The b-values in s/mm², which stand in one row or one column."""
    rows = _rows(path)
    if len(rows) > 1 and any(len(row) > 1 for row in rows):
        raise OpenError("Its b-values are not one row of numbers.")
    values = tuple(number for row in rows for number in row)
    if len(values) != count:
        raise OpenError(f"There are {len(values)} b-values for {count} volumes.")
    if not all(0 <= value < MOST for value in values):
        raise OpenError(f"A b-value is not between 0 and {MOST:,} s/mm².")
    return values


def _directions(path: str, count: int) -> Floats:
    """Directions [volume, 3] along the axes of FSL, of length 1 or 0; they stand in three rows or three columns."""
    rows = _rows(path)
    sizes = {len(row) for row in rows}
    if len(rows) == 3 and sizes == {count}:
        vectors = np.array(rows).T
    elif len(rows) == count and sizes == {3}:
        vectors = np.array(rows)
    else:
        numbers = sum(map(len, rows))
        raise OpenError(f"There are {numbers} numbers in {len(rows)} rows, no directions of {count} volumes.")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if (wrong := np.flatnonzero((lengths > UNIT) & (np.abs(lengths - 1) > UNIT))).size:
        raise OpenError(f"The direction of volume {wrong[0] + 1} is {lengths[wrong[0], 0]:.4g} long, not 1 or 0.")
    return np.where(lengths > UNIT, vectors / np.maximum(lengths, UNIT), 0.0)


def _rows(path: str) -> list[list[float]]:
    """The numbers of a text of numbers, line by line."""
    if not member_of(path) and os.path.dirname(os.path.realpath(path)) != os.path.realpath(os.path.dirname(path)):
        raise OpenError("It is a link that leads out of its folder.")
    text = read_small(path, LONGEST).decode("utf-8-sig", "replace")
    rows = [line.split() for line in text.splitlines() if line.strip()]
    if not all(NUMBER.fullmatch(word) and abs(float(word)) < MOST for row in rows for word in row):
        raise OpenError(f"{os.path.basename(path)} holds something else than numbers that b-values and directions are.")
    return [[float(word) for word in row] for row in rows]
