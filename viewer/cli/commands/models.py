"""`models`: every trained model with its card, and whether its file is the one that the card describes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from viewer.compute.networks.model_cards import Gate, cards

if TYPE_CHECKING:
    from rich.console import Console

    from viewer.data.arrays import Json


def models() -> list[Json]:
    """The document that `models --json` prints."""
    return [
        {
            "name": card.name,
            "version": card.version,
            "title": card.title,
            "task": card.task,
            "licence": card.licence,
            "sha256": card.sha256,
            "parameters": card.parameters,
            "bytes": card.bytes,
            "verified": card.verified(),
            "gates": [_gate(gate) for gate in card.gates],
            "intended_use": card.intended_use,
            "limits": list(card.limits),
        }
        for card in cards()
    ]


def _gate(gate: Gate) -> Json:
    return {
        "name": gate.name,
        "required": gate.required,
        "measured": gate.measured,
        "interval": list(gate.interval) if gate.interval else None,
        "passed": gate.passed,
    }


def show(document: list[Json], console: Console) -> None:
    """Print them for people."""
    for model in document:
        state = ("verified", "green") if model["verified"] else ("file missing or changed", "red")
        passed = sum(gate["passed"] for gate in model["gates"])
        console.print(Text.assemble((model["name"], "bold"), f"  {model['title']} {model['version']}  ", state))
        facts = (
            f"{model['task']}, {model['licence']}, {model['parameters']} parameters, {model['bytes'] / 2**20:.1f} MB"
        )
        console.print(f"    {facts}, {passed} of {len(model['gates'])} tests passed", highlight=False)
    if not document:
        console.print("No model is installed.")
