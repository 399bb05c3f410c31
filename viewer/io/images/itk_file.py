"""Volumes as NIfTI, NRRD or MetaImage through SimpleITK (which turns LPS into NIfTI's RAS), and the JSON beside."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from viewer.data.grid import Grid
from viewer.files.checksum import sha256_of
from viewer.io.errors import SaveError
from viewer.io.stored_values import mark_of, physical_values
from viewer.settings import NAME, NOTICE, application_version

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from viewer.data.arrays import Json
    from viewer.data.segmentation import Segment
    from viewer.data.volume import Volume

NIFTI_CODES = slice(252, 256)  # qform_code and sform_code of NIfTI-1: 0 where the placement is not known
NRRD_SPACES = {  # as ITK writes them: those without sides, of as many dimensions
    b"space: left-posterior-superior\n": b"space dimension: 3\n",
    b"space dimension: 4\n": b"space: 3D-right-handed-time\n",
}
META_SIDES = re.compile(rb"^(AnatomicalOrientation = ).*$", re.MULTILINE)


def write_image(volumes: Sequence[Volume], path: Path) -> None:
    """Write physical values, 4-D for several time points; the path's ending chooses the format.

    Raises RuntimeError where SimpleITK cannot write.
    """
    images = []
    for volume in volumes:
        image = sitk.GetImageFromArray(physical_values(volume), isVector=volume.color)
        image.SetOrigin(volume.grid.origin.tolist())
        image.SetSpacing(volume.grid.spacing[::-1].tolist())
        image.SetDirection(volume.grid.direction.ravel().tolist())
        images.append(image)
    sitk.WriteImage(images[0] if len(images) == 1 else sitk.JoinSeries(images), str(path), useCompression=True)
    if not volumes[0].grid.placed:
        _remove_sides(path)


def _remove_sides(path: Path) -> None:
    """What no file placed in a patient must not claim sides, as ITK does for whatever it writes."""
    packed = path.name.endswith(".gz")
    data = bytearray(gzip.decompress(path.read_bytes()) if packed else path.read_bytes())
    if path.name.endswith((".nii", ".nii.gz")):
        data[NIFTI_CODES] = bytes(4)
    if path.name.endswith(".nrrd"):
        weightings = next(space for space in NRRD_SPACES if space in data)
        data = data.replace(weightings, NRRD_SPACES[weightings], 1)
    if path.name.endswith(".mha"):  # three letters, also in 4-D, where ITK itself writes "????" for whatever is placed
        data = bytearray(META_SIDES.sub(rb"\1???", data, count=1))
    path.write_bytes(gzip.compress(data, mtime=0) if packed else data)


def check_image(volumes: Sequence[Volume], path: Path, tolerance: float) -> None:
    """Read the file back and compare every voxel and the corners (mm). Raises SaveError where they differ."""
    image = sitk.ReadImage(str(path))
    array = sitk.GetArrayViewFromImage(image)
    times = array[None] if len(volumes) == 1 else array
    if len(times) != len(volumes):
        raise SaveError("it does not read back with the same time points: try again.")
    for volume, found in zip(volumes, times, strict=True):
        values = physical_values(volume)
        if found.dtype != values.dtype or not np.array_equal(found, values, equal_nan=values.dtype.kind == "f"):
            raise SaveError("it does not read back with the same values: try again or use another drive.")
    grid = volumes[0].grid
    if not grid.placed:
        if not np.allclose(image.GetSpacing()[2::-1], grid.spacing, rtol=1e-5):
            raise SaveError("it does not read back with the same voxel size: try again or use another drive.")
        return
    axes = np.array(image.GetDirection()).reshape(image.GetDimension(), -1)[:3, :3]
    seen = Grid.of(grid.shape, image.GetSpacing()[2::-1], image.GetOrigin()[:3], axes)
    if not np.abs(seen.corners - grid.corners).max() <= tolerance:
        raise SaveError("it does not read back in the same place: try again or use another drive.")


def sidecar(volumes: Sequence[Volume], image: Path, mark: str, segments: Sequence[Segment] = ()) -> Json:
    """What the JSON beside an image says: what it is and where it came from, by UID; no patient name, id or date."""
    first = volumes[0]
    source = first.source
    labels = [_label(one) for one in segments]
    return {
        "notice": NOTICE,
        "application": f"{NAME} {application_version()}",
        "name": source.series_description if source.dicom else first.name,
        "mark": mark or mark_of(first),
        "modality": source.modality,
        "unit": first.unit,
        "timepoints": [volume.time for volume in volumes],
        **_gradients(volumes),
        "sha256": sha256_of(image),
        "frame_of_reference_uid": first.grid.frame_of_reference,
        "source": {
            "study_uid": source.study_uid,
            "series_uid": source.series_uid,
            "sop_instance_uids": list(source.sop_instance_uids),
            "placement": list(source.placement),
        },
        **({"labels": labels} if labels else {}),
        "badges": list(first.badges),
        "provenance": first.provenance.to_json() if first.provenance else None,
    }


def _label(segment: Segment) -> Json:
    """What is told of a label: code and side where it has them."""
    coded = {"code": list(segment.code)} if segment.code else {}
    sided = {"side": segment.side} if segment.side else {}
    return {"value": segment.label, "name": segment.name, "color": list(segment.color), **coded, **sided}


def _gradients(volumes: Sequence[Volume]) -> Json:
    """The diffusion weighting of each time point, directions in LPS; nothing where none is known."""
    weightings = [volume.diffusion for volume in volumes]
    if not any(weightings):
        return {}
    return {
        "b_values": [one and one.b_value for one in weightings],
        "gradient_directions": [one and one.direction for one in weightings],
    }
