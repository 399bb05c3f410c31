"""A training run: seeded, resumable, as long as it is told; the weights are an exponential moving average."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

WARM_UP = 0.02  # of the run
AVERAGE = 0.998


def train(
    net: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    loss: Callable[[Tensor, Tensor], Tensor],
    folder: Path,
    *,
    minutes: float,
    rate: float,
    validate: Callable[[nn.Module], str],
    every: float = 5.0,
) -> nn.Module:
    """Train for so many minutes in all, those before an interruption included; returns the averaged network.

    folder/state.pt is written every `every` minutes with a line of validation to folder/log.txt.
    """
    folder.mkdir(parents=True, exist_ok=True)
    net = net.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # torch leaves it out
    average = copy.deepcopy(net).eval()
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=1e-4, fused=True)
    done, steps = _resume(folder / "state.pt", net, average, optimiser)
    before, saved, mean = time.monotonic() - 60 * done, done, 0.0
    for inputs, targets in batches:
        done = (time.monotonic() - before) / 60
        if done >= minutes:
            break
        optimiser.param_groups[0]["lr"] = rate * _schedule(done / minutes)
        value = _step(net, inputs, targets, loss, optimiser)
        steps += 1
        _follow(average, net, min(AVERAGE, steps / (steps + 10)))
        mean = value if not mean else 0.99 * mean + 0.01 * value
        if done - saved >= every:
            saved = done
            _save(folder, net, average, optimiser, done, steps, f"loss {mean:.4f}  {validate(average)}")
    _save(folder, net, average, optimiser, done, steps, validate(average))
    return average


def _step(
    net: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor],
    optimiser: torch.optim.Optimizer,
) -> float:
    device = next(net.parameters()).device
    inputs = inputs.to(device, memory_format=torch.channels_last_3d)
    with autocast(device.type):
        outputs = net(inputs)
    value = loss(outputs.float(), targets.to(device))
    optimiser.zero_grad(set_to_none=True)
    value.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimiser.step()
    return value.item()


def autocast(device: str) -> torch.autocast:
    """bfloat16 where it pays: on a graphics card and a processor with matrix tiles; others take twice as long.

    AVX-512 has it, too, and takes half as long, but two trainings of one seed differ there, and a process has died.
    """
    return torch.autocast(device, torch.bfloat16, enabled=device != "cpu" or torch.cpu._is_amx_tile_supported())


def write_weights(net: nn.Module, path: Path) -> None:
    """The weights at half precision, which costs them nothing that can be measured."""
    save_file({name: value.half().contiguous() for name, value in net.state_dict().items()}, path)


def load_matching_weights(net: nn.Module, path: Path) -> None:
    """Begin with another network's weights, wherever names and shapes are the same."""
    mine = net.state_dict()
    fitting = {name: value.float() for name, value in load_file(path).items() if mine[name].shape == value.shape}
    net.load_state_dict(mine | fitting)


def _schedule(part: float) -> float:
    """A linear start, then a cosine to almost nothing (Loshchilov and Hutter, ICLR 2017)."""
    return min(part / WARM_UP, 1.0) * (
        0.01 + 0.99 * 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * min(part, 1.0)))))
    )


def _follow(average: nn.Module, net: nn.Module, keep: float) -> None:
    with torch.no_grad():
        for a, b in zip(average.parameters(), net.parameters(), strict=True):
            a.lerp_(b, 1 - keep)


def _resume(path: Path, net: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer) -> tuple[float, int]:
    if not path.exists():
        return 0.0, 0
    state: dict[str, Any] = torch.load(path, weights_only=True)
    net.load_state_dict(state["net"])
    average.load_state_dict(state["average"])
    optimiser.load_state_dict(state["optimiser"])
    return state["minutes"], state["steps"]


def _save(
    folder: Path,
    net: nn.Module,
    average: nn.Module,
    optimiser: torch.optim.Optimizer,
    minutes: float,
    steps: int,
    report: str,
) -> None:
    parts: dict[str, nn.Module | torch.optim.Optimizer] = {"net": net, "average": average, "optimiser": optimiser}
    state = {name: part.state_dict() for name, part in parts.items()}
    beside = folder / "state.part"
    torch.save({**state, "minutes": minutes, "steps": steps}, beside)
    beside.replace(folder / "state.pt")
    line = f"{minutes:6.1f} min  {steps:6d} steps  {report}"
    print(line, flush=True)
    with (folder / "log.txt").open("a") as log:
        log.write(line + "\n")
