"""What the parts of a network get while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial

import torch
from torch import Tensor, nn

Look = Callable[[str, Tensor], None]


def watch(net: nn.Module, names: Iterable[str], batches: Iterable[Tensor], look: Look) -> None:
    """Run a network over batches; look: gets the input of each of the named modules, as it comes."""
    with ExitStack() as hooks, torch.inference_mode():
        for name in names:
            hooks.enter_context(net.get_submodule(name).register_forward_pre_hook(partial(_show, look, name)))
        for batch in batches:
            net(batch)


def _show(look: Look, name: str, _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    look(name, inputs[0])
