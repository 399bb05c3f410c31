"""nnU-Net v2 itself beside the reading of its folders here: the same weights, the same image, the same labels?

    python tests/benchmarks/nnunet.py --peers-python PATH

PATH is the Python of another environment with nnunetv2 (never a dependency). Its trainer makes the networks (random
weights), its predictor the labels that are expected. Random weights make the hardest case: labels change from voxel to
voxel, and two are often almost equally likely. TOMOLENS_DATA names the real CT.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.real_images import data_folder
from tests.fixtures.model_files import DATASET, PLANS
from viewer.api import Grid, Job, Volume, open_model, tiles

CT = "nifti/ct-totalsegmentator/example_ct.nii.gz"
NAME = "nnUNetTrainer__nnUNetPlans__3d_fullres"
TURNED = [0, -0.8, -0.6, 1, 0, 0, 0, -0.6, 0.8]  # how the image lies: two axes exchanged, two turned round, tilted


def plans(spacing: float | list[float], patch: int, **changes: Any) -> dict[str, Any]:
    """Those of the tests, completed by what nnU-Net asks for."""
    made = deepcopy(PLANS) | {"dataset_name": "Dataset001_Random", "plans_name": "nnUNetPlans"}
    made |= {"original_median_spacing_after_transp": [1.5] * 3, "image_reader_writer": "SimpleITKIO"} | changes
    spacing = spacing if isinstance(spacing, list) else [spacing] * 3
    made["configurations"]["3d_fullres"] |= {"spacing": spacing, "patch_size": [patch] * 3, "batch_size": 2}
    made["configurations"]["3d_fullres"] |= {"batch_dice": False, "preprocessor_name": "DefaultPreprocessor"}
    made["configurations"]["3d_fullres"]["resampling_fn_seg"] = "resample_data_or_seg_to_shape"
    made["configurations"]["3d_fullres"]["resampling_fn_seg_kwargs"] = {"is_seg": True, "order": 1, "order_z": 0}
    return made


def residual(made: dict[str, Any]) -> dict[str, Any]:
    told = made["configurations"]["3d_fullres"]["architecture"]
    told["network_class_name"] = "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet"
    told["arch_kwargs"]["n_blocks_per_stage"] = told["arch_kwargs"].pop("n_conv_per_stage")
    return made


def scored(made: dict[str, Any]) -> dict[str, Any]:
    """With z-scores over the mask in place of the values of a CT."""
    changes = {"normalization_schemes": ["ZScoreNormalization"], "use_mask_for_norm": [True]}
    made["configurations"]["3d_fullres"] |= changes
    return made


def cases() -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """By name: plans, and what differs in the data set."""
    regions = {"labels": {"background": 0, "whole": [1, 2], "core": 2}, "regions_class_order": [1, 2]}
    turned = {"transpose_forward": [2, 0, 1], "transpose_backward": [1, 2, 0]}
    readers = ("NibabelIO", "NibabelIOWithReorient", "SimpleITKIOWithReorient")
    return {
        "one patch, the image's spacing": (plans(3.0, 96), {}),
        "one patch, resampled": (plans(2.6, 96), {}),
        "two folds": (plans(4.0, 96), {}),
        "axes turned": (plans([4.0, 3.0, 5.0], 96, **turned), {}),
        "thick slices": (plans([12.0, 3.0, 3.0], 96), {}),
        "residual encoder": (residual(plans(4.0, 96)), {}),
        "z-scores inside the mask": (scored(plans(4.0, 96)), {}),
        "regions": (plans(4.0, 96), regions),
        "many patches": (plans(3.0, 48), {}),
        **{f"read by {reader}": (plans([4.0, 3.0, 5.0], 96, image_reader_writer=reader), {}) for reader in readers},
    }


def crop(side: int = 80) -> Volume:
    """The middle of the CT, with air around it that is exactly 0."""
    image = sitk.ReadImage(str(data_folder() / CT))
    array = sitk.GetArrayFromImage(image).astype(np.float32)
    middle = tuple(slice(max(n // 2 - side // 2, 0), n // 2 + side // 2) for n in array.shape)
    values = array[middle]
    values[:4] = values[:, -3:] = 0
    return Volume(values, Grid.of(values.shape, image.GetSpacing()[::-1], direction=TURNED))


def write(volume: Volume, path: Path) -> None:
    image = sitk.GetImageFromArray(volume.array)
    image.SetSpacing(volume.grid.spacing[::-1].tolist())
    image.SetDirection(volume.grid.direction.ravel().tolist())
    sitk.WriteImage(image, str(path))


def found(folder: Path, volume: Volume) -> np.ndarray:
    with open_model(folder) as model:
        job = Job()
        prepared = model.prepare([volume], job)
        k, j, i = prepared.array.shape[1:]
        tiles(model.net(job), (k, j, i), job, read=lambda box: prepared.array[:, *box], write=prepared.take,
              tile=model.patch, halo=model.halo, multiple=model.multiple)  # fmt: skip
        return prepared.labels()


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """The least of all labels'."""
    values = np.union1d(np.unique(one), np.unique(other))
    return min(2 * ((one == v) & (other == v)).sum() / ((one == v).sum() + (other == v).sum()) for v in values if v)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers-python", default="")
    options = parser.parse_args()
    if not options.peers_python:
        print("skipped: --peers-python does not name an environment with nnunetv2")
        return
    volume = crop()
    with tempfile.TemporaryDirectory() as temporary:
        folders = {}
        for number, (name, (told, changes)) in enumerate(cases().items()):
            folder = Path(temporary) / "models" / f"{number} {name}"
            folder.mkdir(parents=True)
            (folder / "plans.json").write_text(json.dumps(told))
            (folder / "dataset.json").write_text(json.dumps(DATASET | changes))
            write(volume, folder / "image.nii.gz")
            folders[name] = folder
        peer = [options.peers_python, "-P", str(Path(__file__).with_name("nnunet_peer.py")), str(folder.parent)]
        begun = time.perf_counter()
        subprocess.run(peer, check=True, stdout=subprocess.DEVNULL)
        theirs = time.perf_counter() - begun
        print(f"{volume.array.shape} voxels; nnU-Net took {theirs:.0f} s for all\n")
        print("| nnU-Net folder | equal voxels | least Dice | seconds here |\n|---|---|---|---|")
        for name, folder in folders.items():
            place = folder.rename(folder.parents[1] / NAME)  # its name tells the configuration
            begun = time.perf_counter()
            ours = found(place, volume)
            seconds = time.perf_counter() - begun
            expected = sitk.GetArrayFromImage(sitk.ReadImage(str(place / "labels.nii.gz")))
            print(
                f"| {name} | {(ours == expected).mean():.5f} | {dice(ours, expected):.4f} | {seconds:.1f} |", flush=True
            )
            place.rename(folder)


if __name__ == "__main__":
    main()
