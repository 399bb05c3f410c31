"""The one door for segmentations in files: read by what a file is, saved beside, read back, compared, then renamed."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from pydicom.errors import BytesLengthException

from viewer.compute.images.resample import BADGE, resample_labels
from viewer.compute.labels.fit_grid import different_frames, fitted
from viewer.compute.labels.label_image import as_segmentation
from viewer.data.printable_text import printable
from viewer.data.transform import ImageReference
from viewer.files import atomic_write
from viewer.io.archive import first_bytes, member_of
from viewer.io.errors import OpenError, SaveError, refuse_damage
from viewer.io.images.headers.data_files import ending_of
from viewer.io.images.image_files import describe_image, single_volume
from viewer.io.images.save import ENDINGS, Format, SaveReport, save_label_image
from viewer.io.segmentations.dicom_seg.read import segmentation_of
from viewer.io.segmentations.dicom_seg.write import write_seg
from viewer.io.segmentations.dicom_summary import CLASSES, dataset, label_file
from viewer.io.segmentations.rtstruct.read import contours_of
from viewer.io.segmentations.rtstruct.write import write_rtstruct
from viewer.io.segmentations.seg_nrrd import ENDING, read_seg_nrrd, write_seg_nrrd
from viewer.io.segmentations.surfaces import SURFACES, write_surfaces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from viewer.data.arrays import Json
    from viewer.data.grid import Grid
    from viewer.data.segmentation import Segmentation
    from viewer.data.study import Image, Source

MOST_OF_A_CODE = 64  # characters of each of its parts, PS3.5 6.2 (LO)
MOST_TOLD = 16 << 20  # bytes of the JSON beside a label map
PLACE = 1e-3  # mm between a voxel and where its file puts it

NO_SUCH = "It has no {}; leave that choice out."
CONTOURS = ".rtstruct.dcm"

log = logging.getLogger(__name__)


def read_segmentation(
    path: Path, images: Sequence[ImageReference] = (), placement: str = "", time: int | None = None
) -> Segmentation:
    """The segments in a file of FORMATS, or in a label image with the JSON beside it; DICOM by whatever name.

    images: what it may be of: it comes on the grid of the first that has its voxels, of the one that the file refers to
    before others. placement: "sform" or "qform" of a NIfTI file that has both; "" follows the images, else the rule.
    time: which volume of a label image, 1 being the first. Raises OpenError: one sentence.
    """
    ending = _ending(path) or (".dcm" if _is_dicom(path) else "")
    if images and ending.endswith(".dcm"):
        about = label_file(str(path)).referenced_series_uid
        images = sorted(images, key=lambda image: not about or image.source.series_uid != about)
    if ending and placement:
        raise OpenError(NO_SUCH.format(placement))
    found = FORMATS[ending][0](path, images) if ending else _read_label_image(path, images, placement, time)
    if any(found.grid is image.grid for image in images):
        return found
    return next((whole for image in images if (whole := fitted(found, image.grid)) is not None), found)


def holds_labels(path: Path) -> bool:
    """Whether a file says itself that it holds segments; a label image does not. Raises OpenError: one sentence."""
    if path.name.lower().endswith((ENDING, *SURFACES)):
        return True
    return path.is_file() and _is_dicom(path) and dataset(str(path), header_only=True).SOPClassUID in CLASSES


def read_dicom(path: Path, images: Sequence[ImageReference] = ()) -> Segmentation:
    """A segmentation, or contours on one of the images. Raises OpenError: one sentence."""
    ds = dataset(str(path))
    with refuse_damage("It is incomplete or damaged: a part of its header is missing or wrong.", BytesLengthException):
        read = contours_of if "StructureSetROISequence" in ds else segmentation_of
        return read(ds, images=images, name=printable(path.stem))


def resample_segmentation(segmentation: Segmentation, grid: Grid, source: Source) -> Segmentation:
    """Segments on an image's grid and of that image; by the nearest voxel where their own grid is another.

    Raises OpenError where both name their frames of reference and these differ.
    """
    if different_frames(segmentation.grid, grid):
        raise OpenError("The segments lie in another frame of reference than the image: register the two first.")
    badges = segmentation.badges
    if not segmentation.grid.matches(grid):
        first, *others = (
            resample_labels(array, segmentation.grid, grid, interpolation="nearest") for array in segmentation.maps
        )
        onto = replace(segmentation, array=first, overlapping=tuple(others), grid=grid)
        lost = [one.name for one in segmentation.segments if segmentation.mask(one).any() and not onto.mask(one).any()]
        badges = (*badges, BADGE, *(f"{name} has no voxel on the image" for name in lost))
        segmentation = onto
    return replace(segmentation, grid=grid, source=source, badges=badges)


def _is_dicom(path: Path) -> bool:
    if member_of(str(path)):
        return True  # of an archive nothing else is listed
    return first_bytes(str(path), 132)[128:] == b"DICM"


def _refuse_surfaces(path: Path, images: Sequence[ImageReference] = ()) -> Segmentation:
    raise OpenError("It is a surface, which has no voxels to open: surfaces are only written.")


# By ending: what reads a file of several label maps (for which images), and what writes it.
FORMATS: dict[
    str, tuple[Callable[[Path, Sequence[ImageReference]], Segmentation], Callable[[Segmentation, Path], None]]
] = {
    ENDING: (lambda path, images: read_seg_nrrd(path), write_seg_nrrd),
    CONTOURS: (read_dicom, write_rtstruct),
    ".labelmap.dcm": (read_dicom, partial(write_seg, kind="LABELMAP")),
    ".fractional.dcm": (read_dicom, partial(write_seg, kind="FRACTIONAL")),
    ".dcm": (read_dicom, write_seg),
    **dict.fromkeys(SURFACES, (_refuse_surfaces, write_surfaces)),
}


def save_segmentation(segmentation: Segmentation, target: Path, mark: str = "", overwrite: bool = False) -> SaveReport:
    """Save segments in the form that the ending names, read them back and compare, then rename.

    mark: of the review ("AI, not reviewed"). overwrite: whether a file of that name may be replaced. Prompts stay in
    the journal and the project: no other program knows them. Raises SaveError, one sentence; the file that was there
    stays then.
    """
    segments = tuple(
        replace(one, prompts=(), base_mask="", base_review="source", mask_doubt=None) for one in segmentation.segments
    )
    segmentation, ending = replace(segmentation, segments=segments), _ending(target)
    if (kind := format_of(target)) is not None:
        if segmentation.overlapping:
            raise SaveError(f"{target.name} was not saved: its segments overlap: choose one of {', '.join(FORMATS)}.")
        return save_label_image(segmentation, target, kind, mark, overwrite)
    read, write = FORMATS[ending]
    try:
        if not target.parent.is_dir():
            raise FileNotFoundError(2, "no such folder")
        if target.exists() and (not overwrite or target.is_dir()):
            raise SaveError("it is already there: choose another name, or ask to replace it.")
        atomic_write.sweep(target.parent)
        with atomic_write.temporary_folder(target.parent) as folder:
            made = folder / f"made{ending}"
            badges = tuple(dict.fromkeys((*([mark] if mark else []), *segmentation.badges)))
            write(replace(segmentation, badges=badges), made)
            atomic_write.flush(made)
            if ending not in SURFACES:
                (_check_masks if ending == CONTOURS else _check)(
                    segmentation, read(made, [ImageReference(segmentation.grid, segmentation.source)])
                )
            size = made.stat().st_size
            made.replace(target)
            atomic_write.flush(target.parent)
        return SaveReport((str(target),), size, "dicom" if ending.endswith(".dcm") else "nrrd")
    except (SaveError, OpenError) as error:
        raise SaveError(f"{target.name} was not saved: {error}") from error
    except (OSError, RuntimeError, MemoryError) as error:
        log.warning("saving a segmentation failed: %s", type(error).__name__)
        need = sum(array.nbytes for array in segmentation.maps)
        raise SaveError(
            f"{target.name} was not saved: {atomic_write.failure_reason(error, target.parent, need)}."
        ) from error


def format_of(target: Path) -> Format | None:
    """What a label image, or any image, is written as by its ending; None for those of FORMATS. Raises SaveError."""
    if _ending(target):
        return None
    for kind, ends in ENDINGS.items():
        if target.name.lower().endswith(ends):
            return kind
    known = ", ".join([*FORMATS, *(end for ends in ENDINGS.values() for end in ends)])
    raise SaveError(f"{target.name} was not saved: the name must end in one of {known}.")


def _ending(path: Path) -> str:
    return next((ending for ending in FORMATS if path.name.lower().endswith(ending)), "")


def _check(expected: Segmentation, actual: Segmentation) -> None:
    """Compare voxel by voxel, segment by segment. Raises SaveError where they differ."""
    if len(actual.maps) != len(expected.maps):
        raise SaveError("it does not read back with the same layers: try again.")
    if not all(np.array_equal(one, other) for one, other in zip(expected.maps, actual.maps, strict=True)):
        raise SaveError("it does not read back with the same labels: try again or use another drive.")
    if not np.abs(expected.grid.corners - actual.grid.corners).max() <= PLACE:
        raise SaveError("it does not read back in the same place: try again or use another drive.")
    if {one.key for one in expected.segments} - {one.key for one in actual.segments}:
        raise SaveError("it does not read back with the same segments: try again.")


def _check_masks(expected: Segmentation, actual: Segmentation) -> None:
    """As `_check`, of contours, which have no labels."""
    if len(actual.segments) != len(expected.segments) or not all(
        np.array_equal(actual.mask(one), expected.mask(other))
        for one, other in zip(actual.segments, expected.segments, strict=True)
    ):
        raise SaveError("its contours do not enclose the same voxels when read back: save it as .dcm instead.")


def _read_label_image(path: Path, images: Sequence[ImageReference], placement: str, time: int | None) -> Segmentation:
    if not ending_of(str(path)):
        raise OpenError(f"It is no file of labels that is known: {', '.join(FORMATS)}, NIfTI, NRRD or MetaImage are.")
    image = describe_image(str(path))
    placed = image.with_placement(placement) if placement else _placed_like(image, images)
    if placed is None:
        raise OpenError(NO_SUCH.format(placement))
    try:
        labels = as_segmentation(single_volume(placed, time))
    except ValueError as error:
        raise OpenError(f"{error}") from error
    attributes = labels_beside(path)
    return replace(labels, segments=tuple(replace(one, **attributes.get(one.label, {})) for one in labels.segments))


def _placed_like(labels: Image, images: Sequence[ImageReference]) -> Image:
    """By its other placement where that lays it on an image that was opened by that one, as it was drawn on it."""
    if (other := labels.other) is None:
        return labels
    for image in images:
        if image.grid.matches(labels.grid):
            return labels
        if image.source.placement == other.source.placement and image.grid.matches(other.grid):
            return other
    return labels


def labels_beside(path: Path) -> dict[int, Json]:
    """What the JSON beside a label map tells of each label: name, colour, code, side; {} without such a file."""
    beside = path.with_name(path.name[: len(path.name) - len(ending_of(str(path)))] + ".json")
    if not beside.is_file() or beside.stat().st_size > MOST_TOLD:
        return {}
    try:
        document = json.loads(beside.read_text(encoding="utf-8"))
        return {int(one["value"]): _label_attributes(one) for one in document.get("labels", ())}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}  # some other JSON of the same name


def _label_attributes(one: Json) -> Json:
    about: Json = {"name": str(one["name"])}
    if "color" in one:
        red, green, blue = (min(max(int(part), 0), 255) for part in one["color"])
        about["color"] = red, green, blue
    if "code" in one:
        scheme, value, meaning = (str(part)[:MOST_OF_A_CODE] for part in one["code"])
        about["code"] = scheme, value, meaning
    if one.get("side") in ("left", "right"):
        about["side"] = one["side"]
    return about
