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
    from collections.abc import Callable
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
        """How images are prepared for the model."""
        return Preparation(
            self.axes, self.spacing, after=self.steps, decision=self.decision, patch=self.patch, lap=2 * self.halo
        )

    @property
    def halo(self) -> int:
        """Voxels of context at each cut side of a tile."""
        return min(16, min(self.patch) // 4)

    @property
    def intensity(self) -> str:
        """What is done to values, in words."""
        return ", then ".join(step.text for step in self.steps)

    def model(
        self, title: str, kind: str, sha256: str, make: Callable[[Progress], Net], *, is_code: bool = False
    ) -> ExternalModel:
        """The model that it describes, of files of that kind. title: where the card has none."""
        return ExternalModel(
            title=self.title or title,
            kind=kind,
            sha256=sha256,
            channels=self.channels,
            labels=dict(self.labels),
            make=make,
            preparation=self.preparation,
            spacing=self.spacing,
            axes=self.axes,
            intensity=self.intensity,
            patch=self.patch,
            halo=self.halo,
            licence=self.licence,
            is_code=is_code,
        )


def can_read(folder: Path) -> bool:
    """Whether a folder has a card."""
    return (folder / CARD).is_file()


def files(folder: Path) -> list[Path]:
    """The files that are read. Raises Refusal where the card cannot be."""
    return [folder / CARD, *read_card(folder / CARD).files]


def describe(folder: Path, title: str) -> ExternalModel:
    """The model in a folder with safetensors. Raises Refusal."""
    card = read_card(folder / CARD)
    description = description_of(card)
    make = partial(_make, card, len(description.channels))
    return description.model(title, "safetensors with a card", card.sha256, make)


def _make(card: Card, channels: int, job: Progress) -> Net:
    from viewer.compute.networks.backends import prepare_network

    network = card_network(card)
    return prepare_network(
        network, job.device, key=card.key, channels=channels, multiple=16, ranges=card.ranges, job=job
    )


def has_card(path: Path) -> bool:
    """Whether the card beside a file is about it. Raises Refusal where that cannot be read."""
    return can_read(path.parent) and read_card(path.parent / CARD).weights == path.name


def description_beside(path: Path) -> ModelDescription:
    """The description by the card beside a file, empty where there is none. Raises Refusal where it is another's."""
    if not has_card(path):
        return ModelDescription()
    card = read_card(path.parent / CARD)
    if not card.verified():
        others = ", ".join(one.name[:80] for one in card.files[1:])
        more = f" with the weights beside it ({others}), whose SHA-256 counts as well," if others else ""
        raise Refusal(f"{path.name}{more} is not the file that its card describes: put the original file back.")
    return description_of(card)


def description_of(card: Card) -> ModelDescription:
    """The entries of a card that a program understands. Raises Refusal for one that it does not."""
    try:
        return _parse(card)
    except MALFORMED as error:
        raise Refusal(
            f"the card of the model {card.title} has an entry that cannot be understood ({error!r})."
        ) from error


def _parse(card: Card) -> ModelDescription:
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
