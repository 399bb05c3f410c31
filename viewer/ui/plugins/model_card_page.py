"""A model's card, to read: what it is for, what it was tested on and how, what it must not be used for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QVBoxLayout, QWidget

from viewer.data.printable_text import printable
from viewer.ui.widgets import text_format
from viewer.ui.widgets.basics import label
from viewer.ui.widgets.table import StateCell, Table, state_cell

if TYPE_CHECKING:
    from viewer.compute.networks.model_cards import Card, Gate
    from viewer.session.runs.installed_models import Model, State

STATES: dict[State, StateCell] = {
    "verified": StateCell("good", "verified", "good"),
    "wrong hash": StateCell("error", "wrong hash", "danger"),
    "file missing": StateCell("warning", "file missing", "warning"),
}


class ModelCardPage(QWidget):
    """One model."""

    def __init__(self, model: Model, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        card = model.card
        self.setAccessibleName(f"Model card of {card.title}")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(16, 0, 16, 8)
        self._column.setSpacing(8)
        self._column.addWidget(label(card.title, "title"))
        self._column.addWidget(label(f"Version {card.version} · {card.task} · {card.licence}", "dim"))
        self._column.addWidget(state_cell(STATES[model.state]))
        if model.problem:
            self._column.addWidget(label(model.problem, STATES[model.state].role))
        self._column.addWidget(label(card.summary, selectable=True))
        self._section("Intended use", label(card.intended_use, selectable=True) if card.intended_use else None)
        limits = [("•", limit) for limit in card.limits]
        self._section("Limits", Table((), limits, wide={1: 1}) if limits else None)
        self._section("Tests it had to pass", _gates(card))
        self._section("Input and output", _facts(inputs_and_outputs(card)))
        self._section("Trained on", _data(card))
        self._section("Training", _facts(training(card)))
        self._section("Licence and file", _facts(file_facts(card)))
        self._column.addStretch()

    def _section(self, title: str, content: QWidget | None) -> None:
        if content is not None:
            self._column.addSpacing(8)
            self._column.addWidget(label(title, "heading"))
            self._column.addWidget(content)


def _facts(pairs: list[tuple[str, str]]) -> QWidget | None:
    rows = [pair for pair in pairs if pair[1]]
    return Table((), rows, wide={1: 1}) if rows else None


def _gates(card: Card) -> QWidget:
    if not card.gates:
        return label("Its card records no test: judge every result by the original.", "warning")
    rows = [(gate.name, bound_text(gate), measured_text(gate), PASSED[gate.passed]) for gate in card.gates]
    return Table(("Test", "Required", "Measured (95 % interval)", ""), rows, wide={0: 1}, right=(1, 2))


PASSED = {True: StateCell("good", "passed", "good"), False: StateCell("error", "not passed", "danger")}


def bound_text(gate: Gate) -> str:
    """The bound with its side, which follows from whether the measured value passed."""
    if gate.measured == gate.required:
        return text_format.number(gate.required)
    return f"{'≥' if (gate.measured > gate.required) == gate.passed else '≤'} {text_format.number(gate.required)}"


def measured_text(gate: Gate) -> str:
    """The value, and its interval where there is one."""
    value = text_format.number(gate.measured)
    if gate.interval is None:
        return value
    low, high = (text_format.number(bound) for bound in gate.interval)
    return f"{value} ({low} to {high})"


def key_figure(card: Card) -> str:
    """The first test's result in a few words: "Gain over NLM, MR 5 %: 1.6 (required ≥ 1)"; "" without tests."""
    if not card.gates:
        return ""
    gate = card.gates[0]
    return f"{gate.name}: {text_format.number(gate.measured)} (required {bound_text(gate)})"


def inputs_and_outputs(card: Card) -> list[tuple[str, str]]:
    """What goes in and what comes out."""
    labels = ", ".join(printable(f"{value} {name}") for value, name in card.labels.items())
    return [*_described(card.input), *((f"Output, {name.lower()}", text) for name, text in _described(card.output)),
            ("Labels", labels)]  # fmt: skip


def training(card: Card) -> list[tuple[str, str]]:
    """How it was trained, apart from the data."""
    return _described({name: value for name, value in card.training.items() if name != "data"})


def file_facts(card: Card) -> list[tuple[str, str]]:
    """What the file is."""
    return [
        ("Licence", card.licence),
        ("Parameters", f"{card.parameters:,}".replace(",", " ") if card.parameters else ""),
        ("Size", text_format.size(card.bytes)),
        ("File", card.weights),
        ("SHA-256", card.sha256),
        ("Network", card.network),
    ]


def _data(card: Card) -> QWidget | None:
    rows = [
        tuple(_text(one.get(key, "")) for key in ("name", "licence", "use")) for one in card.training.get("data", ())
    ]
    return Table(("Data", "Licence", "Use"), rows, wide={0: 3, 1: 1, 2: 1}) if rows else None


def _described(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """A card's free entries as pairs of a name and a text."""
    return [(printable(name).replace("_", " ").capitalize(), _text(value)) for name, value in facts.items()]


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_text, value))
    if isinstance(value, dict):
        return ", ".join(f"{printable(name)} {_text(one)}" for name, one in value.items())
    if isinstance(value, float):
        return text_format.number(value)
    return printable(str(value))
