"""Images that SimpleITK reads (NRRD, MetaImage, PNG and JPEG), with what it leaves unsaid. Runs in a reader process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer.data.notice import UNMEASURED, Notice
from viewer.io.data_files import FORMATS, PICTURES, ending_of, text_header
from viewer.io.failure import OpenError
from viewer.io.file_geometry import Placement
from viewer.io.itk_header import Facts, facts_of, voxels
from viewer.io.stored_image import StoredImage, colours, numbered, several_values
from viewer.io.text_header import fields_of, has_decimal_commas, kind_of, placement, scale_of

KINDS = {"rgb-color", "rgba-color", "3-color", "4-color"}
COLOURED = {"uint8": KINDS | {"", "vector"}, "uint16": KINDS}  # kinds under which three or four values are a colour
PICTURE = Notice("no-pixel-spacing", "A picture has no size in mm: each pixel is taken as 1 mm wide.", UNMEASURED)
COMMAS = "Its header writes numbers with decimal commas, which are read as something else; write points instead."


def stored_image(path: str) -> StoredImage:
    """From the header. Raises OpenError with one sentence."""
    picture, fields = ending_of(path) in PICTURES, fields_of(text_header(path))
    try:
        facts = facts_of(path)
    except OpenError as error:
        raise OpenError(COMMAS) if has_decimal_commas(fields) else error from error
    kind = "rgb-color" if picture else kind_of(fields)
    if picture:
        place = Placement(np.eye(4), False, (PICTURE,))
    else:
        place = placement(fields, facts, nrrd=FORMATS[ending_of(path)] == "NrrdImageIO")
    color = facts.components in (3, 4) and kind in COLOURED.get(facts.dtype.name, ())
    channels = facts.components if color else 0
    notices = colours(channels, facts.dtype)
    if facts.components > 1 and not color:
        notices = (_parts_notice(facts),)
    slope, intercept = scale_of(fields)
    axes = (numbered("time point", facts.repeats), ("",) if color else _parts(facts))
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


def _parts(facts: Facts) -> tuple[str, ...]:
    return ("real part", "imaginary part") if facts.complex else numbered("component", facts.components)


def _parts_notice(facts: Facts) -> Notice:
    if not facts.complex:
        return several_values(facts.components)
    sentence = "Its values are complex: real and imaginary part are shown one after the other, like time points."
    return Notice("complex-values", sentence)
