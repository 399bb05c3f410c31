"""The models that plugins work with: their cards, and whether the file of each is the one that its card describes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from psygnal import Signal

from viewer.compute.networks.model_cards import Card, cards

if TYPE_CHECKING:
    from viewer.data.arrays import ProgressCallback
    from viewer.session.background import Background, BackgroundCall

State = Literal["verified", "wrong hash", "file missing"]
REASONS: dict[State, str] = {
    "verified": "",
    "wrong hash": "The file of the model {title} is not the one that its card describes: put the original file back.",
    "file missing": "The file of the model {title} is missing: put {file} into its folder.",
}


@dataclass(frozen=True)
class Model:
    """A card, and what was found when its file was looked at."""

    card: Card
    state: State

    @property
    def problem(self) -> str:
        """Why it cannot be used, in one sentence; "" where it can."""
        return REASONS[self.state].format(title=self.card.title, file=self.card.weights)


class Models:
    """installed: every model, the built-in ones first; empty, and `known` False, until the first look has ended.

    Hashing large files takes seconds: `look` does it in the background, and `changed` tells, on the main thread.
    """

    changed = Signal()

    def __init__(self, background: Background) -> None:
        self.installed: tuple[Model, ...] = ()
        self.known = False
        self._background = background
        self._look: BackgroundCall[float, tuple[Model, ...]] | None = None

    def look(self) -> None:
        """Read every card and file again, in the background; one look at a time."""
        if self._look is None:
            self._look = self._background.call("inventory", _models, self._take)

    def look_once(self) -> None:
        """Read them unless that was done."""
        if not self.known:
            self.look()

    def find(self, name: str) -> Model | None:
        """The model that a plugin declares; None where it is not installed, or not known yet."""
        return next((model for model in self.installed if model.card.name == name), None)

    def problem(self, name: str) -> str:
        """Why a plugin that declares this model cannot run, in one sentence; "" where it can, or is not known yet.

        The engine looks at the file again before it loads it.
        """
        model = self.find(name)
        if model is None and not self.known:
            return ""
        return model.problem if model else f"The model {name} is not installed: add it to the models first."

    def _take(self, found: tuple[Model, ...]) -> None:
        self.installed, self.known, self._look = found, True, None
        self.changed.emit()


def _models(tell: ProgressCallback) -> tuple[Model, ...]:
    models, every = [], cards()
    for number, card in enumerate(every):
        tell(number / len(every))
        models.append(Model(card, _state(card)))
    return tuple(models)


def _state(card: Card) -> State:
    if not card.file.is_file():
        return "file missing"
    return "verified" if card.verified() else "wrong hash"
