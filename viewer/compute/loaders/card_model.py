"""Models with a card.json beside their weights: safetensors, or a TorchScript or ONNX file that it describes.

The card's input may have an entry "prepare", which tells a program what "spacing" and "intensity" tell a person:
{"spacing": [mm, mm, mm], "axes": "RAS", "intensity": [{"kind": "range", "low": …, "high": …, "clip": true}, …]},
its output "threshold" (for overlapping labels) and "patch".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from viewer.compute.loaders.external_model import Decision, ExternalModel
from viewer.compute.loaders.preprocessing.intensity import Clip, Quantiles, Range, Step, ZScore
from viewer.compute.loaders.preprocessing.orientation import WORLD, Preparation, spacing_of
from viewer.compute.model_files.weights_file import MALFORMED
from viewer.compute.networks.model_cards import Card, card_network, read_card
from viewer.compute.progress import Progress, Refusal

if TYPE_CHECKING:
    from pathlib import Path

    from viewer.compute.networks.network import Net
    from viewer.data.box import Shape

CARD = "card.json"
MOST_CHANNELS = 64
STEPS: dict[str, type[Step]] = {"range": Range, "quantiles": Quantiles, "zscore": ZScore, "clip": Clip}


@dataclass(frozen=True)
class ModelDescription:
    """What a card tells a program. decision: None for a model that makes an image."""

    title: str = ""
    licence: str = ""
    channels: tuple[str, ...] = ()
    labels: tuple[tuple[int, str], ...] = ()
    spacing: tuple[float, ...] | None = None
    axes: str = "kji"
    steps: tuple[Step, ...] = ()
    decision: Decision | None = None
    patch: Shape = (96, 96, 96)

    @property
    def preparation(self) -> Preparation:
        return Preparation(
            self.axes, self.spacing, after=self.steps, decision=self.decision, patch=self.patch, lap=2 * self.halo
        )

    @property
    def halo(self) -> int:
        return min(16, min(self.patch) // 4)

    @property
    def intensity(self) -> str:
        return ", then ".join(step.text for step in self.steps)


def looks_like(folder: Path) -> bool:
    return (folder / CARD).is_file()


def files(folder: Path) -> list[Path]:
    """All that is read. Raises Refusal."""
    return [folder / CARD, *read_card(folder / CARD).files]


def describe(folder: Path, title: str) -> ExternalModel:
    """The model in a folder with safetensors. Raises Refusal."""
    card = read_card(folder / CARD)
    told = told_by(card)
    return ExternalModel(
        title=told.title or title,
        kind="safetensors with a card",
        sha256=card.sha256,
        channels=told.channels,
        labels=dict(told.labels),
        make=partial(_make, card, len(told.channels)),
        preparation=told.preparation,
        spacing=told.spacing,
        axes=told.axes,
        intensity=told.intensity,
        patch=told.patch,
        halo=told.halo,
        licence=told.licence,
    )


def _make(card: Card, channels: int, job: Progress) -> Net:
    from viewer.compute.networks.backends import ready

    network = card_network(card)
    return ready(network, job.device, key=card.key, channels=channels, multiple=16, ranges=card.ranges, job=job)


def names(path: Path) -> bool:
    """Whether the card beside a file is about it. Raises Refusal where that cannot be read."""
    return looks_like(path.parent) and read_card(path.parent / CARD).weights == path.name


def told_beside(path: Path) -> ModelDescription:
    """What the card beside a file tells of it; nothing where there is none. Raises Refusal where it is another's."""
    if not names(path):
        return ModelDescription()
    card = read_card(path.parent / CARD)
    if not card.verified():
        others = ", ".join(one.name[:80] for one in card.files[1:])
        more = f" with the weights beside it ({others}), whose SHA-256 counts as well," if others else ""
        raise Refusal(f"{path.name}{more} is not the file that its card describes: put the original file back.")
    return told_by(card)


def told_by(card: Card) -> ModelDescription:
    """The entries of a card that a program understands. Raises Refusal."""
    try:
        return _told(card)
    except MALFORMED as error:
        raise Refusal(
            f"the card of the model {card.title} has an entry that cannot be understood ({error!r})."
        ) from error


def _told(card: Card) -> ModelDescription:
    prepare: dict[str, Any] = card.input.get("prepare", {})
    axes, spacing = str(prepare.get("axes", "kji")), prepare.get("spacing")
    if axes not in ("kji", "ijk") and sorted(WORLD[letter][0] for letter in axes) != [0, 1, 2]:
        raise ValueError(f"axes are not {axes}")
    sizes = spacing_of(spacing) if spacing else None
    patch = tuple(int(n) for n in card.output.get("patch", (96, 96, 96)))
    if len(patch) != 3 or not all(16 <= n <= 512 for n in patch):
        raise ValueError("a patch is not three sensible sizes")
    labels = tuple(sorted((int(value), name) for value, name in card.labels.items() if int(value)))
    channels, threshold = tuple(map(str, card.input["channels"])), card.output.get("threshold")
    if not 1 <= len(channels) <= MOST_CHANNELS:
        raise ValueError(f"{len(channels)} channels")
    decision = Decision() if threshold is None else Decision(tuple(value for value, _ in labels), float(threshold))
    return ModelDescription(
        title=card.title,
        licence=card.licence,
        channels=channels,
        labels=labels,
        spacing=sizes,
        axes=axes,
        steps=tuple(_step(dict(one)) for one in prepare.get("intensity", ())),
        decision=decision if labels else None,
        patch=(patch[0], patch[1], patch[2]),
    )


def _step(entry: dict[str, Any]) -> Step:
    return STEPS[entry.pop("kind")](**entry)
