"""Networks that are data: the listed ones, with plain arguments, no larger than the weights that are there for them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from viewer.compute.networks import known_networks
from viewer.compute.networks.known_networks import (
    CLASSES,
    check_sizes,
    code_reason,
    load_network,
    monai_network,
    plugin_network,
    size_limit,
)
from viewer.compute.progress import Refusal

UNET = {"spatial_dims": 3, "in_channels": 1, "out_channels": 2, "channels": [4, 8], "strides": [2]}
SMALL: dict[str, dict[str, Any]] = {
    "AttentionUnet": UNET,
    "AutoEncoder": UNET | {"strides": [2, 2], "norm": "batch"},
    "BasicUNet": {"features": [4] * 6, "act": ["LeakyReLU", {"negative_slope": 0.1, "inplace": True}]},
    "DynUNet": {"spatial_dims": 3, "in_channels": 1, "out_channels": 2, "kernel_size": [[3, 3, 1]] * 3,
                "strides": [1, 2, 2], "upsample_kernel_size": [2, 2], "filters": [4, 8, 8],
                "norm_name": ["INSTANCE", {"affine": True}]},
    "MedNeXt": {"init_filters": 4, "kernel_size": 3, "blocks_down": [1, 1, 1, 1], "blocks_up": [1, 1, 1, 1]},
    "SegResNet": {"init_filters": 4, "norm": ["GROUP", {"num_groups": 2}], "blocks_down": [1, 1], "blocks_up": [1]},
    "SegResNetDS": {"init_filters": 4, "norm": "BATCH", "blocks_down": [1, 1], "dsdepth": 1},
    "UNet": UNET | {"num_res_units": 1, "dropout": 0.1, "act": "RELU6"},
    "VNet": {"dropout_prob_down": 0.1},
}  # fmt: skip


@pytest.mark.parametrize("name", CLASSES)
def test_each_class_is_there_and_its_usual_arguments_are_data(name: str) -> None:
    arguments = SMALL.get(name)
    assert code_reason(name, arguments or {}) == ""
    if arguments is None:
        return  # it needs a package that is not always installed
    check_sizes(arguments, "small")
    weights = monai_network(f"monai.networks.nets.{name}", arguments).state_dict()
    network = load_network(lambda: monai_network(name, arguments), weights)
    assert not network.training
    assert all(torch.equal(value, weights[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("target", "arguments", "said"),
    [
        ("os.system", {"command": "true"}, "it calls os.system"),
        ("torch.nn.Linear", {"in_features": 1}, "it calls torch.nn.Linear"),
        ("torch.hub.load", {}, "it calls torch.hub.load"),
        ("monai.networks.nets.hovernet:HoVerNet", {"pretrained_url": "http://127.0.0.1:9"}, "HoVerNet"),
        ("HoVerNet", {}, "it calls HoVerNet"),
        ("monai.networks.netsevil.UNet", UNET, "netsevil"),
        ("evil.UNet", UNET, "evil"),
        ("torch", {}, "it calls torch"),
        ("FlexibleUNet", {"pretrained": True}, "FlexibleUNet"),
        ("UNet", UNET | {"pretrained": True}, "it sets pretrained"),
        ("UNet", UNET | {"progress": True}, "it sets progress"),
        ("UNet", UNET | {"weights": None}, "it sets weights"),
        ("UNet", UNET | {"norm": ["INSTANCE", {"path": "x"}]}, "it sets path"),
        ("UNet", UNET | {"act": "http://127.0.0.1:9/x"}, "it sets act to http"),
        ("UNet", UNET | {"act": "../x"}, r"it sets act to \.\./x"),
        ("UNet", UNET | {"act": "C:x"}, "it sets act to C:x"),
        ("UNet", UNET | {"channels": ["10**9"]}, r"it sets channels to 10\*\*9"),
        ("UNet", UNET | {"act": {"_target_": "os.system"}}, "it sets _target_"),
        ("SegResNetDS", {"preprocess": "x"}, "it sets preprocess"),
    ],
)
def test_everything_else_is_code(target: str, arguments: dict[str, Any], said: str) -> None:
    import re

    assert re.search(said, code_reason(target, arguments))


@pytest.mark.parametrize(
    "change",
    [
        {"channels": [10**9, 2]},
        {"in_channels": 10**9},
        {"out_channels": 10**400},
        {"num_res_units": 10**6},
        {"kernel_size": [[[10**6]]]},
        {"strides": [-1]},
        {"dropout": float("nan")},
        {"dropout": float("inf")},
        {"channels": [4] * 10_000},
        {"norm": ["GROUP", {"num_groups": 10**9}]},
    ],
)
def test_no_machine_is_to_make_that(change: dict[str, Any]) -> None:
    begun = time.monotonic()
    with pytest.raises(Refusal, match="not meant well"):
        check_sizes(UNET | change, "large")
    assert time.monotonic() - begun < 5


def test_lists_without_an_end_are_no_trouble() -> None:
    nested: Any = [1]
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(Refusal, match="far too many"):
        check_sizes({"channels": nested}, "deep")
    while isinstance(nested, list):  # or Python takes it apart by recursion
        nested = nested[0]


@pytest.mark.parametrize("name", ["UNet", "DynUNet"])
def test_a_network_larger_than_its_weights_takes_no_memory(name: str) -> None:
    """As large as the limits of the arguments let it be: terabytes, were it made."""
    large = {"UNet": UNET | {"channels": [4096, 4096], "kernel_size": 31},
             "DynUNet": SMALL["DynUNet"] | {"filters": [4096] * 3, "kernel_size": [[31] * 3] * 3}}[name]  # fmt: skip
    check_sizes(large, "large")
    before = psutil.Process(os.getpid()).memory_info().rss
    with pytest.raises((ValueError, RuntimeError)):
        load_network(lambda: monai_network(name, large), {"weight": torch.zeros(1000)})
    assert psutil.Process(os.getpid()).memory_info().rss - before < 1 << 30


def test_nothing_is_counted_afterwards() -> None:
    with pytest.raises(ValueError, match="larger than its weights"), size_limit(10):
        torch.nn.Linear(100, 100)
    torch.nn.Linear(100, 100)
    with size_limit(10_100):
        torch.nn.Linear(100, 100)


def test_weights_of_another_network_do_not_fit() -> None:
    weights = monai_network("UNet", UNET).state_dict()
    with pytest.raises(RuntimeError):
        load_network(lambda: monai_network("UNet", UNET | {"channels": [4, 9]}), weights)
    with pytest.raises(RuntimeError):
        load_network(lambda: monai_network("UNet", UNET), weights | {"more": torch.zeros(1)})


@pytest.mark.parametrize(
    ("module", "name", "arguments"),
    [
        ("plugins.denoise.network", "HaarDenoiser", {"hidden": "http://127.0.0.1:9"}),
        ("plugins.denoise.network", "nn", {}),
        ("plugins.denoise.network", "Tensor", {}),
    ],
)
def test_plugins_make_their_own_networks_of_numbers_alone(module: str, name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises((TypeError, AttributeError)):
        plugin_network(module, name, arguments)


def test_only_the_networks_file_of_a_plugin() -> None:
    pattern = known_networks.PLUGIN
    assert pattern.fullmatch("plugins.denoise.network")
    for other in (
        "plugins.denoise.train",
        "plugins.network",
        "plugins.denoise.networks",
        "os.network",
        "plugins..network",
    ):
        assert not pattern.fullmatch(other)


def test_the_models_of_the_program_are_of_that_kind() -> None:
    from viewer.compute.networks.model_cards import BUILT_IN, card_network, read_card

    for path in sorted(Path(BUILT_IN).glob("*/card.json")):
        assert sum(one.numel() for one in card_network(read_card(path)).parameters()) > 0
