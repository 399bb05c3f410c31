"""`tune`: the prompted model tuned on the completed cases of a task list, and compared with what it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.cli.exit_codes import BadInput, JobFailed, WrongUse
from viewer.cli.headless_session import HeadlessStage, check_path, finish
from viewer.io.errors import OpenError
from viewer.io.reports.worklist_file import open_worklist
from viewer.session.learning.tuned_models import figures, refusal, split_of

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from viewer.compute.networks.model_cards import Card
    from viewer.data.arrays import Json


def tune(cases: Path, model: str, minutes: float) -> Json:
    """The document that `tune --json` prints: the new model and the table of both.

    Interrupted, it goes on at the next call with the same cases. Raises WrongUse, BadInput, JobFailed.
    """
    if not minutes > 0:
        raise WrongUse(f"--minutes {minutes:g}: give a number above 0.")
    check_path(cases)
    try:
        worklist = open_worklist(cases)
    except OpenError as error:
        raise BadInput(str(error)) from error
    with HeadlessStage() as stage:
        learning, models = stage.session.learning, stage.session.models
        task = finish(stage, learning.tune(worklist, minutes, model))
        stage.until(lambda: models.known)
        card = next((one for one in learning.tuned if one.name == task.text), None)
        if card is None:
            raise JobFailed(f"{task.text} was installed but cannot be used: run `models` to see why.")
        return _document(card)


def _document(card: Card) -> Json:
    split = split_of(card)
    return {
        "model": card.name,
        "base": card.training["base"],
        "folder": str(card.folder),
        "cases": {"train": list(split.train), "held_back": list(split.held_back)},
        "comparison": [vars(one) for one in figures(card)],
        "refused": refusal(card),
    }


def show(document: Json, console: Console) -> None:
    """Print the table for people."""
    cases = document["cases"]
    parts = f"learned from {len(cases['train'])} cases, compared on {len(cases['held_back'])} others"
    console.print(f"{document['model']} ({document['base']} tuned: {parts})", highlight=False)
    console.print(f"{'mean Dice':28}{'n':>4}{'old':>8}{'tuned':>8}", highlight=False)
    for one in document["comparison"]:
        what = "held-back cases" if one["held_back"] else "made-up shapes"
        row = f"{what}, click {one['clicks']}"
        console.print(f"{row:28}{one['structures']:4}{one['old']:8.3f}{one['new']:8.3f}", highlight=False)
    use = f"To use it: run segment_prompt --set method=network --set model={document['model']}"
    console.print(document["refused"] or use, highlight=False)
