"""Learning from corrections: tune the prompted model, see old and tuned side by side, use the one or the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtGui import QRegion
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from viewer.session.learning.tuned_models import Figure, figures, split_of
from viewer.ui.widgets import theme
from viewer.ui.widgets.basics import Bar, button, discard, label, set_role
from viewer.ui.widgets.table import Cell, StateCell, Table

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent, QResizeEvent, QShowEvent

    from viewer.compute.networks.model_cards import Card
    from viewer.session.review.worklist_session import WorklistSession
    from viewer.session.session import Session

INTRODUCTION = (
    "Structures that you accept teach the model of the prompts: those of the open list's completed cases, else of the "
    "open images. About every third case is held back: on these, and made-up shapes, both models are compared."
)
HEAD = ("Mean Dice", "Old", "Tuned", "Change")
SAME = 0.0005  # of a Dice coefficient: what three digits do not show


class LearningSection(QWidget):
    """shown: the tuned model whose figures are seen; None without one."""

    def __init__(self, session: Session, controller: WorklistSession) -> None:
        super().__init__()
        self.learning, self.models, self.controller = session.learning, session.models, controller
        self.warn = session.messages.warn
        self.shown: Card | None = None
        self._cards: tuple[Card, ...] = ()
        self.note, self.problem = label(INTRODUCTION, "dim"), label(role="warning")
        self.tune = button("Tune", "ai", self._tune, "primary", theme.CHROME)
        self.cancel = button("Cancel", "cancel", self._cancel, "quiet")
        self.bar, self.state = Bar("Progress of the tuning"), label(role="dim")
        self.choice = QComboBox()
        self.choice.setAccessibleName("Tuned model")
        self.comparison = Seen()
        self.facts, self.reason = label(role="dim"), label(role="warning")
        self.use = button("Use the tuned model", "accepted", self._use)
        self.take_back = button("Take back", "undo", self._take_back)
        self.in_use = label(role="dim")
        self._build()
        self._tip()
        self.choice.activated.connect(lambda _: self._show(self.choice.currentData()))
        self.comparison.seen.connect(self._note_seen)
        self.learning.changed.connect(self.refresh)
        self.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        """Look which models there are, once somebody may want one."""
        self.models.look_once()
        super().showEvent(event)

    def refresh(self, *_: object) -> None:
        """Show what runs, the chosen tuned model beside the old one, and what can be done."""
        learning, task = self.learning, self.learning.task
        problem = self.models.problem(learning.chosen)
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        self.tune.setEnabled(not learning.running and not problem)
        for widget in (self.bar, self.cancel):
            widget.setVisible(learning.running)
        if task is not None:
            self.bar.advance(task.progress)
            failed = task.state == "failed"
            self.state.setText(task.error if failed else task.text if task.running else "")
            set_role(self.state, "warning" if failed else "dim")
        self.state.setVisible(bool(self.state.text()))
        self._offer()
        reason = learning.obstacle(self.shown) if self.shown else ""
        self.reason.setText(reason)
        self.reason.setVisible(bool(reason))
        self.use.setEnabled(self.shown is not None and not reason and self.shown.name != learning.chosen)
        self.take_back.setEnabled(learning.can_take_back)
        self.in_use.setText(f"The method Network asks the model {learning.chosen}.")

    # ---- the tuned models
    def _offer(self) -> None:
        """List them; the newest is seen at first, and the one that was just made."""
        cards, before = self.learning.tuned, self._cards
        if before != cards:
            self._cards = cards
            with QSignalBlocker(self.choice):
                self.choice.clear()
                for card in cards:
                    self.choice.addItem(card.name, card)
            names = {card.name for card in before}
            new = [card for card in cards if card.name not in names]
            same = [card for card in cards if self.shown and card.name == self.shown.name]
            self._show(max(new or same or cards, key=lambda card: card.file.stat().st_mtime, default=None))
        self.choice.setVisible(len(cards) > 1)
        for widget in (self.comparison, self.facts, self.use, self.take_back, self.in_use):
            widget.setVisible(bool(cards) or self.learning.can_take_back)

    def _show(self, card: Card | None) -> None:
        self.shown = card
        with QSignalBlocker(self.choice):
            self.choice.setCurrentIndex(self.choice.findText(card.name) if card else -1)
        self.comparison.fill([_row(one) for one in figures(card)] if card else [])
        self.facts.setText(_facts(card) if card else "")
        self.refresh()

    def _note_seen(self) -> None:
        if self.shown is not None:
            self.learning.note_shown(self.shown)

    # ---- deeds
    def _tune(self) -> None:
        self.learning.tune(self.controller.worklist)

    def _cancel(self) -> None:
        if self.learning.task is not None:
            self.learning.task.cancel()

    def _use(self) -> None:
        if self.shown is not None:
            try:
                self.learning.choose(self.shown)
            except ValueError as error:
                self.warn(str(error))

    def _take_back(self) -> None:
        try:
            self.learning.take_back()
        except ValueError as error:
            self.warn(str(error))

    def _tip(self) -> None:
        for one, tip in (
            (self.tune, "At most 10 minutes, beside your work; nothing leaves this machine"),
            (self.cancel, "What was tuned so far is kept: tune again to go on"),
            (self.use, "It answers prompts by the method Network from now on"),
            (self.take_back, "The model that answered before answers again"),
        ):
            one.setToolTip(tip)

    def _build(self) -> None:
        run, deeds = QHBoxLayout(), QHBoxLayout()
        run.addWidget(self.tune, 1)
        run.addWidget(self.cancel)
        for deed in (self.use, self.take_back):
            deeds.addWidget(deed)
        deeds.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for widget in (self.note, self.problem):
            column.addWidget(widget)
        column.addLayout(run)
        for part in (self.bar, self.state, self.choice, self.comparison, self.facts, self.reason):
            column.addWidget(part)
        column.addLayout(deeds)
        column.addWidget(self.in_use)


class Seen(QWidget):
    """A table of figures. seen: every part of it has been on the screen since it was filled."""

    seen = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._unseen = QRegion()
        self._table: QWidget | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self.setAccessibleName("Old and tuned model, compared")

    def fill(self, rows: list[tuple[Cell, ...]]) -> None:
        """Show other rows; none: nothing."""
        if self._table is not None:
            discard(self._table)
        self._table = Table(HEAD, rows, wide={0: 1}, right=(1, 2, 3)) if rows else None
        if self._table is not None and (column := self.layout()) is not None:
            column.addWidget(self._table)
        self._unseen = QRegion(self.rect())
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """It lies elsewhere now: what was seen is to be seen again."""
        super().resizeEvent(event)
        self._unseen = QRegion(self.rect())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Note which part is on the screen."""
        super().paintEvent(event)
        if self._table is not None and not self._unseen.isEmpty():
            self._unseen -= self.visibleRegion()
            if self._unseen.isEmpty():
                self.seen.emit()


def _row(one: Figure) -> tuple[Cell, ...]:
    where = "Held back" if one.held_back else "Made up"
    clicks = "1 click" if one.clicks == 1 else f"{one.clicks} clicks"
    change = one.new - one.old
    role = "" if abs(change) < SAME else "good" if change > 0 else "danger"
    icon = {"good": "up", "danger": "down"}.get(role, "")
    told = StateCell(icon, f"{change:+.3f}".replace("-", "−"), role) if icon else "0.000"
    return f"{where}, {clicks}", f"{one.old:.3f}", f"{one.new:.3f}", told


def _facts(card: Card) -> str:
    """How many cases and structures the figures are of."""
    split, found = split_of(card), figures(card)
    held_back = max((one.structures for one in found if one.held_back), default=0)
    few = " Differences on so few can be chance." if held_back < 30 else ""
    return (
        f"Old: {card.training['base']}. Learned from {_count(len(split.train), 'case')}, compared on "
        f"{_count(held_back, 'structure')} of {_count(len(split.held_back), 'held-back case')}.{few}"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
