"""One door for every kind of model that somebody else made: a folder, a ZIP of it, or a file."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from viewer.compute.loaders import card_model, meshnet, onnx, torchscript
from viewer.compute.loaders.card_model import CARD, description_beside
from viewer.compute.loaders.monai import bundle
from viewer.compute.loaders.nnunet import results_folder
from viewer.compute.model_files.copies import copy_files, private_folder, unpack_zip
from viewer.compute.model_files.trust import trust as let_run
from viewer.compute.progress import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from viewer.compute.loaders.external_model import ExternalModel

FOLDERS = (bundle, results_folder, meshnet, card_model)  # in the order in which they are tried
FILES = (onnx, torchscript)
KNOWN = (
    "a MONAI bundle, an nnU-Net v2 results folder, a brainchop MeshNet (model.json and .bin), safetensors with "
    "card.json, TorchScript (.pt, .ts) or ONNX"
)


@contextmanager
def open_model(path: Path, *, trust: bool = False) -> Iterator[ExternalModel]:
    """The model in a file or a folder, usable within the `with`. trust: let its code run, now and later.

    It is described and loaded from a copy of its files. Nothing of it has run yet. Raises Refusal: one sentence.
    """
    path = path.absolute()
    zipped = path.suffix == ".zip" and path.is_file()
    if not (path.is_file() or path.is_dir()):
        raise Refusal(f"there is no model {path.name} (any more): choose its file or folder.")
    title = path.name if path.is_dir() else path.stem
    with private_folder() as place:
        kind, found = _kind_of(unpack_zip(path, place) if zipped else path, title)
        if not zipped:
            root = found if found.is_dir() else found.parent
            found = copy_files(_files(kind, found), root, place) / found.relative_to(root)
        model: ExternalModel = kind.describe(found, title, *([] if kind in FOLDERS else [description_beside(found)]))
        if trust and model.is_code:
            let_run(model.sha256)
        yield model


def _kind_of(path: Path, title: str) -> tuple[Any, Path]:
    """The module for the model in a file or folder, and the file or folder. Raises Refusal."""
    if path.is_file():
        return _file_kind(path)
    kind = next((kind for kind in FOLDERS if kind.can_read(path)), None)
    single = [one for one in sorted(path.iterdir()) if one.is_file() and any(kind.can_read(one) for kind in FILES)]
    if kind is not None and not (kind is card_model and single):
        return kind, path
    if len(single) != 1:
        raise Refusal(f"{title} is no model that is known here: choose {KNOWN}.")
    return _file_kind(single[0])


def _file_kind(path: Path) -> tuple[Any, Path]:
    """The same for a file by itself."""
    for kind in FILES:
        if kind.can_read(path):
            return kind, path
    if path.suffix == ".safetensors" and card_model.has_card(path):
        return card_model, path.parent
    if path.suffix in (*torchscript.ENDINGS, ".pkl", ".safetensors"):
        raise Refusal(
            f"{path.name} holds weights without their network: choose the folder of its bundle, its nnU-Net results "
            "or its card, or a TorchScript or ONNX file."
        )
    raise Refusal(f"{path.name} is no model that is known here: choose {KNOWN}.")


def _files(kind: Any, path: Path) -> Iterator[Path]:
    """All that is read of a model: what its kind names, and the card beside a file. Raises Refusal."""
    yield from kind.files(path)
    if path.is_file() and (path.parent / CARD).exists():
        yield path.parent / CARD
