"""The trained models: a folder for each, with its weights and a card that says what it is.

Those of resources/models come with the program, those of the models folder are the user's. Weights are safetensors;
a network is a class by its name, and only one of a plugin's file network.py or of those of MONAI that known_networks
lists, with plain arguments: nothing else is imported or made.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viewer.compute.model_files.onnx_weights import data_files
from viewer.compute.model_files.trust import digest
from viewer.compute.model_files.weights_file import MALFORMED, read_bytes, read_json, safetensors
from viewer.compute.networks.known_networks import (
    PLUGIN,
    check_sizes,
    code_reason,
    load_network,
    monai_network,
    plugin_network,
)
from viewer.compute.progress import Refusal
from viewer.data.printable_text import printable
from viewer.settings import models_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from viewer.compute.networks.network import Ranges

log = logging.getLogger(__name__)

BUILT_IN = Path(__file__).parents[3] / "resources" / "models"
CARD = "card.json"
LARGEST_CARD = 1 << 20  # bytes
RESTORE = "put the original file back, or install the model again."


@dataclass(frozen=True)
class Gate:
    """A test that the model had to pass. interval: 95 % confidence bounds of the measured value."""

    name: str
    required: float
    measured: float
    interval: tuple[float, float] | None
    passed: bool


@dataclass(frozen=True)
class Card:
    """What a model is. weights: its file in `folder`; network: "package.module:Class"; labels: value -> name.

    ranges: of what its convolutions get, where it may compute in 8-bit integers. input, output, training, metrics: free
    entries, for people to read.
    """

    name: str
    version: str
    title: str
    task: str
    summary: str
    licence: str
    weights: str
    sha256: str
    network: str
    arguments: dict[str, Any]
    ranges: Ranges
    input: dict[str, Any]
    output: dict[str, Any]
    labels: dict[str, str]
    training: dict[str, Any]
    gates: tuple[Gate, ...]
    metrics: dict[str, Any]
    intended_use: str
    limits: tuple[str, ...]
    parameters: int
    folder: Path

    @property
    def file(self) -> Path:
        """The file of its weights."""
        return self.folder / self.weights

    @property
    def files(self) -> list[Path]:
        """The weights, and those beside an ONNX file that it names. Raises Refusal where one leads out."""
        more = data_files(self.file) if self.file.suffix.lower() == ".onnx" and self.file.is_file() else []
        return [self.file, *more]

    @property
    def bytes(self) -> int:
        """Size of the weights in bytes; 0 where the file is missing."""
        return self.file.stat().st_size if self.file.is_file() else 0

    @cached_property
    def key(self) -> str:
        """SHA-256 of all that makes its network: the weights and what the card tells of it."""
        told = json.dumps([self.sha256, self.network, self.arguments, self.ranges], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()

    def verified(self) -> bool:
        """True where the weights are the very files that the card describes. Reads all of them."""
        try:
            files = self.files
        except Refusal:
            return False
        return all(path.is_file() for path in files) and digest(files, self.folder) == self.sha256


def cards() -> tuple[Card, ...]:
    """Every model, the built-in ones first, by name. A card that cannot be read is left out, and logged."""
    found: dict[str, Card] = {}
    for path in _files():
        try:
            card = read_card(path)
        except Refusal as refusal:
            log.warning("the model in %s is left out: %s", path.parent.name, refusal)
            continue
        if found.setdefault(card.name, card) is not card:
            log.warning("the model in %s is left out: there is another one of its name", path.parent.name)
    return tuple(found.values())


def find_card(name: str) -> Card:
    """The card of the installed model of that name. Raises Refusal where there is none."""
    for card in cards():
        if card.name == name:
            return card
    for path in _files():
        if path.parent.name == name:
            read_card(path)  # says what is wrong with it
    raise Refusal(f"the model {name} is not installed: add it to the models first.")


def card_network(card: Card) -> torch.nn.Module:
    """A model's network in evaluation mode, in float32 on the processor.

    Raises Refusal where the file is missing or not the one of the card, where the card asks for a network that is not
    allowed or not there, and where its weights do not fit.
    """
    if not card.file.is_file():
        raise Refusal(f"the weights of the model {card.title} are missing: {RESTORE}")
    data = read_bytes(card.file)
    if hashlib.sha256(data).hexdigest() != card.sha256:
        raise Refusal(f"the weights of the model {card.title} are not those that its card describes: {RESTORE}")
    weights = safetensors(data, f"the file {card.weights} of the model {card.title}")
    make = _maker(card)
    try:
        return load_network(make, weights)
    except Refusal:
        raise
    except ImportError as error:
        raise Refusal(f"the network {card.network} of the model {card.title} is not installed ({error}).") from error
    except (RuntimeError, *MALFORMED) as error:
        log.warning("the weights of %s do not fit its network: %s", card.name, error)
        raise Refusal(
            f"the weights of the model {card.title} do not fit the network that its card names ({card.network}): "
            "get a card and weights that belong together."
        ) from error


def _maker(card: Card) -> Callable[[], torch.nn.Module]:
    """What makes a card's network. Raises Refusal where it is none of those that are made."""
    check_sizes(card.arguments, card.title)
    module, _, name = card.network.partition(":")
    if PLUGIN.fullmatch(module) and name:
        return partial(plugin_network, module, name, card.arguments)
    code = code_reason(card.network, card.arguments)
    if code:
        raise Refusal(
            f"the card in {card.folder.name} asks for more than a network that is known here ({code}): only those "
            "of plugins and the usual ones of MONAI are made, with plain numbers and names."
        )
    return partial(monai_network, card.network, card.arguments)


def _files() -> list[Path]:
    return [path for folder in (BUILT_IN, models_folder()) for path in sorted(folder.glob(f"*/{CARD}"))]


def read_card(path: Path) -> Card:
    """The card in a file. Raises Refusal where it is none, or where an entry is missing or of a wrong kind."""
    try:
        return _card(read_json(path, LARGEST_CARD), path.parent)
    except KeyError as error:
        raise Refusal(f"the card of the model {path.parent.name} lacks the entry {error}.") from error
    except MALFORMED as error:
        raise Refusal(f"the card of the model {path.parent.name} cannot be read ({error}).") from error


def _card(entries: dict[str, Any], folder: Path) -> Card:
    texts = {key: entries[key] for key in ("name", "version", "title", "task", "summary", "licence", "intended_use")}
    weights, sha256 = entries["weights"], entries["sha256"]
    network = entries["network"]
    files = {"weights": weights, "sha256": sha256, "network": network["class"]}
    for key, text in (texts | files).items():
        if not isinstance(text, str):
            raise TypeError(f"{key} is no text")
    if Path(weights).name != weights or weights in ("", ".", "..") or "\0" in weights:
        raise ValueError("the weights must lie beside the card")
    tables: dict[str, Any] = {key: dict(entries[key]) for key in ("input", "output", "labels", "training", "metrics")}
    return Card(
        **({key: printable(text) for key, text in texts.items()} | files | tables),
        arguments=dict(network.get("arguments", {})),
        ranges={name: _range(*bounds) for name, bounds in network.get("ranges", {}).items()},
        gates=tuple(_gate(gate) for gate in entries["gates"]),
        limits=tuple(printable(str(limit)) for limit in entries["limits"]),
        parameters=int(entries["parameters"]),
        folder=folder,
    )


def _range(low: float, high: float) -> tuple[float, float]:
    if not (0 < high < float("inf") and low in (0, -high)):
        raise ValueError("a range neither begins at 0 nor lies evenly around it")
    return float(low), float(high)


def _gate(entries: dict[str, Any]) -> Gate:
    interval = entries.get("interval")
    return Gate(
        printable(str(entries["name"])),
        float(entries["required"]),
        float(entries["measured"]),
        (float(interval[0]), float(interval[1])) if interval else None,
        bool(entries["passed"]),
    )
