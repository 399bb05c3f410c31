"""What files of foreign models hold, read as data: nothing larger than it may be, and nothing that runs."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

from viewer.compute.memory_check import check_memory, memory_limit
from viewer.compute.progress import Refusal
from viewer.files.regular_file import open_regular

if TYPE_CHECKING:
    from pathlib import Path

    import torch

LARGEST_TEXT = 16 << 20  # bytes of a JSON file
LARGEST_YAML = 1 << 20  # bytes; its parser takes a minute for 16 MB
GROWS = 3  # times a file of weights takes in memory while it is read
BESIDE = 1 << 30  # bytes that reading takes however small the file is: libraries, threads
NUMBERS = ("f4", "f8", "i4", "i8", "b1")  # of numpy, in the logs beside weights
# What a description raises that lacks something, contradicts itself, or tells numbers that are none.
MALFORMED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError, StopIteration)


def read_json(path: Path, largest: int | None = None) -> Any:
    """The document in a JSON file of no more than `largest` bytes (LARGEST_TEXT). Raises Refusal."""
    try:
        return json.loads(read_text(path, largest))
    except (ValueError, RecursionError) as error:
        raise Refusal(f"{path.name} of the model is no valid JSON ({error}).") from error


def read_text(path: Path, largest: int | None = None) -> str:
    """A text file of no more than `largest` bytes (LARGEST_TEXT). Raises Refusal."""
    most = LARGEST_TEXT if largest is None else largest
    try:
        with open_regular(path) as file:
            data = file.read(most + 1)
        if len(data) > most:
            raise Refusal(f"{path.name} of the model is far too large for a description.")
        return data.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise Refusal(f"the model lacks its file {path.name}: get it again, whole.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(f"{path.name} of the model cannot be read ({error}).") from error


def read_bytes(path: Path) -> bytes:
    """All of a file of weights, where there is memory for it. Raises Refusal."""
    _check_memory(path)
    return path.read_bytes()


def read_checkpoint(path: Path) -> Any:
    """What torch.save wrote to a file, where that is data only: a pickle that names any function is not run.

    Raises Refusal.
    """
    import pickle

    import torch

    _check_memory(path)
    _check_packing(path)
    try:
        with torch.serialization.safe_globals(_numbers()), memory_limit(GROWS * path.stat().st_size + BESIDE):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise Refusal(
            f"{path.name} holds more than weights: reading it would run code from it, so it was not read; "
            "ask its makers for safetensors."
        ) from error
    except MemoryError as error:
        raise Refusal(f"{path.name} unpacks to far more than its own size: get it again.") from error
    except (RuntimeError, EOFError, OSError, UnicodeError, *MALFORMED) as error:
        raise Refusal(f"{path.name} is cut off or no file of torch: get it again.") from error


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The named tensors of a safetensors file, or of what torch.save wrote, as float32. Raises Refusal."""
    if path.suffix.lower() == ".safetensors":
        return safetensors(read_bytes(path), path.name)
    return {name: tensor.float() for name, tensor in tensor_table(read_checkpoint(path), path.name).items()}


def safetensors(data: bytes, name: str) -> dict[str, torch.Tensor]:
    """The named tensors in the bytes of the file `name`, as float32. Raises Refusal."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return {str(key): tensor.float() for key, tensor in load(data).items()}
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise Refusal(f"{name} is cut off or no safetensors file: get it again.") from error


def tensor_table(found: Any, name: str) -> dict[str, torch.Tensor]:
    """What was read from the file `name`, where it is a table of tensors and each holds the numbers that it claims.

    A tensor may tell any size over a few bytes by steps of 0. Raises Refusal.
    """
    import torch

    if not (isinstance(found, dict) and found and all(isinstance(one, torch.Tensor) for one in found.values())):
        raise Refusal(f"{name} holds no table of weights: choose the file that the network's makers name.")
    for one in found.values():
        plain = one.layout == torch.strided and one.device.type == "cpu" and not one.is_quantized
        if not plain or one.numel() * one.element_size() > one.untyped_storage().nbytes():
            raise Refusal(f"{name} holds weights that are larger than the file: get it again.")
    return {str(key): one for key, one in found.items()}


def _check_packing(path: Path) -> None:
    """Raises Refusal for what torch.save does not write: members of a ZIP file that are larger than the file."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = [member.file_size for member in archive.infolist()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise Refusal(f"{path.name} is cut off or no file of torch: get it again.") from error
    if sum(sizes) > path.stat().st_size:
        raise Refusal(f"{path.name} would unpack to more than its own size: torch writes no such file.")


def _numbers() -> list[Any]:
    """What numpy writes a single number with: training logs beside weights are full of them, and they run nothing."""
    import numpy as np

    def kind(name: str, *_: Any) -> np.dtype[Any]:
        if name not in NUMBERS:  # a type may be gigabytes wide
            raise ValueError("a number of an unknown type")
        return np.dtype(name)

    scalar = np._core.multiarray.scalar  # type: ignore[attr-defined]
    kinds = [type(np.dtype(name)) for name in NUMBERS]
    return [scalar, (scalar, "numpy.core.multiarray.scalar"), (kind, "numpy.dtype"), *kinds]


def _check_memory(path: Path) -> None:
    if not path.is_file():
        raise Refusal(f"the model lacks its file {path.name}: get it again, whole.")
    check_memory(path.stat().st_size * GROWS, "the model's weights")
