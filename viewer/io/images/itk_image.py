"""Images that SimpleITK reads (NRRD, MetaImage, PNG and JPEG), with what it leaves unsaid. Runs in a reader process."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.data.notice import UNMEASURED, Notice
from viewer.io.errors import OpenError
from viewer.io.images.headers.data_files import FORMATS, PICTURES, ending_of, text_header
from viewer.io.images.headers.geometry import Placement
from viewer.io.images.headers.itk_header import ItkHeader, read_itk_header, voxels
from viewer.io.images.headers.nrrd_header import value_axes
from viewer.io.images.headers.text_header import fields_of, has_decimal_commas, placement, scale_of
from viewer.io.images.stored_image import (
    COMPLEX,
    COMPLEX_VALUES,
    StoredImage,
    colour_notices,
    numbered_names,
    several_values_notice,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

KINDS = {"rgb-color", "rgba-color", "3-color", "4-color"}
COLOURED = {"uint8": KINDS | {"", "vector"}, "uint16": KINDS}  # kinds under which three or four values are a colour
PICTURE = Notice("no-pixel-spacing", "A picture has no size in mm: each pixel is taken as 1 mm wide.", UNMEASURED)
MOST_PIXELS = 1 << 27  # of a picture
MOST_VOLUMES = 1 << 16  # in a file
COMMAS = "Its header writes numbers with decimal commas, which are read as something else; write points instead."


def stored_image(path: str) -> StoredImage:
    """What the header says, with what SimpleITK leaves unsaid. Raises OpenError with one sentence."""
    picture, fields = ending_of(path) in PICTURES, fields_of(text_header(path))
    try:
        header = read_itk_header(path)
    except OpenError as error:
        raise OpenError(COMMAS) if has_decimal_commas(fields) else error from error
    if picture and math.prod(header.size) > MOST_PIXELS:
        raise OpenError(
            f"It claims {' × '.join(map(str, header.size))} pixels, more than a picture that is opened has."
        )
    values = {0: "rgb-color"} if picture else value_axes(fields)
    if picture:
        place = Placement(np.eye(4), False, (PICTURE,))
    else:
        place = placement(fields, header, nrrd=FORMATS[ending_of(path)] == "NrrdImageIO")
    if header.components * header.repeats > MOST_VOLUMES:
        raise OpenError(f"It claims {header.components * header.repeats:,} values a voxel, more than are shown.")
    color = values.keys() <= {0} and header.components in (3, 4)
    color = color and values.get(0, "") in COLOURED.get(header.dtype.name, ())
    channels = header.components if color else 0
    axes, notices = _volumes(header, list(values.values()))
    if color:
        axes, notices = (axes[0], ("",)), colour_notices(channels, header.dtype)
    slope, intercept = scale_of(fields)
    return StoredImage(header.shape, header.dtype, place, axes, channels, slope, intercept, notices=notices)


def planes(path: str, stored: StoredImage, skip: int = 0) -> Iterator[tuple[int, NDArray[Any]]]:
    """(place, slice [j, i] or [j, i, channels]) in the order of the file; see viewer.io.images.nifti.planes."""
    array, _owner = voxels(path)
    if stored.channels:
        yield from enumerate(array.reshape(-1, *stored.shape[1:], stored.channels)[skip:], skip)
        return
    arrays = _split_axes(array, stored, several=len(value_axes(fields_of(text_header(path)))) > 1)
    count = len(arrays.shape) - 2
    for number in range(skip, math.prod(arrays.shape[:count])):
        yield number, arrays[np.unravel_index(number, arrays.shape[:count])]


def _split_axes(array: NDArray[Any], stored: StoredImage, *, several: bool) -> NDArray[Any]:
    """[…, k, j, i], the axes of `stored` before those of space. several: the file tells several axes of values."""
    first, *further = sizes = [len(words) for words in stored.axes]
    if not several:
        return np.moveaxis(array.reshape(*sizes[:1], *stored.shape, *sizes[1:]), -1, 1)
    found = array.reshape(*further[::-1], *stored.shape, first)
    count = len(further)
    return found.transpose(count + 3, *range(count)[::-1], *range(count, count + 3))


def _volumes(header: ItkHeader, kinds: Sequence[str]) -> tuple[tuple[tuple[str, ...], ...], tuple[Notice, ...]]:
    """The words for what there is beyond three dimensions (the last ones fastest), and what must be said of them.

    kinds: of the axes of values. Several of them are shown in the order of the file.
    """
    if len(kinds) > 1:
        sizes = (header.components, *header.size[3:])
        if len(sizes) != len(kinds):
            raise OpenError("Its values lie along several axes, which is read for volumes of three dimensions only.")
        words = tuple(map(numbered_names, map(_word, kinds), sizes))
        if "time" not in kinds:
            words = words[0], *(tuple(str(n + 1) for n in range(size)) for size in sizes[1:])  # "component 1, 2"
        return words, (several_values_notice(math.prod(sizes)),)
    times = numbered_names("time point", header.repeats)
    if header.components == 1 or kinds == ["time"]:
        return (times, numbered_names("time point", header.components)), ()
    if header.complex or kinds == ["complex"]:
        return (times, COMPLEX), (COMPLEX_VALUES,)
    return (times, numbered_names("component", header.components)), (several_values_notice(header.components),)


def _word(kind: str) -> str:
    return "time point" if kind == "time" else "component"
