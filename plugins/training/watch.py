"""What the parts of a network are given while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn


def watch(net: nn.Module, names: Iterable[str], batches: Iterable[Tensor], look: Callable[[str, Tensor], None]) -> None:
    """Run a network over batches; look: gets the input of each of the named modules, as it comes."""
    hooks = [
        net.get_submodule(name).register_forward_pre_hook(lambda _, given, name=name: look(name, given[0]))  # type: ignore[misc]
        for name in names
    ]
    with torch.inference_mode():
        for batch in batches:
            net(batch)
    for hook in hooks:
        hook.remove()
