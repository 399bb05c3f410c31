"""Tuned models as entries among the models: card and weights, and the figures of old and new that the card holds."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from viewer.compute.model_files.weights_file import MALFORMED, read_json
from viewer.compute.networks.model_cards import CARD, LARGEST_CARD
from viewer.files import atomic_write
from viewer.session.learning.case_split import Split
from viewer.settings import models_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from viewer.compute.networks.model_cards import Card
    from viewer.data.arrays import Json
    from viewer.plugin.tuning import Score, Tuned, TuningRequest

WEIGHTS = "weights.safetensors"
TUNED = "-tuned-"  # between the name of a model and what tells its tuned ones apart
FALL = 0.01  # of the Dice coefficient on made-up structures, at most
BETTER, KEPT = "Dice after 1 click on held-back cases, tuned minus old", "Dice on made-up shapes, tuned minus old"
REASONS = {
    BETTER: "It is no better than the old model on the held-back cases after one click ({:+.3f}): the old one stays.",
    KEPT: "It has unlearned too much: on made-up shapes its Dice falls by {:.3f}: the old one stays.",
}


@dataclass(frozen=True)
class Figure:
    """Mean Dice of both models after so many clicks, on so many structures: of held-back cases, or made up."""

    held_back: bool
    clicks: int
    old: float
    new: float
    structures: int


def means(scores: Iterable[Score]) -> tuple[Figure, ...]:
    """The figures of a comparison: held-back cases first, then by clicks."""
    groups: dict[tuple[bool, int], list[Score]] = {}
    for score in scores:
        groups.setdefault((not score.case, score.clicks), []).append(score)
    return tuple(
        Figure(not made_up, clicks, fmean(one.old for one in ones), fmean(one.new for one in ones), len(ones))
        for (made_up, clicks), ones in sorted(groups.items())
    )


def figures(card: Card) -> tuple[Figure, ...]:
    """Those that the card of a tuned model holds; () where it holds none."""
    try:
        return tuple(Figure(**entry) for entry in card.metrics["comparison"])
    except MALFORMED:
        return ()


def is_tuned(card: Card, plugin_id: str) -> bool:
    """Whether it is a model that was tuned here for that plugin."""
    return card.training.get("tuned_for") == plugin_id and isinstance(card.training.get("base"), str)


def split_of(card: Card) -> Split:
    """The cases that a tuned model was learned from, and those that were held back; none for any other model."""
    try:
        parts = [tuple(map(str, card.training.get(name, ()))) for name in ("cases", "held_back")]
    except MALFORMED:
        return Split()
    return Split(*parts)


def refusal(card: Card) -> str:
    """Why a tuned model may not take the place of the old one, in one sentence; "" where it may."""
    if not figures(card) or not card.gates:
        return "Its card does not say how it compares with the old model: the old one stays."
    failed = next((gate for gate in card.gates if not gate.passed), None)
    if failed is None:
        return ""
    reason = REASONS.get(failed.name, "It has not passed its tests: the old one stays.")
    return reason.format(failed.measured if failed.name == BETTER else -failed.measured)


def install(base: Card, plugin_id: str, request: TuningRequest, tuned: Tuned, split: Split) -> str:
    """Add a tuned model to the user's models, whole or not at all; its name. Slow: not for the main thread.

    Raises ValueError, one sentence, where the disk does not take it.
    """
    sha256 = hashlib.sha256(tuned.weights).hexdigest()
    name = f"{base.name.partition(TUNED)[0]}{TUNED}{sha256[:8]}"
    card = {**_card(base, plugin_id, request, tuned, split), "name": name, "sha256": sha256}
    data = {WEIGHTS: tuned.weights, CARD: json.dumps(card, indent=1, ensure_ascii=False).encode()}
    folder = models_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        atomic_write.sweep(folder)
        with atomic_write.temporary_folder(folder) as beside:
            made = beside / name
            made.mkdir()
            for file, content in data.items():
                (made / file).write_bytes(content)
                atomic_write.flush(made / file)
            if not (folder / name).exists():  # the very same weights were installed before
                made.replace(folder / name)
        atomic_write.flush(folder)
    except OSError as error:
        reason = atomic_write.failure_reason(error, folder, sum(map(len, data.values())))
        raise ValueError(
            f"The tuned model was not installed, for {reason}; then tune again: nothing is lost."
        ) from error
    return name


def _card(base: Card, plugin_id: str, request: TuningRequest, tuned: Tuned, split: Split) -> Json:
    """The base's card with what the tuning changed. Its ranges for 8-bit integers hold no longer."""
    entries: Json = read_json(base.folder / CARD, LARGEST_CARD)
    found = means(tuned.scores)
    cases, held_back = len(split.train), len(split.held_back)
    before = split_of(base)
    own = {"name": f"accepted structures of {cases} cases", "licence": "that of the images", "use": "tuning"}
    training: dict[str, Any] = {
        "data": [*base.training.get("data", ()), own],
        "tuned_for": plugin_id,
        "base": base.name,
        "base_sha256": base.sha256,
        "cases": sorted({*before.train, *split.train}),
        "held_back": sorted({*before.held_back, *split.held_back}),
        "structures": len(request.train),
        "steps": tuned.steps,
        "seconds": round(tuned.seconds, 1),
        "seed": request.seed,
        "device": "cpu",
    }
    limit = f"Tuned on {cases} cases and compared on {held_back}: nothing is known of images unlike theirs."
    return {
        **entries,
        "title": f"{base.title.partition(', tuned')[0]}, tuned",
        "summary": f"{base.name}, tuned on accepted corrections of {cases} cases.",
        "weights": WEIGHTS,
        "network": {"class": base.network, "arguments": base.arguments},
        "training": training,
        "gates": _gates(found),
        "metrics": {"comparison": [vars(one) for one in found]},
        "limits": [*base.limits, limit],
    }


def _gates(found: tuple[Figure, ...]) -> list[Json]:
    first = next(one for one in found if one.held_back and one.clicks == 1)
    made_up = [one.new - one.old for one in found if not one.held_back]
    better, kept = first.new - first.old, sum(made_up) / len(made_up)
    return [
        {"name": BETTER, "required": 0.0, "measured": round(better, 4), "interval": None, "passed": better > 0},
        {"name": KEPT, "required": -FALL, "measured": round(kept, 4), "interval": None, "passed": kept >= -FALL},
    ]
