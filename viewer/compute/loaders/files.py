"""Files of foreign models: nothing is read that is larger than it may be, nothing unpacked that could do harm."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from viewer.compute.job import Refusal
from viewer.compute.preflight import check
from viewer.data.regular_file import check_regular

if TYPE_CHECKING:
    import torch

LARGEST_TEXT = 16 << 20  # bytes of a JSON or YAML file
LARGEST_ZIP = 8 << 30  # bytes, unpacked
MOST_MEMBERS = 2000
MOST_PACKED = 200  # times smaller than unpacked: weights do not shrink so much, bombs do
GROWS = 3  # times a file of weights takes in memory while it is read


def read_json(path: Path) -> Any:
    """The document in a JSON file. Raises Refusal."""
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise Refusal(f"{path.name} of the model is no valid JSON ({error}).") from error


def read_text(path: Path) -> str:
    """A text file of sensible size. Raises Refusal."""
    try:
        check_regular(path)
        if path.stat().st_size > LARGEST_TEXT:
            raise Refusal(f"{path.name} of the model is far too large for a description.")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise Refusal(f"the model lacks its file {path.name}: get it again, whole.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(f"{path.name} of the model cannot be read ({error}).") from error


def read_bytes(path: Path) -> bytes:
    """All of a file of weights, where there is memory for it. Raises Refusal."""
    _there_is_room(path)
    return path.read_bytes()


def read_checkpoint(path: Path) -> Any:
    """What torch.save wrote to a file, where that is data only: a pickle that names any function is not run.

    Raises Refusal.
    """
    import pickle

    import torch

    _there_is_room(path)
    try:
        with torch.serialization.safe_globals(_numbers()):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise Refusal(
            f"{path.name} holds more than weights: reading it would run code from it, so it was not read; "
            "ask its makers for safetensors."
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        raise Refusal(f"{path.name} is cut off or no file of torch: get it again.") from error


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The named tensors of a safetensors file, or of what torch.save wrote, as float32. Raises Refusal."""
    import torch

    if path.suffix.lower() != ".safetensors":
        found = read_checkpoint(path)
        if not (isinstance(found, dict) and found and all(isinstance(one, torch.Tensor) for one in found.values())):
            raise Refusal(f"{path.name} holds no table of weights: choose the file that the network's makers name.")
        return {str(name): tensor.float() for name, tensor in found.items()}
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return {name: tensor.float() for name, tensor in load(read_bytes(path)).items()}
    except SafetensorError as error:
        raise Refusal(f"{path.name} is cut off or no safetensors file: get it again.") from error


def _numbers() -> list[Any]:
    """What numpy writes a single number with: training logs beside weights are full of them, and they run nothing."""
    import numpy as np

    scalar = np._core.multiarray.scalar  # type: ignore[attr-defined]
    kinds = [type(np.dtype(kind)) for kind in ("f4", "f8", "i4", "i8", "b1")]
    return [scalar, (scalar, "numpy.core.multiarray.scalar"), np.dtype, *kinds]


def _there_is_room(path: Path) -> None:
    try:
        check_regular(path)
        size = path.stat().st_size
    except OSError as error:
        raise Refusal(f"the model lacks its file {path.name}: get it again, whole.") from error
    check(size * GROWS, "the model's weights")


def check_network(make: Callable[[], torch.nn.Module]) -> None:
    """Raises Refusal where there is no memory for the network that `make` makes; nothing is allocated to find out."""
    import torch

    try:
        with torch.device("meta"):
            network = make()
    except NotImplementedError:  # it computes while it is made: its size shows only then
        return
    parameters = [*network.parameters(), *network.buffers()]
    check(sum(one.numel() * one.element_size() for one in parameters), "the model's weights")


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """The folder in a ZIP file, unpacked for a while; a folder is given as it is. Raises Refusal."""
    if path.is_dir():
        yield path
        return
    with TemporaryDirectory(prefix="tomolens-model-") as place:
        folder = Path(place)
        try:
            with zipfile.ZipFile(path) as archive:
                _check_members(archive, path.name, folder)
                archive.extractall(folder)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
            raise Refusal(f"{path.name} is damaged or no ZIP file that can be read here: get it again.") from error
        inner = list(folder.iterdir())
        yield inner[0] if len(inner) == 1 and inner[0].is_dir() else folder


def _check_members(archive: zipfile.ZipFile, name: str, folder: Path) -> None:
    """Before anything is written: no way out of the folder, no bomb. zipfile reads no more than each member states."""
    members = archive.infolist()
    size = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if len(members) > MOST_MEMBERS or size > LARGEST_ZIP or size > MOST_PACKED * max(packed, 1 << 16):
        raise Refusal(f"{name} would unpack to {size >> 20} MB in {len(members)} files: no model is like that.")
    for member in members:
        inside = PurePosixPath(member.filename.replace("\\", "/"))
        link = (member.external_attr >> 16) & 0o170000 == 0o120000
        if inside.is_absolute() or ".." in inside.parts or ":" in member.filename or link:
            raise Refusal(f"{name} holds a file that would be written outside its folder: it is not opened.")
    if size > shutil.disk_usage(folder).free:
        raise Refusal(f"there is no room on the disk to unpack {name}: it needs {size >> 20} MB.")
