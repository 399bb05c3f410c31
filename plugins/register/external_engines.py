"""Other programs for deformable registration, where they are installed: greedy, elastix, ANTs.

Each runs in a process of its own, so that a cancel ends it at once. This file is that process, too:

    PYTHON external_engines.py FOLDER ENGINE

FOLDER has fixed.nii.gz and moving.nii.gz (and mask.nii.gz, of the fixed one). It writes field.nrrd, displacements in
LPS mm on the fixed grid, and matrix.txt, 4×4 in LPS mm: a place x of the fixed image is that at A·(x + u(x)) of the
moving one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import Distribution
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from viewer.api import Job, Segmentation, Transform, Volume

PACKAGES = {"greedy": "picsl-greedy", "elastix": "itk-elastix", "ANTs": "antspyx"}  # as pip knows them
RAS = np.diag([-1.0, -1.0, 1.0, 1.0])  # greedy's matrices are in RAS mm
INSTALLED = tuple(engine for engine, package in PACKAGES.items() if any(Distribution.discover(name=package)))
POLL = 0.1  # seconds between two looks at the process


def run_engine(engine: str, fixed: Volume, moving: Volume, mask: Segmentation | None, job: Job) -> Transform:
    """Affine, then deformable, by that program's usual settings. Raises Refusal: one sentence."""
    with tempfile.TemporaryDirectory(prefix="tomolens-register-") as text:
        folder = Path(text)
        _write(fixed, folder / "fixed.nii.gz")
        _write(moving, folder / "moving.nii.gz")
        if mask is not None:
            _write(mask, folder / "mask.nii.gz")
        with job.stage(f"{engine} registers (it does not tell how far it is)"):
            _wait([sys.executable, str(Path(__file__).resolve()), str(folder), engine], folder, engine, job)
        return _read(folder, fixed)


def _write(image: Volume | Segmentation, path: Path) -> None:
    import SimpleITK as sitk

    values = getattr(image, "values", None)
    picture = sitk.GetImageFromArray(values().astype(np.float32) if values else (image.array > 0).astype(np.uint8))
    picture.SetSpacing(image.grid.spacing[::-1].tolist())
    picture.SetOrigin(image.grid.origin.tolist())
    picture.SetDirection(image.grid.direction.ravel().tolist())
    sitk.WriteImage(picture, str(path))


def _read(folder: Path, fixed: Volume) -> Transform:
    import SimpleITK as sitk

    from viewer.api import Transform

    field = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "field.nrrd"))).astype(np.float32)
    return Transform(np.loadtxt(folder / "matrix.txt"), field.reshape(*fixed.grid.shape, 3), fixed.grid)


def _wait(command: list[str], folder: Path, engine: str, job: Job) -> None:
    """Wait for its end; a cancel ends it. folder: where it may leave files. Raises Refusal where it fails."""
    from viewer.api import Refusal

    place = {**os.environ, "PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in sys.path if path)}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, env=place)
        try:
            while process.poll() is None:
                job.progress(0.1)
                time.sleep(POLL)
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            output.seek(0)
            last = output.read().decode(errors="replace").strip().splitlines()[-1:]
            raise Refusal(f"{engine} failed ({' '.join(last)[:200]}): check the images, or use another method.")


def _greedy(folder: Path) -> None:
    from picsl_greedy import Greedy3D

    threads, mask = f"-threads {os.cpu_count()}", folder / "mask.nii.gz"
    pair = f"-i {folder}/fixed.nii.gz {folder}/moving.nii.gz {f'-gm {mask}' if mask.exists() else ''} -m NCC 2x2x2"
    affine = folder / "affine.mat"
    Greedy3D().execute(f"{pair} -a -dof 12 -ia-image-centers -n 100x50x10 {threads} -o {affine}")
    Greedy3D().execute(f"{pair} -it {affine} -n 100x50x10 {threads} -o {folder}/field.nrrd")
    np.savetxt(folder / "matrix.txt", RAS @ np.loadtxt(affine) @ RAS)


def _elastix(folder: Path) -> None:
    import itk

    fixed, moving = (itk.imread(str(folder / f"{name}.nii.gz"), itk.F) for name in ("fixed", "moving"))
    whole = itk.ParameterObject.New()
    for kind in ("rigid", "affine"):
        whole.AddParameterMap(whole.GetDefaultParameterMap(kind))
    whole.AddParameterMap(whole.GetDefaultParameterMap("bspline", 4, 6.0))
    mask = folder / "mask.nii.gz"
    more = {"fixed_mask": itk.imread(str(mask), itk.UC)} if mask.exists() else {}
    _, found = itk.elastix_registration_method(fixed, moving, parameter_object=whole, **more)
    itk.imwrite(itk.transformix_deformation_field(moving, found), str(folder / "field.nrrd"))
    np.savetxt(folder / "matrix.txt", np.eye(4))


def _ants(folder: Path) -> None:
    import ants
    import SimpleITK as sitk

    fixed, moving = (ants.image_read(str(folder / f"{name}.nii.gz")) for name in ("fixed", "moving"))
    mask = folder / "mask.nii.gz"
    more = {"mask": ants.image_read(str(mask))} if mask.exists() else {}
    field, matrix = ants.registration(fixed, moving, "SyN", syn_metric="CC", syn_sampling=2, **more)["fwdtransforms"]
    sitk.WriteImage(sitk.ReadImage(field), str(folder / "field.nrrd"))
    linear = ants.read_transform(matrix)
    turn, shift, centre = linear.parameters[:9].reshape(3, 3), linear.parameters[9:], linear.fixed_parameters
    out = np.eye(4)
    out[:3, :3], out[:3, 3] = turn, shift + centre - turn @ centre
    np.savetxt(folder / "matrix.txt", out)


ENGINES: dict[str, Callable[[Path], None]] = {"greedy": _greedy, "elastix": _elastix, "ANTs": _ants}

if __name__ == "__main__":
    ENGINES[sys.argv[2]](Path(sys.argv[1]))
