"""The trained models: a folder for each, with its weights and a card that says what it is.

Those of resources/models come with the program, those of the models folder are the user's. Weights are safetensors;
a network is a class by its name, and only of a plugin's package or of monai.networks.nets: nothing else is imported.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viewer.compute.job import Refusal
from viewer.compute.net import Ranges
from viewer.data.regular_file import check_regular
from viewer.settings import models_folder

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

BUILT_IN = Path(__file__).parents[2] / "resources" / "models"
CARD = "card.json"
LARGEST_CARD = 1 << 20  # bytes
PACKAGES = ("plugins.", "monai.networks.nets.")  # where a network's class may come from
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
    ranges: of what its convolutions get, where it may compute in 8-bit integers.

    input, output, training, metrics: free entries, for people to read.
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
        return self.folder / self.weights

    @property
    def bytes(self) -> int:
        """Of the weights; 0 where the file is missing."""
        return self.file.stat().st_size if self.file.is_file() else 0

    def verified(self) -> bool:
        """True where the weights are the very file that the card describes. Reads all of it."""
        if not self.file.is_file():
            return False
        with self.file.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256


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
    """The card of a model. Raises Refusal."""
    for card in cards():
        if card.name == name:
            return card
    for path in _files():
        if path.parent.name == name:
            read_card(path)  # says what is wrong with it
    raise Refusal(f"the model {name} is not installed: add it to the models first.")


def load_network(name: str) -> tuple[torch.nn.Module, str]:
    """A model's network in evaluation mode, in float32 on the processor, and the SHA-256 of its weights.

    Raises Refusal where the file is missing or not the one of the card, where the card names a class that is not
    allowed or not there, and where its weights do not fit.
    """
    card = find_card(name)
    return card_network(card), card.sha256


def card_network(card: Card) -> torch.nn.Module:
    """As load_network, of a card."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    if not card.file.is_file():
        raise Refusal(f"the weights of the model {card.title} are missing: {RESTORE}")
    data = card.file.read_bytes()
    if hashlib.sha256(data).hexdigest() != card.sha256:
        raise Refusal(f"the weights of the model {card.title} are not those that its card describes: {RESTORE}")
    try:
        weights = load(data)
    except SafetensorError as error:
        raise Refusal(f"the weights of the model {card.title} are cut off or no safetensors file: {RESTORE}") from error
    kind = _network_class(card)
    try:
        network = kind(**card.arguments)
        network.load_state_dict({key: value.float() for key, value in weights.items()})
    except (TypeError, ValueError, RuntimeError, KeyError, AttributeError) as error:
        log.warning("the weights of %s do not fit its network: %s", card.name, error)
        raise Refusal(
            f"the weights of the model {card.title} do not fit the network that its card names ({card.network}): "
            "get a card and weights that belong together."
        ) from error
    assert isinstance(network, torch.nn.Module)
    return network.eval().requires_grad_(False)


def _network_class(card: Card) -> Any:
    import torch

    module, _, name = card.network.partition(":")
    if not f"{module}.".startswith(PACKAGES) or not name:
        raise Refusal(
            f"the card of the model {card.title} names the network {card.network}, which is neither of a plugin nor of "
            "MONAI: only those are loaded."
        )
    try:
        kind = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise Refusal(f"the network {card.network} of the model {card.title} is not installed ({error}).") from error
    if not (isinstance(kind, type) and issubclass(kind, torch.nn.Module)):
        raise Refusal(f"what the card of the model {card.title} names ({card.network}) is no network.")
    return kind


def _files() -> list[Path]:
    return [path for folder in (BUILT_IN, models_folder()) for path in sorted(folder.glob(f"*/{CARD}"))]


def read_card(path: Path) -> Card:
    """The card in a file. Raises Refusal where it is none, or where an entry is missing or of a wrong kind."""
    try:
        check_regular(path)
        if path.stat().st_size > LARGEST_CARD:
            raise ValueError("it is too large")
        return _card(json.loads(path.read_text(encoding="utf-8")), path.parent)
    except KeyError as error:
        raise Refusal(f"the card of the model {path.parent.name} lacks the entry {error}.") from error
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise Refusal(f"the card of the model {path.parent.name} cannot be read ({error}).") from error


def _card(entries: dict[str, Any], folder: Path) -> Card:
    texts = {key: entries[key] for key in ("name", "version", "title", "task", "summary", "licence", "intended_use")}
    weights, sha256 = entries["weights"], entries["sha256"]
    network = entries["network"]
    texts |= {"weights": weights, "sha256": sha256, "network": network["class"]}
    for key, text in texts.items():
        if not isinstance(text, str):
            raise TypeError(f"{key} is no text")
    if Path(weights).name != weights or weights in ("", ".", ".."):
        raise ValueError("the weights must lie beside the card")
    tables: dict[str, Any] = {key: dict(entries[key]) for key in ("input", "output", "labels", "training", "metrics")}
    return Card(
        **(texts | tables),
        arguments=dict(network.get("arguments", {})),
        ranges={name: _range(*bounds) for name, bounds in network.get("ranges", {}).items()},
        gates=tuple(_gate(gate) for gate in entries["gates"]),
        limits=tuple(str(limit) for limit in entries["limits"]),
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
        str(entries["name"]),
        float(entries["required"]),
        float(entries["measured"]),
        (float(interval[0]), float(interval[1])) if interval else None,
        bool(entries["passed"]),
    )
