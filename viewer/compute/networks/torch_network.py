"""A network that torch runs: on every device, and the reference for what else runs it."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from threading import Event, local
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.compute.networks.network import Net, Stopped, plain_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from numpy.typing import NDArray

    from viewer.compute.progress import Progress


class TorchNet:
    """A Net, which can be stopped before every layer unless it is TorchScript.

    module: in evaluation mode; it is moved to the device. spare: makes what runs where its memory is short.
    channels_last: the layout in memory that some cards compute faster in.
    """

    spent = False

    def __init__(
        self,
        module: torch.nn.Module,
        device: str,
        precision: str = "float32",
        *,
        channels_last: bool = False,
        spare: Callable[[Progress], Net] | None = None,
    ) -> None:
        import torch

        self.engine = f"torch {torch.__version__.partition('+')[0]}"
        self.precision, self.device = precision, device
        self._layout = torch.channels_last_3d if channels_last else torch.contiguous_format
        self._spare = spare
        with plain_errors(device):
            self._module = module.to(device).to(memory_format=self._layout)  # type: ignore[call-overload]
        self._calls = local()  # .stopped: an Event of the call that runs on a thread
        self._stopped = Event()  # that of the call that ran last
        self.stoppable = not isinstance(module, torch.jit.ScriptModule)  # in its code there is no place to stop at
        go_on = partial(_go_on, self._calls)  # knows not this Net: weights are freed with it, not some time later
        for part in module.modules():
            if not isinstance(part, torch.jit.ScriptModule):
                part.register_forward_pre_hook(go_on)

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """[n, c, k, j, i] to [n, c', k, j, i] in float32.

        Raises MemoryError where a batch is too large; DeviceLost; Stopped.
        """
        import torch

        self._calls.stopped = self._stopped = Event()
        with ExitStack() as stack:
            stack.enter_context(plain_errors(self.device))
            stack.enter_context(torch.inference_mode())
            if self.precision == "bfloat16":
                stack.enter_context(torch.autocast(torch.device(self.device).type, torch.bfloat16))
            try:
                given = torch.from_numpy(np.require(batch, np.float32, ["C", "W"])).to(self.device)
                made: torch.Tensor = self._module(given.contiguous(memory_format=self._layout))
                result: NDArray[np.float32] = made.float().contiguous().cpu().numpy()
            except torch.OutOfMemoryError:
                torch.cuda.empty_cache()  # what earlier tiles left there is of no use to smaller ones
                raise
        return result

    def stop(self) -> None:
        """Have the call that runs now end before its next layer."""
        self._stopped.set()

    def lighter(self, job: Progress) -> Net | None:
        """The network that runs where this one's memory is short; None where there is none."""
        return self._spare(job) if self._spare else None


def _go_on(calls: local, *_: Any) -> None:
    """Before every layer. Raises Stopped."""
    stopped = getattr(calls, "stopped", None)
    if stopped is not None and stopped.is_set():
        raise Stopped
