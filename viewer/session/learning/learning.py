"""Learning from corrections: the prompted model is tuned on accepted structures, and stands beside the old one.

It may take the old one's place only after the comparison of both was shown; one step takes that back. Nothing leaves
the machine, and no image is kept: what a tuning goes on from are weights.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from psygnal import Signal

from viewer.compute.networks.model_cards import find_card
from viewer.compute.progress import Cancelled
from viewer.files import atomic_write
from viewer.plugin.tuning import TuningRequest, submit_tuning
from viewer.session.learning.accepted_cases import MOST, NONE, open_structures, worklist_cases
from viewer.session.learning.case_split import Split, split_cases
from viewer.session.learning.tuned_models import figures, install, is_tuned, refusal, split_of
from viewer.session.runs.prompts import PLUGIN
from viewer.settings import config_folder, state_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from viewer.compute.engine.engine import Engine
    from viewer.compute.networks.model_cards import Card
    from viewer.io.reader.reader import Reader
    from viewer.plugin.tuning import Tuned, TuningCase
    from viewer.scene.document import Document
    from viewer.scene.task import Task
    from viewer.scene.worklist import Worklist
    from viewer.session.background import Background
    from viewer.session.review.audit_trail import AuditTrail
    from viewer.session.runs.installed_models import Models
    from viewer.session.runs.prompts import SegmentPrompts
    from viewer.session.tasks import Tasks

log = logging.getLogger(__name__)

MINUTES = 10.0
UNFINISHED = 3  # tunings that are kept to go on with
CHOICE = "prompt-model.json"  # in the folder of the configuration: the models that were chosen, the one in use last
SEE_FIRST = "Look at the comparison of the old and the tuned model first: it can be chosen after that."
GOES_ON = "{} What was tuned so far is kept: tune again to go on."


class Learning:
    """task: the tuning that runs, or ran last. changed: that, the tuned models, or which model is in use."""

    changed = Signal()

    def __init__(
        self, document: Document, engine: Engine, reader: Reader, prompts: SegmentPrompts, models: Models,
        trail: AuditTrail, background: Background, tasks: Tasks,
    ) -> None:  # fmt: skip
        """engine: of its own, so that prompts need not wait while a model is tuned."""
        self._document, self._engine, self._reader = document, engine, reader
        self._prompts, self._models, self._trail = prompts, models, trail
        self._background, self._tasks = background, tasks
        self._shown: set[str] = set()
        self._chosen = _read_choice()
        self._first = prompts.model
        self.task: Task | None = None
        prompts.model = self.chosen
        models.changed.connect(self.changed.emit)

    # ---- tuning
    @property
    def running(self) -> bool:
        """Whether a tuning is under way."""
        return self.task is not None and self.task.running

    def tune(self, worklist: Worklist | None = None, minutes: float = MINUTES, model: str = "") -> Task:
        """Tune a model, else the one in use, on what is accepted: in completed cases of a task list, else what is open.

        It goes on where an earlier tuning on the same structures was cancelled. The tuned model is added to the models;
        the task's text is its name then.
        """
        if self.task is not None and self.task.running:
            return self.task
        model = model or self.chosen
        task = self.task = self._tasks.add("tune", f"Tune {model}")
        task.stop = partial(task.end, "cancelled")
        task.events.connect(lambda *_: self.changed.emit())
        task.begin()
        tell = self._background.progress(task, "gathering accepted structures")
        there = [] if worklist is not None else open_structures(self._document)

        def gather() -> list[TuningCase]:
            if worklist is not None:
                return worklist_cases(worklist, self._reader, lambda fraction: tell(0.0))
            return [case for one in there for case in one.cases()]

        self._background.run(task, self._prepare, task, model, gather, minutes)
        self.changed.emit()
        return task

    def close(self) -> None:
        """Stop: what was tuned so far stays."""
        if self.task is not None:
            self.task.cancel()
        self._engine.close()

    def _prepare(self, task: Task, model: str, gather: Callable[[], list[TuningCase]], minutes: float) -> None:
        """In the background: what is asked of the engine."""
        try:
            cases = _first_of_each(gather())
            if not cases:
                raise ValueError(NONE)
            base = find_card(model)
            split = split_cases({one.case for one in cases}, split_of(base))
        except Cancelled:
            return
        except ValueError as error:
            self._background.fail(task, _sentence(str(error)))
            return
        parts = [tuple(one for one in cases if one.case in part) for part in (split.train, split.held_back)]
        folder = _folder(base, cases)
        request = TuningRequest(base.name, parts[0], parts[1], folder, minutes)
        self._background.post(partial(self._submit, task, base, request, split))

    def _submit(self, task: Task, base: Card, request: TuningRequest, split: Split) -> None:
        if not task.running:
            return

        def failed(sentence: str, detail: str) -> None:
            log.warning("a tuning failed: %s", detail)
            self._tasks.fail(task, sentence if running.refused else GOES_ON.format(sentence), detail)

        running = submit_tuning(
            self._engine,
            PLUGIN,
            request,
            progress=task.advance,
            done=lambda tuned: self._background.run(task, self._install, task, base, request, split, tuned),
            failed=failed,
            cancelled=lambda: task.end("cancelled"),
        )
        task.stop = running.cancel

    def _install(self, task: Task, base: Card, request: TuningRequest, split: Split, tuned: Tuned) -> None:
        """In the background."""
        try:
            name = install(base, PLUGIN, request, tuned, split)
        except ValueError as error:
            self._background.fail(task, str(error))
            return
        shutil.rmtree(request.folder, ignore_errors=True)
        self._background.post(partial(self._installed, task, name))

    def _installed(self, task: Task, name: str) -> None:
        task.text = name
        task.end("done")
        self._models.look()

    # ---- old and new
    @property
    def tuned(self) -> tuple[Card, ...]:
        """The cards of the tuned models, as far as they are known: see Models.look."""
        return tuple(one.card for one in self._models.installed if is_tuned(one.card, PLUGIN) and not one.problem)

    @property
    def chosen(self) -> str:
        """Name of the model that answers prompts."""
        return self._chosen[-1] if self._chosen else self._first

    @property
    def can_take_back(self) -> bool:
        """Whether a tuned model is in use."""
        return bool(self._chosen)

    def note_shown(self, card: Card) -> None:
        """Note that the comparison in a tuned model's card was shown to a person."""
        if figures(card) and card.key not in self._shown:
            self._shown.add(card.key)
            self.changed.emit()

    def obstacle(self, card: Card) -> str:
        """Why a tuned model cannot be put to use, in one sentence; "" where it can."""
        return refusal(card) or ("" if card.key in self._shown else SEE_FIRST)

    def choose(self, card: Card) -> None:
        """Have a tuned model answer prompts from now on. Raises ValueError, one sentence, where it may not."""
        if reason := self.obstacle(card):
            raise ValueError(reason)
        if card.name != self.chosen:
            self._use([*self._chosen, card.name])

    def take_back(self) -> None:
        """Have the model answer prompts that did so before. Raises ValueError, one sentence: it cannot be kept."""
        if self._chosen:
            self._use(self._chosen[:-1])

    def _use(self, chosen: list[str]) -> None:
        _write_choice(chosen)
        self._chosen = chosen
        self._prompts.model = self.chosen
        self._trail.note("model", model=self.chosen)
        self.changed.emit()


def _first_of_each(cases: list[TuningCase]) -> list[TuningCase]:
    """At most MOST: the first of each case before the second of any."""
    seen: Counter[str] = Counter()
    ranks = []
    for one in cases:
        ranks.append(seen[one.case])
        seen[one.case] += 1
    order = sorted(range(len(cases)), key=ranks.__getitem__)
    return [cases[place] for place in order[:MOST]]


def _folder(base: Card, cases: list[TuningCase]) -> Path:
    """Where a tuning of that model on those structures is kept, until it is done; of others only the latest stay."""
    digest = hashlib.sha256(base.key.encode())
    for one in cases:
        digest.update(one.case.encode())
        for array in (one.image, one.mask):
            digest.update(array.data)
    every = state_folder() / "tuning"
    others = sorted(every.glob("*"), key=lambda path: path.stat().st_mtime)
    for old in others[:-UNFINISHED]:
        shutil.rmtree(old, ignore_errors=True)
    return every / digest.hexdigest()[:16]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _read_choice() -> list[str]:
    """What was chosen; nothing where the file is damaged: then the model that comes with the plugin answers."""
    try:
        found = json.loads((config_folder() / CHOICE).read_bytes())
    except (OSError, ValueError):
        return []
    return found if isinstance(found, list) and all(isinstance(one, str) for one in found) else []


def _write_choice(chosen: list[str]) -> None:
    """Raises ValueError, one sentence."""
    folder = config_folder()
    data = json.dumps(chosen).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write.temporary_folder(folder) as beside:
            (beside / CHOICE).write_bytes(data)
            atomic_write.flush(beside / CHOICE)
            (beside / CHOICE).replace(folder / CHOICE)
    except OSError as error:
        reason = atomic_write.failure_reason(error, folder, len(data))
        raise ValueError(f"The choice of the model was not kept, for {reason}.") from error
