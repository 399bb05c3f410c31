"""A network ready to run, whatever runs it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from viewer.compute.progress import Progress, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

WANT_OF_MEMORY = ("out of memory", "bad_alloc", "can't allocate memory", "not enough memory", "failed to allocate")
LOSS = ("cuda error", "hip error", "cudnn_status_execution_failed", "cublas_status_execution_failed", "mps error")
Ranges = dict[str, tuple[float, float]]  # a convolution's name in the network -> lowest and highest value of its input


class Net(Protocol):
    """What runs a network. engine: the library, and its version. device: as torch names it.

    precision: "float32", "bfloat16" or "int8". Raises MemoryError where a batch needs more than is free; DeviceLost.
    """

    engine: str
    precision: str
    device: str

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """[n, c, k, j, i] to [n, c', k, j, i]."""
        ...


@runtime_checkable
class LighterNet(Protocol):
    """A Net that knows of another which takes less of its device's memory."""

    def lighter(self, job: Progress) -> Net | None:
        """The same network in less precise numbers or on the processor; None where there is none."""
        ...


@runtime_checkable
class StoppableNet(Protocol):
    """A Net that, if it is stoppable, can be stopped within a layer, from another thread: its call raises Stopped."""

    stoppable: bool
    spent: bool  # it was stopped, and cannot be called again

    def stop(self) -> None:
        """Have the call that runs now end soon."""


@runtime_checkable
class LendingNet(Protocol):
    """A Net whose result can be had without a copy."""

    def lend(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """As a call, in memory that the next call uses again."""
        ...


class Stopped(Exception):
    """A network was told to stop while it ran."""


class DeviceLost(Refusal):
    """What computes has gone away in the middle of a job; nothing in this process can use it any more."""

    def __init__(self, device: str) -> None:
        super().__init__(
            f"the device {device} stopped working during the job: run it again, or choose the processor as its device."
        )


@contextmanager
def plain_errors(device: str) -> Iterator[None]:
    """The RuntimeErrors of torch and OpenVINO, which only their texts tell apart, as MemoryError and DeviceLost."""
    try:
        yield
    except RuntimeError as error:
        text = str(error).lower()
        if any(words in text for words in WANT_OF_MEMORY):
            raise MemoryError(f"out of memory on {device}") from error
        if device != "cpu" and any(words in text for words in LOSS):
            raise DeviceLost(device) from error
        raise
