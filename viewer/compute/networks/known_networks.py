"""The networks that a file may ask for as data: classes by their names, with plain arguments of sensible sizes.

What is not listed here is code. Nothing is made before its arguments were looked at, and nothing larger than the
weights that are there for it.
"""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from viewer.compute.progress import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import torch

    from viewer.data.arrays import Json


MONAI = "monai.networks.nets"
PLUGIN = re.compile(r"plugins(\.[a-z_0-9]+)+\.network")  # where a plugin keeps its networks
CLASSES = ("AttentionUnet", "AutoEncoder", "BasicUNet", "DynUNet", "MedNeXt", "SegResNet", "SegResNetDS", "SwinUNETR",
           "UNETR", "UNet", "VNet")  # fmt: skip
# The arguments that these classes may be given, by the largest number in them. No path, no address, no weights.
ARGUMENTS = {
    3: "spatial_dims dropout_dim",
    12: "window_size",
    16: "strides patch_size resolution num_res_units num_inter_units dsdepth deep_supr_num mlp_ratio "
    "encoder_expansion_ratio decoder_expansion_ratio bottleneck_expansion_ratio negative_slope alpha eps momentum "
    "dropout dropout_prob dropout_prob_down dropout_prob_up dropout_rate drop_rate attn_drop_rate dropout_path_rate",
    31: "kernel_size up_kernel_size upsample_kernel_size inter_dilations padding",
    64: "in_channels num_heads depths blocks_down blocks_up blocks_bottleneck",
    512: "img_size num_groups num_parameters",
    1024: "out_channels",
    4096: "channels features filters init_filters feature_size hidden_size mlp_dim inter_channels",
    1: "act norm act_name norm_name norm_type adn_ordering bias affine inplace upsample upsample_mode downsample "
    "conv_block res_block trans_bias qkv_bias deep_supervision use_conv_final normalize patch_norm use_v2 proj_type "
    "save_attn use_checkpoint use_residual_connection global_resp_norm",
}
LARGEST = {name: most for most, names in ARGUMENTS.items() for name in names.split()}
PLUGIN_LARGEST = 4096  # in the arguments of a plugin's network
WORD = re.compile(r"([A-Za-z][A-Za-z_0-9]{0,30})?")
MOST_VALUES = 500  # in the arguments of a network
SPARE = 4  # times the numbers of its weights, for layers that a network makes and drops again


def check_sizes(arguments: Json, title: str) -> None:
    """Raises Refusal where a network of the model `title` is asked for that no machine is to make."""
    for name, value in _values(arguments):
        most = LARGEST.get(name, PLUGIN_LARGEST)
        if isinstance(value, (int, float)) and not 0 <= value <= most:
            raise Refusal(
                f"the model {title} asks for a network whose {name} is {str(value)[:20]}: numbers from 0 to {most} are "
                "taken, so its description is damaged or not meant well."
            )


def code_reason(target: str, arguments: Json) -> str:
    """What makes the call of a class more than data, in a few words; "" where it is one of MONAI's networks, plain."""
    if _monai(target) is None:
        return f"it calls {target[:80]}"
    for name, value in _values(arguments):
        if name not in LARGEST:
            return f"it sets {name[:80]}"
        if not (value is None or isinstance(value, (bool, int, float)) or WORD.fullmatch(value)):
            return f"it sets {name} to {value[:80]}"
    return ""


def monai_network(target: str, arguments: Json) -> torch.nn.Module:
    """A network for which why_code finds nothing. Raises what its class raises for arguments that it cannot use."""
    made = _monai(target)(**arguments)
    assert isinstance(made, _module())
    return made


def plugin_network(module: str, name: str, arguments: Json) -> torch.nn.Module:
    """A network of a plugin's own file network.py, made of numbers alone.

    Raises ImportError and AttributeError where it is not there, TypeError where it is none or is given anything else.
    """
    if any(not (value is None or isinstance(value, (bool, int, float))) for _, value in _values(arguments)):
        raise TypeError("the networks of plugins are made of numbers alone")
    kind = getattr(import_module(module), name)
    if not (isinstance(kind, type) and issubclass(kind, _module()) and kind.__module__ == module):
        raise TypeError(f"{name} is no network of {module}")
    made: torch.nn.Module = kind(**arguments)
    return made


def load_network(make: Callable[[], torch.nn.Module], weights: Mapping[str, torch.Tensor]) -> torch.nn.Module:
    """The network that `make` makes, with its weights, in evaluation mode, in float32.

    Raises ValueError where it is far larger than its weights, RuntimeError where they are others than the network's.
    """
    with size_limit(sum(tensor.numel() for tensor in weights.values())):
        network = make()
    network.load_state_dict(weights)
    return network.float().eval().requires_grad_(False)


@contextmanager
def size_limit(weights: int) -> Iterator[None]:
    """Within it, networks are made that hold about so many numbers.

    Raises ValueError as soon as they hold far more: torch has not touched the memory of a large array by then.
    """
    from torch.nn.modules.module import (
        register_module_buffer_registration_hook,
        register_module_parameter_registration_hook,
    )

    left = SPARE * weights
    held: dict[tuple[int, str], int] = {}  # some networks put the same array into place twice

    def count(module: torch.nn.Module, name: str, numbers: torch.Tensor | None) -> None:
        nonlocal left
        size = 0 if numbers is None else numbers.numel()
        left += held.get((id(module), name), 0) - size
        held[id(module), name] = size
        if left < 0:
            raise ValueError("the network is larger than its weights")

    with ExitStack() as counting:
        for watch in (register_module_parameter_registration_hook, register_module_buffer_registration_hook):
            counting.callback(watch(count).remove)
        yield


def _monai(target: str) -> Any:
    """The class that a name stands for; None where it is not listed."""
    package, _, name = target.replace(":", ".").rpartition(".")
    if package and not f"{package}.".startswith(f"{MONAI}."):
        return None
    found = getattr(import_module(MONAI), name, None)
    return found if getattr(found, "__name__", "") in CLASSES else None


def _module() -> type[torch.nn.Module]:
    import torch

    return torch.nn.Module


def _values(arguments: Json) -> Iterator[tuple[str, Any]]:
    """Every text, number and None in arguments, with the name that it stands under. Raises Refusal for too many."""
    waiting: list[tuple[str, Any]] = [("", arguments)]
    for _ in range(MOST_VALUES):
        if not waiting:
            return
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(str(key), one) for key, one in value.items()]
        elif isinstance(value, (list, tuple)):
            waiting += [(name, one) for one in value]
        else:
            yield name, value
    raise Refusal("a network is told by far too many numbers: its description is damaged or not meant well.")
