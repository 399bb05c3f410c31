"""The MeshNets of brainchop on a real head: seconds, volumes, and whether the brain is one piece.

TOMOLENS_DATA=… python tests/benchmarks/meshnets.py [NAME …]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import label

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.real_images import data_folder
from viewer.api import Grid, Job, Volume, open_model, tiles

DATA = data_folder() / "weights" / "brainchop-meshnet-tfjs"


def main(names: list[str]) -> None:
    image = sitk.ReadImage(str(DATA / "example_t1_crop.nii.gz"))
    array = sitk.GetArrayFromImage(image)
    head = Volume(array, Grid.of(array.shape, image.GetSpacing()[::-1], image.GetOrigin(), image.GetDirection()))
    print("| model | engine | seconds | labelled, ml | largest piece | labels found |\n|---|---|---|---|---|---|")
    for name in names or sorted(path.name for path in DATA.iterdir() if path.is_dir()):
        start = time.perf_counter()
        with open_model(DATA / name) as model:
            job = Job()
            prepared = model.prepare([head], job)
            net, given = model.net(job), prepared.array
            k, j, i = given.shape[1:]
            tiles(net, (k, j, i), job, read=lambda box, given=given: given[:, *box], write=prepared.take,
                  tile=model.patch, halo=model.halo, multiple=1)  # fmt: skip
            found = prepared.labels()
        seconds = time.perf_counter() - start
        pieces = np.bincount(label(found > 0)[0].ravel())[1:]
        share = pieces.max() / pieces.sum() if pieces.size else 0
        values = f"{len(np.unique(found)) - 1} of {len(model.labels)}"
        print(
            f"| {name} | {net.engine} | {seconds:.0f} | {(found > 0).sum() / 1000:.0f} | {share:.4f} | {values} |",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
