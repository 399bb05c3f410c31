"""TorchScript files: programs with their weights. They can do what a program can: run only when they are trusted."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from viewer.compute.model_files.trust import digest, require_trust
from viewer.compute.model_files.weights_file import read_bytes
from viewer.compute.progress import Progress, Refusal

if TYPE_CHECKING:
    from pathlib import Path

    from viewer.compute.loaders.card_model import ModelDescription
    from viewer.compute.loaders.external_model import ExternalModel
    from viewer.compute.networks.network import Net

ENDINGS = (".pt", ".ts", ".pth")


def can_read(path: Path) -> bool:
    """Whether a file is a ZIP file in which torch keeps code; weights that torch.save wrote have none."""
    if path.suffix.lower() not in ENDINGS or not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any("/code/" in name for name in archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return False


def files(path: Path) -> list[Path]:
    """The files that run."""
    return [path]


def describe(path: Path, title: str, description: ModelDescription, sha256: str = "") -> ExternalModel:
    """The model in a file. sha256: of what is trusted, where that is more than the file."""
    sha256 = sha256 or digest([path])
    description = replace(description, channels=description.channels or ("image",))
    make = partial(_make, path, title, sha256, len(description.channels))
    return description.model(title, "TorchScript", sha256, make, is_code=True)


def _make(path: Path, title: str, sha256: str, channels: int, job: Progress) -> Net:
    from io import BytesIO

    import torch

    from viewer.compute.networks.backends import prepare_network

    require_trust(title, "TorchScript", sha256)
    try:
        network = torch.jit.load(BytesIO(read_bytes(path)), map_location="cpu")  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError, EOFError) as error:
        raise Refusal(f"{path.name} is cut off or no TorchScript file that this version of torch reads.") from error
    return prepare_network(network.eval(), job.device, key=sha256, channels=channels, multiple=16, job=job)
