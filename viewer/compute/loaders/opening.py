"""One door for every kind of model that somebody else made: a folder, a ZIP of it, or a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from viewer.compute.job import Refusal
from viewer.compute.loaders import carded, monai_bundle, nnunet, onnx_file, tfjs, torchscript
from viewer.compute.loaders.carded import CARD, Told, told_by
from viewer.compute.loaders.files import unpacked
from viewer.compute.loaders.foreign import Foreign
from viewer.compute.loaders.trust import trust as let_run
from viewer.compute.models import read_card
from viewer.data.regular_file import check_regular

FOLDERS = (monai_bundle, nnunet, tfjs, carded)  # in the order in which they are tried
KNOWN = (
    "a MONAI bundle, an nnU-Net v2 results folder, a brainchop MeshNet (model.json and .bin), safetensors with "
    "card.json, TorchScript (.pt, .ts) or ONNX"
)


@contextmanager
def open_model(path: Path, *, trust: bool = False) -> Iterator[Foreign]:
    """The model in a file or a folder, usable within the `with`. trust: let its code run, now and later.

    Nothing of it has run yet. Raises Refusal: one sentence.
    """
    if not path.exists():
        raise Refusal(f"there is no model {path.name} (any more): choose its file or folder.")
    try:
        check_regular(path)
    except IsADirectoryError:
        pass  # most kinds are folders
    except OSError as error:
        raise Refusal(f"the model {path.name} cannot be opened: {error.strerror}.") from error
    title = path.name.removesuffix(".zip") if path.suffix == ".zip" else path.name if path.is_dir() else path.stem
    if path.is_file() and path.suffix != ".zip":
        model = _described_file(path, title)
        yield _trusted(model, trust)
        return
    with unpacked(path) as folder:
        yield _trusted(_described_folder(folder, title), trust)


def _trusted(model: Foreign, trust: bool) -> Foreign:
    if trust and model.is_code:
        let_run(model.sha256)
    return model


def _described_folder(folder: Path, title: str) -> Foreign:
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    single = [path for path in files if torchscript.looks_like(path) or onnx_file.looks_like(path)]
    for kind in FOLDERS:
        if kind.looks_like(folder) and not (kind is carded and single):
            model: Foreign = kind.describe(folder, title)
            return model
    if len(single) == 1:
        return _described_file(single[0], title)
    raise Refusal(f"{title} is no model that is known here: choose {KNOWN}.")


def _described_file(path: Path, title: str) -> Foreign:
    """A file by itself, or with the card beside it that names it."""
    card = read_card(path.parent / CARD) if (path.parent / CARD).is_file() else None
    told = Told()
    if card is not None and card.weights == path.name:
        if not card.verified():
            raise Refusal(f"{path.name} is not the file that its card describes: put the original file back.")
        told = told_by(card)
    if onnx_file.looks_like(path):
        return onnx_file.describe(path, title, told)
    if torchscript.looks_like(path):
        return torchscript.describe(path, title, told)
    if path.suffix == ".safetensors" and card is not None and card.weights == path.name:
        return carded.describe(path.parent, title)
    if path.suffix in (*torchscript.ENDINGS, ".pkl", ".safetensors"):
        raise Refusal(
            f"{path.name} holds weights without their network: choose the folder of its bundle, its nnU-Net results "
            "or its card, or a TorchScript or ONNX file."
        )
    raise Refusal(f"{path.name} is no model that is known here: choose {KNOWN}.")
