"""nnU-Net v2 folders that cannot be used: one sentence each."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.fixtures.model_files import DATASET, PLANS, nnunet
from viewer.compute.engine.job import Job
from viewer.compute.loaders.open_model import open_model
from viewer.compute.progress import Refusal

NAME = "nnUNetTrainer__nnUNetPlans__3d_fullres"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda told: told.update(previous_stage="3d_lowres"), "cascade"),
        (lambda told: told.update(normalization_schemes=["MyNormalization"]), "MyNormalization"),
        (lambda told: told.update(resampling_fn_data="resample_torch_simple"), "resample_torch_simple"),
        (lambda told: told["architecture"].update(network_class_name="a.b.UMamba"), "UMamba"),
        (lambda told: told["architecture"]["arch_kwargs"].update(features_per_stage=[4, 8]), "contradict"),
        (lambda told: told["architecture"]["arch_kwargs"].update(n_stages=10**9), "contradict"),
        (lambda told: told.update(patch_size=[15, 16, 16]), "contradict"),
        (lambda told: told.pop("spacing"), "lack"),
        (lambda told: told.update(patch_size=[16, 16]), "three dimensions"),
        (lambda told: told.update(preprocessor_name="NoCropping"), "NoCropping"),
        (lambda told: told.update(spacing=[0, 1, 1]), "contradict"),
        (lambda told: told.update(spacing=[float("nan"), 1, 1]), "contradict"),
        (lambda told: told.update(patch_size=[float("inf")] * 3), "contradict"),
        (lambda told: told.update(patch_size="16"), "three dimensions"),
        (lambda told: told.update(normalization_schemes=[]), "contradict"),
        (lambda told: told.update(resampling_fn_data_kwargs={"order": 3, "order_z": 3}), "splines of an order"),
        (lambda told: told["architecture"]["arch_kwargs"].update(strides=[[0, 0, 0]] * 3), "contradict"),
        (lambda told: told["architecture"]["arch_kwargs"].update(n_conv_per_stage=[2, 10**9, 2]), "contradict"),
        (lambda told: told["architecture"]["arch_kwargs"].update(n_conv_per_stage_decoder=[10**9, 2]), "contradict"),
        (lambda told: told["architecture"]["arch_kwargs"].update(features_per_stage=[4, 8, 10**9]), "contradict"),
        (lambda told: told["architecture"]["arch_kwargs"].update(kernel_sizes=[[10**6] * 3] * 3), "contradict"),
        (lambda told: told["architecture"]["arch_kwargs"].update(norm_op="torch.nn.BatchNorm3d"), "BatchNorm3d"),
        (lambda told: told["architecture"]["arch_kwargs"].update(conv_op="torch.nn.Conv2d"), "Conv2d"),
        (lambda told: told["architecture"]["arch_kwargs"].pop("n_conv_per_stage"), "lack"),
    ],
)
def test_plans_that_cannot_be_followed(tmp_path: Path, change: Callable[[Any], Any], said: str) -> None:
    folder = nnunet(tmp_path / NAME)
    made = deepcopy(PLANS)
    change(made["configurations"]["3d_fullres"])
    assert_refused(folder, made, said)


def assert_refused(folder: Path, made: Any, said: str) -> None:
    """In one sentence, when the folder has these plans."""
    (folder / "plans.json").write_text(json.dumps(made))
    with pytest.raises(Refusal, match=said) as refusal, open_model(folder):
        pass
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda told: told.update(image_reader_writer="MyReader"), "reads its images by MyReader"),
        (lambda told: told.update(image_reader_writer="NaturalImage2DIO"), "for pictures"),
        (lambda told: told.update(image_reader_writer=["SimpleITKIO"]), "contradict"),
        (lambda told: told.update(transpose_forward=[0, 0, 0]), "transposed"),
        (lambda told: told.update(transpose_forward=[2, 0, 1]), "transposed"),
        (lambda told: told.update(transpose_forward=[0, 1]), "transposed"),
        (lambda told: told.update(configurations={}), "which of its configurations"),
        (lambda told: told.update(configurations=[]), "lack|contradict|which of its"),
        (lambda told: told["configurations"]["3d_fullres"].update(inherits_from="3d_fullres"), "in a circle"),
        (lambda told: told["configurations"]["3d_fullres"].update(inherits_from="gone"), "lack"),
        (lambda told: told["configurations"].update({str(n): {} for n in range(1000)}), "too many configurations"),
        (lambda told: told.update(foreground_intensity_properties_per_channel=None), "lack"),
        (lambda told: told.pop("transpose_backward"), "lack"),
    ],
)
def test_whole_plans_that_cannot_be_followed(tmp_path: Path, change: Callable[[Any], Any], said: str) -> None:
    made = deepcopy(PLANS)
    change(made)
    assert_refused(nnunet(tmp_path / NAME), made, said)


@pytest.mark.parametrize(
    "change",
    [
        {"labels": {"background": 0, "liver": 2}},
        {"labels": {"background": 0, "whole": [1, 2], "core": 2}},
        {"labels": {"background": 0, "whole": [1, 2]}, "regions_class_order": [70000]},
        {"labels": {"background": 0, "whole": [1, 2]}, "regions_class_order": [-1]},
        {"labels": {"background": 0, "liver": float("inf")}},
        {"labels": []},
        {"channel_names": {}},
        {"channel_names": {"x": "CT"}},
        {"channel_names": None},
    ],
)
def test_data_sets_that_cannot_be_followed(tmp_path: Path, change: dict[str, Any]) -> None:
    folder = nnunet(tmp_path / NAME)
    (folder / "dataset.json").write_text(json.dumps(DATASET | change))
    with pytest.raises(Refusal, match="lack something or contradict"), open_model(folder):
        pass


@pytest.mark.parametrize("what", ["{", "[]", "1", '{"configurations": 1}', "[" * 100_000])
def test_files_that_hold_no_plans(tmp_path: Path, what: str) -> None:
    for name in ("plans.json", "dataset.json"):
        folder = nnunet(tmp_path / name / NAME)
        (folder / name).write_text(what)
        with pytest.raises(Refusal, match=r"lack something or contradict|no valid JSON"), open_model(folder):
            pass


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"state_dict": {}}, "no checkpoint of nnU-Net v2"),
        ([1], "no checkpoint of nnU-Net v2"),
        ({"network_weights": {}}, "do not fit the plans|no table of weights"),
        ({"network_weights": {"x": 1}}, "do not fit the plans|no table of weights"),
        ({"network_weights": {"x": torch.zeros(1)}}, "do not fit the plans"),
    ],
)
def test_checkpoints_of_something_else(tmp_path: Path, content: Any, said: str) -> None:
    folder = nnunet(tmp_path / NAME)
    torch.save(content, folder / "fold_0" / "checkpoint_final.pth")
    with open_model(folder) as model, pytest.raises(Refusal, match=said):
        model.net(Job())


def test_a_training_that_is_not_finished(tmp_path: Path) -> None:
    folder = nnunet(tmp_path / NAME)
    (folder / "fold_0" / "checkpoint_final.pth").rename(folder / "fold_0" / "checkpoint_best.pth")
    with pytest.raises(Refusal, match="folder of a finished training"), open_model(folder):
        pass


def test_weights_of_another_network(tmp_path: Path) -> None:
    folder = nnunet(tmp_path / NAME)
    made = deepcopy(PLANS)
    made["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"]["features_per_stage"] = [8, 8, 8]
    (folder / "plans.json").write_text(json.dumps(made))
    with open_model(folder) as model, pytest.raises(Refusal, match="do not fit the plans"):
        model.net(Job())
