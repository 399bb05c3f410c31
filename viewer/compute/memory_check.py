"""Whether there is memory for a job, found out before it begins, and a limit for what cannot be foreseen."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil

from viewer.compute.devices import devices
from viewer.compute.progress import Refusal
from viewer.files.memory_limit import available_memory

if TYPE_CHECKING:
    from collections.abc import Iterator


def check_memory(size: int, what: str, device: str = "cpu") -> None:
    """Raises Refusal where `size` bytes for `what` are not free: in the system's memory, or a graphics card's own."""
    free, where = _free(device)
    if size > free:
        raise Refusal(
            f"there is not enough memory for {what}: it needs {_text(size)}, and {_text(free)} are free{where}; "
            "close other images or programs, then run it again."
        )


@contextmanager
def memory_limit(size: int) -> Iterator[None]:
    """Within it this process may take about `size` bytes more; what wants more gets MemoryError. On Linux."""
    if sys.platform != "linux":
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    ends = [psutil.Process().memory_info().vms + size, *(end for end in before if end != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_AS, (min(ends), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _free(device: str) -> tuple[int, str]:
    card = next((one for one in devices() if one.id == device and one.memory), None) if device != "cpu" else None
    if card is None or device == "mps":  # Apple's graphics share the system's memory
        return available_memory(), ""
    return card.free, f" on {card.name}"


def _text(size: int) -> str:
    return f"{size / 2**30:.1f} GB" if size >= 2**30 else f"{max(1, size >> 20)} MB"
