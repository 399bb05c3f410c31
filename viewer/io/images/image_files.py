"""Images that are not DICOM: NIfTI, Analyze, NRRD, MetaImage, PNG and JPEG. Runs in a reader process."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.compute.labels.label_image import is_label_image
from viewer.data.grid import Grid
from viewer.data.notice import Notice
from viewer.data.printable_text import printable
from viewer.data.study import Image, Source
from viewer.data.volume import Volume
from viewer.io.archive import Stamp, length_of, open_unchanged, stamp_of
from viewer.io.errors import OpenError
from viewer.io.images import itk_image, nifti
from viewer.io.images.fsl_gradients import Gradients, gradients_beside, weighting_words
from viewer.io.images.headers.data_files import FORMATS, PICTURES, ending_of, files_of
from viewer.io.images.headers.geometry import Geometry, geometry, resample_slice
from viewer.io.read_plan import Plan
from viewer.io.work_item import begin_item
from viewer.processes.shared_array import SharedHandle, open_shared, write_shared

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from viewer.io.images.stored_image import StoredImage

EXACT = 1 << 24  # whole numbers up to here are what single precision, in which values are computed, keeps
NOT_FINITE = Notice("not-a-number", "Some of its values are no numbers (NaN or infinite).", "not a number")
LARGE = Notice(
    "large-numbers",
    f"Some of its whole numbers are beyond {EXACT:,}: they are kept, but measured and computed with seven digits.",
    "large numbers",
)


def describe_image(path: str) -> Image:
    """The image in a file, from its header; with its other placement. Raises OpenError with one sentence."""
    files = files_of(path)
    stamps = tuple(map(stamp_of, files))
    stored = _stored_image(files, stamps)
    image = _image(files, stamps, stored)
    if not (form := stored.placement.other):
        return image
    second = _image(files, stamps, _stored_image(files, stamps, form))
    return replace(image, second=replace(second, name=form))


def _image(files: tuple[str, ...], stamps: tuple[Stamp, ...], stored: StoredImage) -> Image:
    """The image that a file holds, where its placement puts it."""
    sizes, forms = tuple(map(length_of, files)), stored.placement.forms
    place = geometry(stored.shape, stored.placement)
    gradients = _gradients(files[0], stored, place)
    weightings = gradients.weightings if stored.count > 1 else ()
    plan = Plan(
        kind="picture" if ending_of(files[0]) in PICTURES else "itk", files=files, sizes=sizes, stamps=stamps,
        samples=3 if stored.channels else 1, slope=stored.slope, intercept=stored.intercept,
        times=weighting_words(weightings) or stored.times, windows=stored.windows, diffusion=gradients.weightings,
        form="".join(forms[:1]),
    )  # fmt: skip
    name = printable(files[0].replace("\\", "/").rsplit("/", 1)[-1])
    return Image(
        source=Source(series_description=name, files=files, placement=forms),
        grid=place.grid,
        dtype="uint8" if stored.channels else stored.dtype.name,
        timepoints=stored.count,
        components=3 if stored.channels else 1,
        regular=place.sheared is None,
        times=stored.seconds,
        notices=(*stored.notices, *place.notices, *gradients.notices),
        b_values=tuple(one.b_value for one in weightings),
        plan=plan,
        beside=gradients.files,
    )


def _gradients(path: str, stored: StoredImage, place: Geometry) -> Gradients:
    """Those beside a NIfTI file. Directions are counted along its own axes: sheared ones are none to count along."""
    if not _is_nifti(path):
        return Gradients()
    known = place.sheared is None and place.grid.placed
    return gradients_beside(path, ending_of(path), stored.count, place.grid if known else None)


def read_voxels(handle: SharedHandle, plan: Plan) -> tuple[Notice, ...]:
    """Read the voxels into shared memory [time point, k, j, i(, 3)]; what must be said of them. Raises OpenError."""
    stored = _unchanged_image(plan)
    place = geometry(stored.shape, stored.placement)
    if (stored.count, *place.grid.shape) != handle.shape[:4]:
        raise OpenError("It has changed since it was indexed; open its folder again.")
    finite = exact = True
    with open_shared(handle) as segment:
        for number, (slot, plane) in enumerate(_regular_planes(plan, stored, place)):
            begin_item(number)
            finite = finite and (plane.dtype.kind != "f" or bool(np.isfinite(plane).all()))
            exact = exact and (plane.dtype.kind not in "iu" or plane.dtype.itemsize < 4 or _is_exact(plane))
            write_shared(segment, handle.offset + slot * plane.nbytes, plane.astype(handle.dtype, copy=False))
    return (*(() if finite else (NOT_FINITE,)), *(() if exact else (LARGE,)))


def middle_slice(plan: Plan) -> NDArray[Any]:
    """The middle slice [j, i] or [j, i, 3] of the first time point, as stored."""
    stored = _unchanged_image(plan)
    _, plane = next(_planes(plan, stored, skip=stored.shape[0] // 2))
    return np.array(plane)


def single_volume(image: Image, number: int | None = None) -> Volume:
    """A volume of a file that holds labels: never mixed, also where its axes are sheared. Raises OpenError.

    number: which of several, 1 being the first; None for the only one.
    """
    plan: Plan = image.plan
    stored = _unchanged_image(plan)
    if (stored.count > 1 and number is None) or stored.channels:
        raise OpenError("It holds several values a voxel: a label map has one.")
    place = geometry(stored.shape, stored.placement)
    count = place.grid.shape[0]
    first = ((number or 1) - 1) * count
    planes = _regular_planes(plan, stored, place, labels=True)
    slices = {slot: np.array(plane) for slot, plane in planes if first <= slot < first + count}
    array = np.stack([slices[slot] for slot in range(first, first + count)])
    name = image.source.series_description[: -len(ending_of(plan.files[0]))]
    return Volume(array, image.grid, name, slope=plan.slope, intercept=plan.intercept, badges=image.badges)


def _stored_image(files: Sequence[str], stamps: Sequence[Stamp | None], form: str = "") -> StoredImage:
    return nifti.stored_image(files, stamps, form) if _is_nifti(files[0]) else itk_image.stored_image(files[0])


def _unchanged_image(plan: Plan) -> StoredImage:
    """The header, read again. Raises OpenError where it, or a file of pixels that it names, is not what was indexed."""
    for path, stamp in zip(plan.files, plan.stamps, strict=True):
        open_unchanged(path, stamp).close()
    if files_of(plan.files[0]) != plan.files:
        raise OpenError("It has changed since it was indexed; open its folder again.")
    return _stored_image(plan.files, plan.stamps, plan.form)


def _is_nifti(path: str) -> bool:
    return FORMATS[ending_of(path)] == "NiftiImageIO"


def _planes(plan: Plan, stored: StoredImage, skip: int = 0) -> Iterator[tuple[int, NDArray[Any]]]:
    """(place, slice [j, i] or [j, i, 3]): places count slices through all volumes; `skip` of the file are left out."""
    if _is_nifti(plan.files[0]):
        found = nifti.planes(plan.files, plan.stamps, skip)
    else:
        found = itk_image.planes(plan.files[0], stored, skip)
    yield from ((slot, _rgb(plane)) for slot, plane in found) if stored.channels else found


def _regular_planes(
    plan: Plan, stored: StoredImage, place: Geometry, labels: bool = False
) -> Iterator[tuple[int, NDArray[Any]]]:
    """As `_planes`, on the regular grid; outside of the file's voxels is its smallest value."""
    if place.sheared is None:
        yield from _planes(plan, stored)
        return
    slices = {slot: np.array(plane) for slot, plane in _planes(plan, stored)}
    blank = min(np.nanmin(plane) if np.isfinite(plane).any() else 0 for plane in slices.values())
    first = Volume(np.stack([slices[k] for k in range(stored.shape[0])]), Grid.of(stored.shape))
    labels = labels or stored.labels or is_label_image(first)
    for slot in sorted(slices):
        plane, k = slices[slot], slot % stored.shape[0]
        channels = plane[..., None] if plane.ndim == 2 else plane
        moved = [
            resample_slice(channels[..., n], k, place.sheared, place.grid.shape[1:], blank, labels=labels)
            for n in range(channels.shape[2])
        ]
        yield slot, moved[0] if plane.ndim == 2 else np.stack(moved, axis=-1)


def _is_exact(plane: NDArray[Any]) -> bool:
    return int(plane.min()) >= -EXACT and int(plane.max()) <= EXACT


def _rgb(plane: NDArray[Any]) -> NDArray[np.uint8]:
    """The first three of the channels, 8 bits each."""
    colors = plane[..., :3]
    return colors if colors.dtype == np.uint8 else (colors >> 8).astype(np.uint8)
