"""nnU-Net v2 folders against a computation in one piece, written from nnU-Net's description of itself."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_fill_holes, map_coordinates
from skimage.transform import resize

from plugins.apply_model.nnunet_networks import Design, UNet
from tests.fixtures.model_files import DATASET, PLANS, nnunet
from viewer.compute.engine.job import Job
from viewer.compute.loaders.nnunet import results_folder as loader
from viewer.compute.loaders.nnunet.network_plans import network_design
from viewer.compute.loaders.open_model import open_model
from viewer.data.volume import Volume

NAME = "nnUNetTrainer__nnUNetPlans__3d_fullres"


def plans(**changes: Any) -> dict[str, Any]:
    made = deepcopy(PLANS)
    made["configurations"]["3d_fullres"].update(changes)
    return made


def resized(array: np.ndarray, shape: tuple[int, ...], order: int, axis: int | None) -> np.ndarray:
    """nnU-Net's resample_data_or_seg, for one channel and for images and probabilities."""
    if array.shape == shape:
        return array
    options = {"mode": "edge", "anti_aliasing": False}
    if axis is None:
        return resize(array.astype(float), shape, order, **options)
    plane = tuple(n for place, n in enumerate(shape) if place != axis)
    stack = np.stack([resize(one.astype(float), plane, order, **options) for one in np.moveaxis(array, axis, 0)], axis)
    if stack.shape[axis] == shape[axis]:
        return stack
    scale = [given / wanted for given, wanted in zip(stack.shape, shape, strict=True)]
    places = [s * (p + 0.5) - 0.5 for s, p in zip(scale, np.mgrid[: shape[0], : shape[1], : shape[2]], strict=True)]
    return map_coordinates(stack, np.array(places), order=0, mode="nearest")


def expected(
    folder: Path, volume: Volume, axis: int | None = None, transpose: tuple[int, ...] = (0, 1, 2)
) -> np.ndarray:
    """Preprocessing, networks without tiles, and export, step by step, for an image that is one patch."""
    config = loader._configuration(loader.read_json(folder / "plans.json"), "3d_fullres")
    values = volume.values().transpose(transpose)
    spacing = volume.grid.spacing[list(transpose)]
    mask = binary_fill_holes(values != 0)
    places = [np.flatnonzero(mask.any(tuple(n for n in range(3) if n != a))) for a in range(3)]
    box = tuple(slice(found[0], found[-1] + 1) for found in places)
    inside = (np.clip(values[box], -300, 500) - 40) / 120
    shape = tuple(round(mm / to * n) for mm, to, n in zip(spacing, config["spacing"], inside.shape, strict=True))
    given = resized(inside, shape, 3, axis)
    pads = [((n - m) // 2, n - m - (n - m) // 2) for n, m in zip(config["patch_size"], shape, strict=True)]
    batch = torch.from_numpy(np.pad(given, pads).astype(np.float32))[None, None]
    results = []
    for path in sorted(folder.glob("fold_*")):
        network = UNet(Design(**network_design(config, 1, 3))).eval()
        weights = torch.load(path / "checkpoint_final.pth", weights_only=False)["network_weights"]
        own = network.state_dict()
        network.load_state_dict({name: weights[name] for name in own})
        with torch.no_grad():
            results.append(network(batch)[0].numpy())
    logits = np.mean(results, 0)
    for place, (front, _) in enumerate(pads):
        logits = np.moveaxis(np.moveaxis(logits, place + 1, 0)[front : front + shape[place]], 0, place + 1)
    out = np.zeros(values.shape, np.uint8)
    out[box] = np.argmax([resized(channel, inside.shape, 1, axis) for channel in logits], 0)
    return out.transpose(np.argsort(transpose))


def agree(found: np.ndarray, wanted: np.ndarray) -> None:
    """All but a few voxels where two channels are all but equal."""
    assert found.dtype == np.uint8
    assert len(np.unique(wanted)) > 1
    assert (found == wanted).mean() > 0.9995


@pytest.mark.parametrize("folds", [1, 2])
def test_one_patch_as_in_one_piece(
    tmp_path: Path, ct: Callable[..., Volume], run: Callable[..., Any], folds: int
) -> None:
    folder = nnunet(tmp_path / NAME, folds=folds)
    volume = ct((16, 16, 16))
    agree(run(folder, volume), expected(folder, volume))


def test_it_respaces_crops_and_pads(tmp_path: Path, ct: Callable[..., Volume], run: Callable[..., Any]) -> None:
    folder = nnunet(tmp_path / NAME)
    volume = ct((20, 18, 26), spacing=(1.5, 1.7, 1.0))
    volume.array[:3] = volume.array[:, :, -4:] = 0
    found = run(folder, volume)
    agree(found, expected(folder, volume))
    assert not found[:3].any()
    assert not found[:, :, -4:].any()


def test_thick_slices_are_treated_by_themselves(
    tmp_path: Path, ct: Callable[..., Volume], run: Callable[..., Any]
) -> None:
    folder = nnunet(tmp_path / NAME, plans(spacing=[6.0, 1.5, 1.5]))
    volume = ct((12, 20, 21), spacing=(8.0, 1.0, 1.0))
    agree(run(folder, volume), expected(folder, volume, axis=0))


def test_axes_are_transposed(tmp_path: Path, ct: Callable[..., Volume], run: Callable[..., Any]) -> None:
    told = plans(spacing=[1.0, 2.0, 1.5])
    told["transpose_forward"], told["transpose_backward"] = [2, 0, 1], [1, 2, 0]
    folder = nnunet(tmp_path / NAME, told)
    volume = ct((14, 12, 15), spacing=(2.0, 1.5, 1.0))
    agree(run(folder, volume), expected(folder, volume, transpose=(2, 0, 1)))


def test_a_residual_encoder_and_old_plans(tmp_path: Path, ct: Callable[..., Volume], run: Callable[..., Any]) -> None:
    residual = plans()
    told = residual["configurations"]["3d_fullres"]["architecture"]
    told["network_class_name"] = "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet"
    told["arch_kwargs"]["n_blocks_per_stage"] = told["arch_kwargs"].pop("n_conv_per_stage")
    old = plans(UNet_class_name="PlainConvUNet", UNet_base_num_features=4, unet_max_num_features=8,
                n_conv_per_stage_encoder=[2, 2, 2], n_conv_per_stage_decoder=[2, 2],
                conv_kernel_sizes=[[3, 3, 3]] * 3, pool_op_kernel_sizes=[[1, 1, 1], [2, 2, 2], [2, 2, 2]])  # fmt: skip
    del old["configurations"]["3d_fullres"]["architecture"]
    volume = ct((16, 16, 16))
    for name, made in (("residual", residual), ("old", old)):
        folder = nnunet(tmp_path / name / NAME, made)
        agree(run(folder, volume), expected(folder, volume))


def test_tiles_make_no_seams(tmp_path: Path, ct: Callable[..., Volume], run: Callable[..., Any]) -> None:
    """Larger than a patch: most of it is as with one large patch (each patch has its own instance norm)."""
    volume = ct((40, 24, 24), seed=2)
    found = run(nnunet(tmp_path / NAME), volume)
    assert found.shape == volume.array.shape
    assert len(np.unique(found)) > 1


def test_regions(tmp_path: Path, ct: Callable[..., Volume], run: Callable[..., Any]) -> None:
    regions = {"background": 0, "whole": [1, 2], "core": 2}
    dataset = {**DATASET, "labels": regions, "regions_class_order": [1, 2]}
    folder = nnunet(tmp_path / NAME, dataset=dataset)
    with open_model(folder) as model:
        assert model.labels == {1: "whole", 2: "core"}
    assert set(np.unique(run(folder, ct((16, 16, 16))))) <= {0, 1, 2}


def test_the_names_of_checkpoints() -> None:
    """As nnU-Net writes them; from its own modules (dynamic-network-architectures 0.3)."""
    plain = UNet(Design(**network_design(PLANS["configurations"]["3d_fullres"], 1, 3)))
    names = set(plain.state_dict())
    assert {"encoder.stages.0.0.convs.0.conv.weight", "encoder.stages.2.0.convs.1.norm.bias",
            "decoder.transpconvs.0.weight", "decoder.stages.1.convs.0.conv.bias",
            "decoder.seg_layers.1.weight"} <= names  # fmt: skip
    kept = {**network_design(PLANS["configurations"]["3d_fullres"], 1, 3), "residual": True}
    names = set(UNet(Design(**kept)).state_dict())
    assert {"encoder.stem.convs.0.conv.weight", "encoder.stages.1.blocks.0.conv2.norm.weight",
            "encoder.stages.1.blocks.0.skip.1.conv.weight"} <= names  # fmt: skip
    assert "encoder.stages.0.blocks.0.skip.0.conv.weight" not in names  # neither stride nor other channels there


@pytest.mark.parametrize(
    ("reader", "axes"),
    [
        ("SimpleITKIO", "kji"),
        ("NibabelIO", "kji"),
        ("Tiff3DIO", "kji"),
        ("NibabelIOWithReorient", "SAR"),
        ("SimpleITKIOWithReorient", "SAR"),
    ],
)
def test_images_are_read_as_the_reader_of_the_plans_reads_them(
    tmp_path: Path, ct: Callable[..., Volume], reader: str, axes: str
) -> None:
    """With its spacing. Where plans tell none, the data set may; else it is SimpleITK's, as nnU-Net has it."""
    direction = np.array([[0, 0, 1], [-1, 0, 0], [0, 1, 0]])  # of i, j, k: to the front, the head, the left
    volume = ct((16, 14, 12), (2.0, 3.0, 4.0), direction)
    told = plans(
        spacing=[3.0, 4.0, 2.0] if axes == "SAR" else [2.0, 3.0, 4.0], normalization_schemes=["NoNormalization"]
    )
    wanted = volume.array.transpose(1, 2, 0)[:, :, ::-1] if axes == "SAR" else volume.array
    named = deepcopy(told) | {"image_reader_writer": reader}
    for place, (made, dataset) in enumerate(((named, {}), (told, {"overwrite_image_reader_writer": reader}))):
        folder = nnunet(tmp_path / str(place) / NAME, made, DATASET | dataset)
        with open_model(folder) as model:
            assert model.axes == axes
            prepared = model.prepare([volume], Job())
        before = [(n - m) // 2 for n, m in zip(prepared.array.shape[1:], wanted.shape, strict=True)]
        part = tuple(slice(first, first + n) for first, n in zip(before, wanted.shape, strict=True))
        assert np.array_equal(prepared.array[0][part], wanted)


def test_more_classes_than_features_are_found_from_features(
    tmp_path: Path, ct: Callable[..., Volume], run: Callable[..., Any]
) -> None:
    """The last layer runs after tiles were blended and voxels mixed; the labels are those of all channels."""
    dataset = DATASET | {"labels": {f"class {n}" if n else "background": n for n in range(30)}}
    folder = nnunet(tmp_path / NAME, dataset=dataset, folds=2)
    volume = ct((30, 22, 26), spacing=(1.5, 1.7, 1.3))
    with open_model(folder) as model:
        assert model.make_features is not None
        found = model.run([volume], Job()).labels()
        every = replace(model, make_features=None).run([volume], Job()).labels()
    assert len(np.unique(every)) > 5
    assert (found == every).mean() > 0.9995
    with open_model(nnunet(tmp_path / "few" / NAME)) as model:
        assert model.make_features is None


def test_the_air_around_a_body_can_be_left_out(tmp_path: Path, ct: Callable[..., Volume], plain: None) -> None:
    volume = ct((24, 30, 40))
    body = volume.array[8:16, 10:20, 12:30].clip(0, None)
    volume.array[:] = -1000
    volume.array[8:16, 10:20, 12:30] = body
    with open_model(nnunet(tmp_path / NAME)) as model:
        whole = model.prepare([volume], Job())
        part = model.adapted(without_air=True)
        narrow = part.prepare([volume], Job())
        labels = part.run([volume], Job()).labels()
    margin = 8  # voxels of 2 mm: 15 mm
    assert whole.array.shape == (1, 24, 30, 40)
    assert narrow.array.shape == (1, 8 + 2 * margin, 10 + 2 * margin, 18 + 2 * margin)
    assert labels.shape == (24, 30, 40)
    assert not labels[..., :4].any()
    assert not labels[..., 38:].any()
