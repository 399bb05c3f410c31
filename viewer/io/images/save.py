"""The one verb for saving volumes: write beside under a temporary name, read back, compare, then rename."""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from viewer.data.volume import Volume
from viewer.files import atomic_write
from viewer.io.dicom.export.derived_series import derived_series, write_series
from viewer.io.dicom.export.read_back import PLACE, check_slice
from viewer.io.errors import SaveError
from viewer.io.images.fsl_gradients import gradient_paths, gradient_texts
from viewer.io.images.itk_file import check_image, sidecar, write_image
from viewer.io.stored_values import shear_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.data.arrays import ProgressCallback
    from viewer.data.segmentation import Segment, Segmentation

Format = Literal["dicom", "nifti", "nrrd", "mha"]
ENDINGS: dict[Format, tuple[str, ...]] = {"nifti": (".nii.gz", ".nii"), "nrrd": (".nrrd",), "mha": (".mha",)}
LEAST = 4096  # bytes free that the JSON beside needs at the least
SINGLE = 1e-3  # mm; NIfTI keeps the affine in single precision


@dataclass(frozen=True)
class SaveReport:
    """What was saved: the files (the image first), their bytes together, and what a person should know about it."""

    paths: tuple[str, ...]
    bytes: int
    format: Format
    note: tuple[str, ...] = ()


def save_image(
    volumes: Sequence[Volume],
    target: str | Path,
    format: Format,
    mark: str = "",
    overwrite: bool = False,
    *,
    segments: Sequence[Segment] = (),
    progress: ProgressCallback = lambda fraction: None,
) -> SaveReport:
    """Save the time points of an image (usually one): a folder for a DICOM series, else a file and a JSON beside it.

    The target appears whole, after every pixel, the geometry and the identity were read back and found equal, or it
    stays as it was. mark: what a DICOM series description says of the result ("AI-altered, accepted"); by default
    from the provenance. segments: of a label map, for the JSON beside.
    progress: fraction done, 0…1. Raises SaveError: one sentence for the user.
    """
    target = Path(target)
    need = sum(volume.array.nbytes for volume in volumes)
    try:
        _check_volumes(volumes, format)
        _check_target(target, format, overwrite)
        atomic_write.sweep(target.parent)
        with atomic_write.temporary_folder(target.parent) as folder:
            if format == "dicom":
                return _save_series(volumes, target, folder, mark, progress)
            return _save_image(volumes, target, folder, format, mark, segments, progress)
    except SaveError as error:
        raise SaveError(f"{target.name} was not saved: {error}") from error
    except (OSError, RuntimeError, MemoryError) as error:
        number = getattr(error, "errno", None)  # the text may name a patient's file
        logging.getLogger(__name__).warning("saving as %s failed: %s %s", format, type(error).__name__, number)
        raise SaveError(
            f"{target.name} was not saved: {atomic_write.failure_reason(error, target.parent, need)}."
        ) from error


def save_label_image(
    segmentation: Segmentation, target: str | Path, format: Format, mark: str = "", overwrite: bool = False
) -> SaveReport:
    """Save a label map like an image, its values as they are; the JSON beside tells what they stand for.

    Raises SaveError: one sentence for the user.
    """
    if format == "dicom":
        raise SaveError(
            f"{Path(target).name} was not saved: label maps are saved as NIfTI, NRRD or MHA so far: choose one."
        )
    one = segmentation
    labels = Volume(one.array, one.grid, one.name, source=one.source, provenance=one.provenance, badges=one.badges)
    return save_image([labels], target, format, mark, overwrite, segments=one.segments)


def _save_series(
    volumes: Sequence[Volume], target: Path, folder: Path, mark: str, progress: ProgressCallback
) -> SaveReport:
    shear = shear_of(volumes[0].grid)
    series = derived_series(volumes, mark)
    made = folder / "series"
    made.mkdir()
    names, size = [], 0
    slices = list(write_series(series, volumes, made, lambda fraction: progress(0.5 * fraction)))
    for count, (path, volume, k) in enumerate(slices):
        atomic_write.flush(path)
        check_slice(path, series, volume, k, shear)
        names.append(str(target / path.name))
        size += path.stat().st_size
        progress(0.5 + 0.5 * (count + 1) / len(slices))
    atomic_write.flush(made)
    _replace_folder(made, target, folder / "before")
    return SaveReport(tuple(names), size, "dicom", series.note)


def _save_image(
    volumes: Sequence[Volume],
    target: Path,
    folder: Path,
    format: Format,
    mark: str,
    segments: Sequence[Segment],
    progress: ProgressCallback,
) -> SaveReport:
    made, sidecar_file = folder / f"image{_ending(target, format)}", folder / "image.json"
    write_image(volumes, made)
    if shutil.disk_usage(folder).free < LEAST:  # NIfTI's library does not say so itself
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    atomic_write.flush(made)
    progress(0.5)
    check_image(volumes, made, (SINGLE if format == "nifti" else PLACE) + shear_of(volumes[0].grid))
    sidecar_file.write_text(
        json.dumps(sidecar(volumes, made, mark, segments), indent=1, ensure_ascii=False), encoding="utf-8"
    )
    texts = gradient_texts(volumes) if format == "nifti" else ()
    files = [(sidecar_file, sidecar_path(target, format))]
    for text, path in zip(texts, _sidecar_paths(target, format)[1:], strict=False):
        files.append((folder / f"image{path.suffix}", path))
        files[-1][0].write_text(text, encoding="ascii")
    for path, _ in files:
        atomic_write.flush(path)
    files.append((made, target))
    size = sum(path.stat().st_size for path, _ in files)
    atomic_write.replace_files(*files)
    progress(1.0)
    return SaveReport((str(target), *(str(path) for _, path in files[:-1])), size, format)


def _sidecar_paths(target: Path, format: Format) -> tuple[Path, ...]:
    """What may stand beside an image: the JSON, and the gradients of a NIfTI file."""
    gradients = gradient_paths(target, _ending(target, format)) if format == "nifti" else ()
    return sidecar_path(target, format), *gradients


def sidecar_path(target: Path, format: Format) -> Path:
    """Where the JSON of an image goes: the same name with the ending .json."""
    return target.with_name(target.name[: -len(_ending(target, format))] + ".json")


def _ending(target: Path, format: Format) -> str:
    for ending in ENDINGS[format]:
        if target.name.lower().endswith(ending) and len(target.name) > len(ending):
            return target.name[-len(ending) :]
    raise SaveError(f"a name for this format ends in {' or '.join(ENDINGS[format])}: add that to the name.")


def _check_volumes(volumes: Sequence[Volume], format: Format) -> None:
    first = volumes[0]
    if any(not v.grid.matches(first.grid) or v.array.ndim != first.array.ndim for v in volumes):
        raise SaveError("its time points do not lie on one grid: save them one by one.")
    if format == "nifti" and first.color:
        raise SaveError("colour in NIfTI is not read alike everywhere: save as NRRD, MHA or DICOM.")
    if first.color and len(volumes) > 1 and format != "dicom":
        raise SaveError("colour with several time points is saved as DICOM only: choose DICOM.")


def _check_target(target: Path, format: Format, overwrite: bool) -> None:
    """Nothing is overwritten unasked; and no folder ever that holds anything but slices."""
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder")
    if format != "dicom":
        if target.is_dir():
            raise SaveError("a folder of that name is there: choose another name.")
        existing = [path for path in (target, *_sidecar_paths(target, format)) if path.exists()]
        if existing and not overwrite:
            raise SaveError(f"{existing[0].name} is already there: choose another name, or ask to replace it.")
        return
    if target.exists() and not target.is_dir():
        raise SaveError("a file of that name is there: choose another name.")
    entries = list(target.iterdir()) if target.exists() else []
    if entries and not overwrite:
        raise SaveError("the folder is not empty: choose a new or an empty folder.")
    if any(path.suffix.lower() != ".dcm" or not path.is_file() for path in entries):
        raise SaveError("the folder holds other things than DICOM slices: choose a new or an empty folder.")


def _replace_folder(made: Path, target: Path, aside: Path) -> None:
    """The new folder takes the old one's place; the old one comes back where that fails."""
    replaced = target.exists()
    if replaced:
        target.rename(aside)
    try:
        made.rename(target)
    except OSError:
        if replaced:
            aside.rename(target)
        raise
    atomic_write.flush(target.parent)
