"""How much memory the reading of files may take: of the machine's, of what is free, and for the bytes of a file."""

from __future__ import annotations

from viewer.files.memory_limit import available_memory, total_memory
from viewer.io.errors import OpenError

READERS = 0.75  # of the machine's memory that all reader processes together may take
ANSWER = 0.125  # of it, that one answer to the window may take
LEAST = 256 << 20  # bytes, however small the machine is
FREE = 0.8  # of the memory that is free, that an image may take
MAX_RATIO = 10_000  # unpacked to packed bytes: what is nearly empty packs well, but not so well
HARMLESS = 1 << 29  # bytes below which that ratio does not matter


def reader_bytes(processes: int) -> int:
    """Bytes of memory that each of so many reader processes may take: together less than there is."""
    return max(LEAST, int(READERS * total_memory()) // processes)


def answer_bytes() -> int:
    """Bytes of one answer to the window."""
    return max(LEAST, int(ANSWER * total_memory()))


def free() -> int:
    """Bytes that an image may take now."""
    return int(FREE * available_memory())


def check_claim(need: int, stored: int) -> None:
    """Raises OpenError where an image needs more bytes of memory than are free, or than `stored` bytes can hold.

    need: bytes of its voxels. stored: bytes of its file.
    """
    if need > max(HARMLESS, MAX_RATIO * stored):
        raise OpenError(
            f"It claims {need / 2**30:.1f} GB of voxels in {stored:,} bytes; it is damaged, and was not opened."
        )
    if need > free():
        raise OpenError(
            f"It needs {need / 2**30:.1f} GB of memory but only {free() / 2**30:.1f} GB are free; "
            "close other images or programs and open it again."
        )
