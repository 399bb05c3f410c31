"""How far a training is, in a file small enough to keep: weights and their average at half precision, and the steps."""

from __future__ import annotations

from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

PARTS = ("net", "average")


def write_training_state(net: nn.Module, average: nn.Module, steps: int, path: Path) -> None:
    """Beside first, then renamed: a kill leaves the old file or the new one."""
    tensors = {
        f"{part}.{name}": value.half().contiguous()
        for part, module in zip(PARTS, (net, average), strict=True)
        for name, value in module.state_dict().items()
    }
    beside = path.with_suffix(".part")
    save_file(tensors, beside, {"steps": str(steps)})
    beside.replace(path)


def read_training_state(net: nn.Module, average: nn.Module, path: Path) -> int:
    """Fill both networks; returns the steps done. Raises RuntimeError where the file is of another network."""
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118, no mapping
        steps = int(file.metadata()["steps"])
    for part, module in zip(PARTS, (net, average), strict=True):
        prefix = f"{part}."
        module.load_state_dict(
            {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
        )
    return steps
