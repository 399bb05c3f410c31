"""The built-in sample: two MR studies of one head with known truth, made once and kept in the cache.

The anatomy is the ICBM 2009a template that the nilearn wheel carries; see docs/sample.md for what is made and known.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np
import SimpleITK as sitk

from viewer.compute.registration.transform_quality import jacobian
from viewer.compute.synthesis import sample_case as case
from viewer.data.grid import Grid
from viewer.data.volume import Volume, Window
from viewer.io.images.itk_file import write_image
from viewer.io.sample.series import FLAIR, PET, T1, Scan, Study, write_scan
from viewer.settings import NOTICE, cache_folder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.data.arrays import ProgressCallback

VERSION = 2  # of what is made; another number makes it anew
BASELINE = Study("baseline", "Brain, baseline (simulated)", "20240115", "101500")
FOLLOW_UP = Study("follow_up", "Brain, follow-up (simulated)", "20240722", "143000")
CROP = (slice(0, 180), slice(7, 223), slice(8, 188))  # of the template in LPS order [k, j, i]: the brain and a margin
ATTRIBUTION = """\
Simulated MR and PET studies made by Tomolens from the ICBM 2009a nonlinear symmetric T1 template. No patient.

Template: Copyright (C) 1993-2009 Louis Collins, McConnell Brain Imaging Centre, Montreal Neurological Institute,
McGill University. Permission to use, copy, modify, and distribute this software and its documentation for any purpose
and without fee is hereby granted, provided that the above copyright notice appear in all copies. The authors and
McGill University make no representations about the suitability of this software for any purpose. It is provided
"as is" without express or implied warranty. The authors are not responsible for any data loss, equipment damage,
property loss, or injury to subjects or patients resulting from the use or misuse of this software package.

V.S. Fonov, A.C. Evans, R.C. McKinstry, C.R. Almli, D.L. Collins: Unbiased nonlinear average age-appropriate brain
templates from birth to adulthood. NeuroImage 47 (2009) S102.
"""
CURE = 'install it with: pip install "tomolens[sample]"'


class SampleError(Exception):
    """Why there is no sample and what to do about it: one sentence for the user."""


@dataclass(frozen=True)
class SamplePaths:
    """Where the sample is. baseline and follow_up: a DICOM study each; truth: what is known of them (truth.json)."""

    folder: Path
    baseline: Path
    follow_up: Path
    truth: Path


def make_sample(progress: ProgressCallback = lambda fraction: None) -> SamplePaths:
    """The sample's folders, made first where they are not in the cache yet (some seconds). progress: 0…1.

    The cache is the user's cache folder or the one that TOMOLENS_CACHE names. Raises SampleError.
    """
    cache = Path(os.environ.get("TOMOLENS_CACHE") or cache_folder())
    folder = cache / f"sample-{VERSION}"
    paths = SamplePaths(folder, folder / "baseline", folder / "follow_up", folder / "truth")
    if _is_complete(folder):
        return paths
    head = _template()
    draft = cache / f".sample-{uuid4().hex}"
    try:
        draft.mkdir(parents=True)
        _make(draft, head, progress)
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    except OSError as error:
        if not _is_complete(folder):  # else another process was faster
            raise SampleError(
                f"The sample could not be written to {cache}: {error.strerror}; make room there."
            ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    progress(1.0)
    return paths


def _is_complete(folder: Path) -> bool:
    """True where the folder holds as many slices as were written."""
    try:
        told = json.loads((folder / "truth" / "truth.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(told.get("slices") == sum(1 for _ in folder.rglob("*.dcm")))


def _template() -> case.Head:
    """T1, grey and white matter of the ICBM 2009a template in LPS order, from the installed nilearn wheel."""
    try:
        files = {path.name: path for path in metadata.files("nilearn") or []}
    except metadata.PackageNotFoundError as error:
        raise SampleError(f"The sample needs the brain template of the nilearn package: {CURE}") from error
    parts: list[NDArray[np.float32]] = []
    for part, full in (("t1", 224), ("gm", 255), ("wm", 255)):
        path = files.get(f"mni_icbm152_{part}_tal_nlin_sym_09a_converted.nii.gz")
        if path is None or not Path(str(path.locate())).is_file():
            raise SampleError(f"The installed nilearn package lacks its brain template: {CURE}")
        image = sitk.DICOMOrient(sitk.ReadImage(str(path.locate())), "LPS")
        parts.append(sitk.GetArrayFromImage(image)[CROP].astype(np.float32) / full)
    origin = np.add(image.GetOrigin(), [CROP[2].start, CROP[1].start, CROP[0].start])
    shape = (parts[0].shape[0], parts[0].shape[1], parts[0].shape[2])
    return case.Head(Grid.of(shape, image.GetSpacing()[::-1], origin), *parts)


def _make(folder: Path, head: case.Head, progress: ProgressCallback) -> None:
    phantom = case.make_case(head)
    progress(0.6)
    bright = Window(480, 960, "T1")
    scans = (
        (BASELINE, Scan(1, "t1", T1, phantom.baseline.scanned, phantom.baseline.grid, bright)),
        (BASELINE, Scan(2, "flair", FLAIR, phantom.flair, phantom.flair_grid, Window(350, 700, "FLAIR"))),
        (BASELINE, Scan(3, "pet", PET, phantom.pet, phantom.pet_grid, Window(14000, 28000, "FDG"), "Bq/ml")),
        (FOLLOW_UP, Scan(1, "t1", T1, phantom.follow_up.scanned, phantom.follow_up.grid, bright)),
    )
    for count, (study, scan) in enumerate(scans, start=1):
        write_scan(study, scan, folder / study.key / scan.folder)
        progress(0.6 + 0.3 * count / len(scans))
    (folder / "README.txt").write_text(ATTRIBUTION, encoding="utf-8")
    _write_truth(folder / "truth", phantom, sum(len(scan.array) for _, scan in scans))


def _write_truth(truth: Path, phantom: case.Case, slices: int) -> None:
    """Write what is known: clean images, labels, the transform, and truth.json that names it all with numbers."""
    truth.mkdir()
    for key, exam in (("baseline", phantom.baseline), ("follow_up", phantom.follow_up)):
        for name, array in (
            ("clean", np.rint(exam.clean).astype(np.int16)),
            ("noise_free", np.rint(exam.received).astype(np.int16)),
            ("lesions", exam.lesions),
            ("tissues", exam.tissues),
        ):
            write_image([Volume(array, exam.grid)], truth / f"{key}_{name}.nii.gz")
    sitk.WriteTransform(_itk_transform(phantom), str(truth / "baseline_to_follow_up.h5"))
    (truth / "truth.json").write_text(json.dumps(_document(phantom, slices), indent=1), encoding="utf-8")


def _document(phantom: case.Case, slices: int) -> dict[str, object]:
    field, _ = phantom.displacement
    det = jacobian(phantom.transform)[0]
    volumes = {
        key: np.bincount(exam.lesions.ravel(), minlength=len(phantom.lesions) + 1).tolist()
        for key, exam in (("baseline", phantom.baseline), ("follow_up", phantom.follow_up))
    }
    lesions = [
        asdict(lesion) | {f"{key}_volume_mm3": counts[lesion.label] for key, counts in volumes.items()}
        for lesion in phantom.lesions
    ]
    marks = np.array([lesion.baseline_center for lesion in phantom.lesions])
    return {
        "notice": NOTICE,
        "about": "Simulated from the ICBM 2009a T1 template. LPS millimetres; noise is Rician.",
        "version": VERSION,
        "slices": slices,
        "frames_of_reference": {study.key: study.frame_of_reference for study in (BASELINE, FOLLOW_UP)},
        "noise_sigma": case.NOISE,
        "receive_field": case.FIELD,
        "white_matter_value": case.WHITE,
        "tissues": case.TISSUES,
        "transform": {
            "file": "baseline_to_follow_up.h5",
            "maps": "baseline points to follow-up points: x -> A (x + u(x))",
            "matrix": phantom.transform.matrix.tolist(),
            "largest_displacement_mm": float(np.linalg.norm(field, axis=-1).max()),
            "jacobian_determinant": [float(det.min()), float(det.max())],
        },
        "landmarks": {"baseline": marks.tolist(), "follow_up": phantom.transform(marks).tolist()},
        "lesions": lesions,
        "fdg_bq_per_ml": case.FDG,
    }


def _itk_transform(phantom: case.Case) -> sitk.Transform:
    """The same map as an ITK composite (which applies what was added last first)."""
    displacement, grid = phantom.displacement
    field = sitk.GetImageFromArray(displacement.astype(np.float64), isVector=True)
    field.SetOrigin(grid.origin.tolist())
    field.SetSpacing(grid.spacing[::-1].tolist())
    field.SetDirection(grid.direction.ravel().tolist())
    matrix = phantom.transform.matrix
    affine = sitk.AffineTransform(matrix[:3, :3].ravel().tolist(), matrix[:3, 3].tolist())
    return sitk.CompositeTransform([affine, sitk.DisplacementFieldTransform(field)])
