"""The one verb for saving a transform: written beside under a temporary name, read back, compared, then renamed."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np

from viewer.compute.registration.transform_algebra import lattice_points, transform_points
from viewer.data.provenance import Provenance
from viewer.data.transform import ImageReference, SignOff, Transform
from viewer.files import atomic_write
from viewer.files.checksum import sha256_of
from viewer.io.dicom.export.registration import registration
from viewer.io.errors import SaveError
from viewer.io.transforms.transform_file import DICOM, ending_of, read_transform, write_transform
from viewer.settings import NAME, NOTICE, application_version

if TYPE_CHECKING:
    from pathlib import Path

    from viewer.data.arrays import Floats, Json
    from viewer.data.grid import Grid

TOLERANCE = 0.01  # mm between where a transform and its file take a point
MOST_TOLD = 1 << 20  # bytes of the JSON beside

log = logging.getLogger(__name__)


def save_transform(
    transform: Transform, target: Path, fixed: ImageReference, moving: ImageReference, overwrite: bool = False
) -> str:
    """Save what takes points of the fixed to points of the moving image; the ending chooses the form.

    A JSON beside it holds where it came from and what was said of it. Returns a sentence that a person should read, or
    "". Raises SaveError: one sentence for the user.
    """
    try:
        if not target.parent.is_dir():
            raise FileNotFoundError(2, "no such folder")
        sidecar = sidecar_of(target)
        taken = [path for path in (target, sidecar) if path.exists()]
        if taken and (not overwrite or target.is_dir()):
            raise SaveError(f"{taken[0].name} is already there: choose another name, or ask to replace it.")
        atomic_write.sweep(target.parent)
        with atomic_write.temporary_folder(target.parent) as folder:
            made, document = folder / f"made{ending_of(target)}", folder / "made.json"
            _write(transform, made, fixed, moving)
            atomic_write.flush(made)
            _check(transform, read_transform(made, fixed, moving), fixed.grid)
            document.write_text(json.dumps(_sidecar(transform, made), indent=1, ensure_ascii=False), encoding="utf-8")
            atomic_write.flush(document)
            atomic_write.replace_files((document, sidecar), (made, target))
        return "" if transform.sign_off else "Nobody has accepted or rejected this registration yet."
    except SaveError as error:
        raise SaveError(f"{target.name} was not saved: {error}") from error
    except (OSError, RuntimeError, MemoryError) as error:
        log.warning("saving a transform failed: %s", type(error).__name__)
        need = transform.displacement.nbytes if transform.displacement is not None else 1 << 16
        raise SaveError(
            f"{target.name} was not saved: {atomic_write.failure_reason(error, target.parent, need)}."
        ) from error


def sidecar_of(path: Path) -> Path:
    """Where the JSON of a transform is: the same name with the ending .json."""
    return path.with_name(path.name[: len(path.name) - len(ending_of(path))] + ".json")


def load_transform(path: Path, fixed: ImageReference | None = None, moving: ImageReference | None = None) -> Transform:
    """What read_transform reads, with the provenance and the sign-off of the JSON beside where that is of this file."""
    found = read_transform(path, fixed, moving)
    sidecar = sidecar_of(path)
    if not sidecar.is_file() or sidecar.stat().st_size > MOST_TOLD:
        return found
    try:
        document = json.loads(sidecar.read_text(encoding="utf-8"))
        if document["sha256"] != sha256_of(path):
            return found
        made, said = document["provenance"], document["sign_off"]
        return replace(
            found,
            name=str(document["name"]),
            provenance=Provenance.from_json(made) if made else None,
            sign_off=_sign_off(said) if said else None,
        )
    except (ValueError, KeyError, TypeError) as error:
        log.warning("the JSON beside a transform is not read: %s", type(error).__name__)
        return found


def _write(transform: Transform, made: Path, fixed: ImageReference, moving: ImageReference) -> None:
    if ending_of(made) in DICOM:
        registration(transform, fixed, moving).save_as(made, enforce_file_format=True)
    else:
        write_transform(transform, made, fixed.grid)


def _check(transform: Transform, found: Transform, grid: Grid) -> None:
    """At voxels of the field that was read back, where every form is exact. Raises SaveError."""
    points = _some_voxels(found.grid or grid)
    if not np.abs(transform_points(transform, points) - transform_points(found, points)).max() <= TOLERANCE:
        raise SaveError("it does not read back as the same transform: try again or choose another form.")


def _some_voxels(grid: Grid) -> Floats:
    """The places (n, 3) of up to 9³ voxels, spread evenly, mm."""
    inside = np.clip(np.rint(grid.to_index(lattice_points(grid, 9))), 0, np.array(grid.shape) - 1)
    return grid.to_world(inside)


def _sidecar(transform: Transform, made: Path) -> Json:
    """What the JSON beside says: where it came from and what was said of it; no patient name, id or date."""
    return {
        "notice": NOTICE,
        "application": f"{NAME} {application_version()}",
        "name": transform.name,
        "direction": "takes points of the fixed image to points of the moving image, LPS mm",
        "sha256": sha256_of(made),
        "provenance": transform.provenance.to_json() if transform.provenance else None,
        "sign_off": asdict(transform.sign_off) if transform.sign_off else None,
    }


def _sign_off(said: Json) -> SignOff:
    """Raises ValueError for anything but a verdict and three texts."""
    signed = SignOff(**said)
    texts = (signed.reader, signed.remark, signed.time)
    if signed.verdict not in ("accepted", "rejected") or not all(isinstance(text, str) for text in texts):
        raise ValueError("no sign-off")
    return signed
