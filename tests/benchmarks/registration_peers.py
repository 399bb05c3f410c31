"""The peers, run by the Python of another environment: baselines for developers, never dependencies.

    PYTHON registration_peers.py FOLDER METHOD …

FOLDER has fixed.nii.gz, moving.nii.gz and labels.nii.gz (the moving one's). Writes FOLDER/METHOD.nii.gz, the labels on
the fixed grid, and prints "METHOD SECONDS CPU_SECONDS" of the deformable step alone (of elastix: with its rigid and
affine steps, which cannot be told apart).
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

GREEDY = {"greedy": "100x50x0", "greedy-fine": "100x50x10"}


def affine(folder: Path) -> Path:
    from picsl_greedy import Greedy3D

    out = folder / "affine.mat"
    if not out.exists():
        pair = f"-i {folder}/fixed.nii.gz {folder}/moving.nii.gz"
        Greedy3D().execute(f"{pair} -a -dof 12 -m NCC 2x2x2 -ia-image-centers -n 100x50x10 -threads 2 -o {out}")
    return out


def greedy(folder: Path, name: str) -> tuple[float, float]:
    from picsl_greedy import Greedy3D

    start = affine(folder)
    pair = f"-i {folder}/fixed.nii.gz {folder}/moving.nii.gz"
    begun = time.perf_counter(), time.process_time()
    Greedy3D().execute(f"{pair} -it {start} -m NCC 2x2x2 -n {GREEDY[name]} -threads 2 -o {folder}/warp.nii.gz")
    took = time.perf_counter() - begun[0], time.process_time() - begun[1]
    onto = f"-rf {folder}/fixed.nii.gz -ri LABEL 0.2vox -rm {folder}/labels.nii.gz {folder}/{name}.nii.gz"
    Greedy3D().execute(f"{onto} -r {folder}/warp.nii.gz {start}")
    return took


def ants(folder: Path, name: str) -> tuple[float, float]:
    import ants

    fixed, moving, labels = (ants.image_read(str(folder / f"{n}.nii.gz")) for n in ("fixed", "moving", "labels"))
    rough = ants.registration(fixed, moving, "Affine")["fwdtransforms"][0]
    begun = time.perf_counter(), time.process_time()
    made = ants.registration(fixed, moving, "SyNOnly", initial_transform=rough, syn_metric="CC", syn_sampling=2)
    took = time.perf_counter() - begun[0], time.process_time() - begun[1]
    warped = ants.apply_transforms(fixed, labels, made["fwdtransforms"], interpolator="genericLabel")
    ants.image_write(warped, str(folder / f"{name}.nii.gz"))
    return took


def elastix(folder: Path, name: str) -> tuple[float, float]:
    import itk

    fixed, moving = (itk.imread(str(folder / f"{n}.nii.gz"), itk.F) for n in ("fixed", "moving"))
    labels = itk.imread(str(folder / "labels.nii.gz"), itk.F)
    whole = itk.ParameterObject.New()
    for kind in ("rigid", "affine"):
        whole.AddParameterMap(whole.GetDefaultParameterMap(kind))
    whole.AddParameterMap(whole.GetDefaultParameterMap("bspline", 4, 6.0))
    begun = time.perf_counter(), time.process_time()
    _, found = itk.elastix_registration_method(fixed, moving, parameter_object=whole)
    took = time.perf_counter() - begun[0], time.process_time() - begun[1]
    found.SetParameter("FinalBSplineInterpolationOrder", "0")
    itk.imwrite(itk.transformix_filter(labels, found), str(folder / f"{name}.nii.gz"))
    return took


METHODS = {"greedy": greedy, "greedy-fine": greedy, "ants": ants, "elastix": elastix}


def main() -> None:
    folder = Path(sys.argv[1])
    for name in sys.argv[2:]:
        seconds, cpu = METHODS[name](folder, name)
        print(name, f"{seconds:.1f} {cpu:.1f}", flush=True)


if __name__ == "__main__":
    main()
