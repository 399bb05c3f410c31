"""ITK's transforms in HDF5, read as data: ITK's own reader follows links to other files, and a damaged file ends it.

Layout: /TransformGroup/N with TransformType, TransformFixedParameters and TransformParameters (spelt "Tranform…" by
ITK before 5), of itkHDF5TransformIO.cxx.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from viewer.compute.hdf5_file import open_hdf5
from viewer.compute.progress import Refusal
from viewer.io.errors import OpenError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.data.arrays import Floats

MOST_PARTS = 64  # transforms in one file
KIND = re.compile(r"([A-Za-z0-9]{1,80})_(?:double|float)_([23])_\2")
COMPOSITE = "CompositeTransform"


class StoredTransform(NamedTuple):
    """kind: ITK's name of its class. fixed, parameters: as ITK numbers them."""

    kind: str
    dimension: int
    fixed: Floats
    parameters: NDArray[Any]


def stored_transforms(path: Path) -> list[StoredTransform]:
    """The parts of a composite, or the one transform there is; ITK applies the last first. Raises OpenError."""
    try:
        with open_hdf5(path) as file:
            groups = file["TransformGroup"]
            if len(groups) > MOST_PARTS:
                raise OpenError(f"It holds {len(groups)} transforms; at most {MOST_PARTS} can be put into one.")
            found = [_stored_transform(groups[str(n)]) for n in range(len(groups))]
    except Refusal as refusal:
        raise OpenError(f"{refusal}") from refusal
    parts = found[1:] if found and found[0].kind == COMPOSITE else found
    if not parts or (len(parts) > 1 and parts is found) or any(one.kind == COMPOSITE for one in parts):
        raise OpenError("It holds no transform, or several that are not put together to one: save it again as one.")
    return parts


def _stored_transform(group: Any) -> StoredTransform:
    told = group["TransformType"][0]
    match = KIND.fullmatch(told.decode("ascii", "replace") if isinstance(told, bytes) else str(told))
    if not match:
        raise OpenError("It holds a transform of a kind that is not known.")
    if match[1] == COMPOSITE:
        return StoredTransform(COMPOSITE, int(match[2]), np.zeros(0), np.zeros(0))
    fixed, parameters = _numbers(group, "FixedParameters"), _numbers(group, "Parameters")
    return StoredTransform(match[1], int(match[2]), fixed.astype(np.float64), parameters)


def _numbers(group: Any, name: str) -> NDArray[Any]:
    data = group[f"Transform{name}"] if f"Transform{name}" in group else group[f"Tranform{name}"]
    if data.dtype.kind != "f" or data.ndim != 1:
        raise OpenError("It holds a transform whose parameters are no row of numbers.")
    values: NDArray[Any] = data[()]
    return values
