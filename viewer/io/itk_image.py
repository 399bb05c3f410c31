"""Images that SimpleITK reads (NRRD, MetaImage, PNG and JPEG), with what it leaves unsaid. Runs in a reader process."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer.data.notice import UNMEASURED, Notice
from viewer.io.data_files import FORMATS, PICTURES, ending_of, text_header
from viewer.io.failure import OpenError
from viewer.io.file_geometry import Placement
from viewer.io.itk_header import Facts, facts_of, voxels
from viewer.io.nrrd_header import value_axis
from viewer.io.stored_image import COMPLEX, COMPLEX_VALUES, StoredImage, colours, numbered, several_values
from viewer.io.text_header import fields_of, has_decimal_commas, placement, scale_of

KINDS = {"rgb-color", "rgba-color", "3-color", "4-color"}
COLOURED = {"uint8": KINDS | {"", "vector"}, "uint16": KINDS}  # kinds under which three or four values are a colour
PICTURE = Notice("no-pixel-spacing", "A picture has no size in mm: each pixel is taken as 1 mm wide.", UNMEASURED)
MOST_PIXELS = 1 << 27  # of a picture
COMMAS = "Its header writes numbers with decimal commas, which are read as something else; write points instead."


def stored_image(path: str) -> StoredImage:
    """From the header. Raises OpenError with one sentence."""
    picture, fields = ending_of(path) in PICTURES, fields_of(text_header(path))
    try:
        facts = facts_of(path)
    except OpenError as error:
        raise OpenError(COMMAS) if has_decimal_commas(fields) else error from error
    if picture and math.prod(facts.size) > MOST_PIXELS:
        raise OpenError(f"It claims {' × '.join(map(str, facts.size))} pixels, more than a picture that is opened has.")
    axis, kind = (0, "rgb-color") if picture else value_axis(fields)
    if picture:
        place = Placement(np.eye(4), False, (PICTURE,))
    else:
        place = placement(fields, facts, nrrd=FORMATS[ending_of(path)] == "NrrdImageIO")
    color = facts.components in (3, 4) and axis <= 0 and kind in COLOURED.get(facts.dtype.name, ())
    channels = facts.components if color else 0
    parts, notices = (("",), colours(channels, facts.dtype)) if color else _parts(facts, kind)
    slope, intercept = scale_of(fields)
    axes = (numbered("time point", facts.repeats), parts)
    return StoredImage(facts.shape, facts.dtype, place, axes, channels, slope, intercept, notices=notices)


def planes(path: str, stored: StoredImage, skip: int = 0) -> Iterator[tuple[int, NDArray[Any]]]:
    """As viewer.io.nifti.planes."""
    array, _owner = voxels(path)
    k, j, i = stored.shape
    if stored.channels:
        yield from enumerate(array.reshape(-1, j, i, stored.channels)[skip:], skip)
        return
    parts = len(stored.axes[-1])
    apart = np.moveaxis(array.reshape(-1, k, j, i, parts), -1, 1)
    for number in range(skip, len(apart) * parts * k):
        yield number, apart[np.unravel_index(number, apart.shape[:3])]


def _parts(facts: Facts, kind: str) -> tuple[tuple[str, ...], tuple[Notice, ...]]:
    """The words for the values of a voxel, and what must be said of them."""
    if facts.components == 1 or kind == "time":
        return numbered("time point", facts.components), ()
    if facts.complex or kind == "complex":
        return COMPLEX, (COMPLEX_VALUES,)
    return numbered("component", facts.components), (several_values(facts.components),)
