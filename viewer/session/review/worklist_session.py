"""Working through a task list: one case at a time is open, and none is left before its segments are saved."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from viewer.io import requests
from viewer.io.errors import SaveError
from viewer.io.reports.worklist_file import file_name, given_name, open_worklist, save_worklist
from viewer.scene.segmentation_layer import SegmentationLayer
from viewer.scene.task import Message, Task
from viewer.scene.worklist import Case, ReadingTimer, Worklist
from viewer.session.review.case_loader import CaseLoader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future
    from pathlib import Path

    from viewer.data.segmentation import Segment, Segmentation, State
    from viewer.scene.layer import Layer
    from viewer.session.session import Session

log = logging.getLogger(__name__)

KEEP_EVERY = 60.0  # seconds of reading after which they are kept, also where nothing else is


class WorklistSession:
    """worklist: the open one. at: id of the open case. layer: its segmentation. changed: any of them, or a case."""

    changed = Signal()

    def __init__(self, session: Session) -> None:
        self.session, self.trail = session, session.review.trail
        self.worklist: Worklist | None = None
        self.case_id: str | None = None
        self.layer: SegmentationLayer | None = None
        self.watch = ReadingTimer()
        self._saving: Task | None = None
        self._loader: CaseLoader | None = None  # brings the open case
        self._own: SegmentationLayer | None = None  # what it brought
        self._ended = False
        session.document.inserted.connect(self._adopt)
        session.document.removed.connect(self._disown)

    @property
    def case(self) -> Case | None:
        """The open one."""
        return self.worklist.case(self.case_id) if self.worklist and self.case_id is not None else None

    # ---- the list
    def open(self, path: Path) -> None:
        """Show the cases of a folder or a table, in place of what is open."""
        if self.worklist is not None:
            self._leave(partial(self._read, path))
        else:
            self._read(path)

    def close(self) -> None:
        """Save what is open, and put the list away."""
        self._leave(self._closed)

    def blind(self, on: bool) -> None:
        """Blind the list: another order, and no names. Between two cases only, for what is open shows its name."""
        if self.worklist is not None and self.case_id is None:
            self.worklist.blinded = on
            self.trail.note("order", blinded=on)
            self._save_soon()

    def sort_by_doubt(self, on: bool) -> None:
        """Show the most doubtful cases first, or go back to the list's order."""
        if self.worklist is not None:
            self.worklist.by_doubt = on
            self.trail.note("order", by_doubt=on)

    def _read(self, path: Path) -> None:
        """An open list is closed first, and read after the last of it was written: it may be the same one."""
        if self.worklist is not None:
            self._closed()
        title = f"Open the task list {path.name}"
        background = self.session.background
        background.ask(title, lambda tell: background.submit("worklist", open_worklist, path).result(), self._opened)

    def _opened(self, worklist: Worklist) -> None:
        left = next((case for case in worklist.cases if self._recovered(case) is not None), None)
        if left is None:
            self._leave(partial(self._begin, worklist))
            return
        self._show(worklist)  # a case goes on with what came back of a killed session, once that is saved
        self.case_id, self.trail.case = left.id, left.id
        self.layer, self.watch = self._recovered(left), ReadingTimer()
        self._leave(partial(self._open, left.id))

    def _recovered(self, case: Case) -> SegmentationLayer | None:
        """What was not saved of a case; a project may hold an older state of the same layer."""
        found = self.session.document.find(case.layer)
        if not isinstance(found, SegmentationLayer) or found.id in self.session.projects.layers:
            return None
        return found if found.unsaved else None

    def _begin(self, worklist: Worklist) -> None:
        self._closed()
        self._show(worklist)

    def _show(self, worklist: Worklist) -> None:
        self.worklist = worklist
        worklist.changed.connect(self.changed.emit)
        self.trail.move_to(worklist.output)
        self.changed.emit()
        self._ask_doubts(worklist, [case.id for case in worklist.cases if case.doubt is None and case.segmentation])

    def _ask_doubts(self, worklist: Worklist, ids: list[str]) -> None:
        """One file after the other, while the list is open: what its header tells of how far it can be trusted."""
        if self.worklist is not worklist or not ids:
            return
        case_id, *others = ids

        def told(dice: float | None) -> None:
            if dice is not None:
                worklist.change(case_id, doubt=dice)
            self._ask_doubts(worklist, others)

        path = worklist.root / worklist.case(case_id).segmentation
        self.session.reader.call(requests.lowest_dice, path, done=told, failed=lambda reason: told(None))

    def _closed(self) -> None:
        self._clear()
        self.worklist = None
        self.trail.move_to(None)
        self.changed.emit()

    # ---- cases
    def go(self, step: int) -> None:
        """Open the next case that is not decided, or the one before."""
        if self.worklist is None:
            return
        case_id = self.worklist.next(self.case_id, step)
        if case_id is None:
            self.session.messages.add(Message("There is no further case in this direction."))
        else:
            self.visit(case_id)

    def visit(self, case_id: str) -> None:
        """Save the open case, close it, and open another one; or the same one again, where it did not come."""
        if self.worklist is not None and (case_id != self.case_id or not self._shown):
            self._leave(partial(self._open, case_id))

    def remark(self, text: str) -> None:
        """Write down what is to be known of the open case."""
        if self.worklist is not None and self.case_id is not None:
            self.worklist.change(self.case_id, remark=text)

    def decide(self, state: State) -> None:
        """Say what becomes of the open case. One is completed only after it was saved."""
        if self.case is None or self._saving is not None:
            return
        decided = partial(self._decided, self.case.id, state)
        if state == "completed" and not self._shown:
            self.session.messages.warn(
                "There is no segmentation to complete: flag or reject the case, or open it again."
            )
        elif state == "completed" or (self.layer and self.layer.unsaved):
            self._save(decided)
        else:
            decided()

    def note_presence(self) -> None:
        """Note that somebody is there: only then time is counted."""
        if self.case is not None:
            self.watch.touch()
            if self.watch.seconds > KEEP_EVERY:
                self._spend()
                self._save_soon()

    def end(self) -> None:
        """End with the program: keep the time that was spent."""
        self._spend()
        self._save_soon()
        self._ended = True
        self.worklist = self.case_id = None

    def _decided(self, case_id: str, state: State) -> None:
        if self.worklist is None or self.case_id != case_id:
            return
        self._spend()
        self.worklist.change(case_id, state=state, reader=self.trail.reader)
        dice = self.worklist.case(case_id).dice
        facts: dict[str, Any] = {} if dice is None else {"dice": round(dice, 3)}
        self.trail.note("case", state=state, **facts)
        self._save_soon()

    @property
    def _shown(self) -> bool:
        """Whether the segmentation is there; its coming can be undone."""
        return self.layer in tuple(self.session.document)

    # ---- leaving a case
    def _free(self) -> bool:
        """Whether nothing would be lost, or come into the wrong case; if not it says what."""
        others = [layer for layer in self.session.saving.unsaved() if layer is not self.layer]
        own = self._loader.tasks if self._loader else []
        tasks = [task for task in self.session.tasks if task.running and task not in own]
        landmarks, findings = len(self.session.document.landmarks) > 0, len(self.session.document.findings) > 0
        if tasks:
            self.session.messages.warn(f"{tasks[0].title} is still running: wait for it, or cancel it, then go on.")
        elif others:
            self.session.messages.warn(f"{others[0].name} is not saved: save it, reject it or remove it, then go on.")
        elif landmarks:
            self.session.messages.warn("There are landmarks: save them and remove them, then go on.")
        elif findings:
            self.session.messages.warn("There are findings: save them in a project, then remove them, then go on.")
        return not (tasks or others or landmarks or findings)

    def _leave(self, then: Callable[[], None]) -> None:
        if not self._free():
            return
        self._spend()
        self._save_soon()
        if self.layer is not None and self.layer.unsaved:
            self._save(partial(self._leave, then))  # once more where it was edited meanwhile
        else:
            then()

    def _save(self, then: Callable[[], None]) -> None:
        """Verified; `then` only where that went well."""
        worklist, case, layer = self.worklist, self.case, self.layer
        if worklist is None or case is None or layer is None:
            return
        target = worklist.output / file_name(worklist, case.id)
        try:
            worklist.output.mkdir(exist_ok=True)
        except OSError as error:
            self.session.messages.warn(f"{worklist.output.name} cannot be made ({error.strerror}): nothing was saved.")
            return
        task = self._saving = self.session.segment_files.save(layer, target, overwrite=True)

        def ended(state: str) -> None:
            if task.running:
                return
            if state != "done" or self.case_id != case.id:
                self._saving = None
                return
            worklist.change(case.id, saved=target.name)
            self._save_soon()
            self._keep_given(worklist, case.id, layer, then)

        task.events.state.connect(ended)
        ended(task.state)

    def _keep_given(self, worklist: Worklist, case_id: str, layer: SegmentationLayer, then: Callable[[], None]) -> None:
        """What was given stands beside what was saved, and their Dice in the list; then go on."""

        def write(found: tuple[Segmentation, dict[str, float]] | None) -> None:
            if found is not None:
                values, dices = found
                worklist.change(case_id, dices=tuple(dices.items()), doubt=_lowest(values.segments))
            if found is None or worklist.case(case_id).given:
                go_on()
                return
            target = worklist.output / given_name(worklist, case_id)
            written = lambda _: go_on(given=target.name)  # noqa: E731
            self.session.reader.call(requests.save_segmentation, found[0], target, done=written, failed=fail)

        def fail(reason: str) -> None:
            self._saving = None
            self.session.messages.warn(reason)

        def go_on(**fields: str) -> None:
            worklist.change(case_id, **fields)
            self._saving = None
            self._save_soon()
            if self.case_id == case_id:
                then()

        self.session.background.call("work", lambda tell: _compared(layer), write, failed=fail)

    def _clear(self) -> None:
        """Close every layer. What was done to them cannot be undone into the next case."""
        if self._loader is not None:
            self._loader.cancel()
        self._loader = None
        self.case_id = self.layer = self._own = None
        self.trail.case, self.session.state.blinded = "", False
        self.session.clear()

    # ---- opening a case
    def _open(self, case_id: str) -> None:
        worklist = self.worklist
        if worklist is None:
            return
        self._clear()
        self.case_id, self.trail.case = case_id, case_id
        self.session.state.blinded = worklist.blinded
        self.watch = ReadingTimer()
        case = worklist.case(case_id)
        self._loader = CaseLoader(self.session, worklist, case, self._have)
        self._begun(case)
        self.changed.emit()

    def _begun(self, case: Case) -> None:
        if case.state == "not started" and self.worklist is not None:
            self.worklist.change(case.id, state="in progress", reader=self.trail.reader)
            self.trail.note("case", state="in progress")
            self._save_soon()

    def _have(self, layer: SegmentationLayer) -> None:
        self._own = layer
        self._take(layer)

    def _adopt(self, _: int, layer: Layer) -> None:
        """A model's result in a case that has no segments yet is what is reviewed from then on."""
        own = self._own
        if own is None or own.segmentation.segments or not isinstance(layer, SegmentationLayer):
            return
        if layer.review == "unreviewed" and layer.made_from == own.made_from and layer in tuple(self.session.document):
            self._take(layer)

    def _disown(self, _: int, layer: Layer) -> None:
        if layer is self.layer is not self._own and self._own is not None:
            self._take(self._own)

    def _take(self, layer: SegmentationLayer) -> None:
        self.layer = layer
        if self.worklist is not None and self.case_id is not None:
            told = _lowest(layer.segmentation.segments)
            self.worklist.change(self.case_id, layer=layer.id, **({} if told is None else {"doubt": told}))
            self._save_soon()
        self.session.state.active = layer.id
        self.changed.emit()

    # ---- keeping
    def _spend(self) -> None:
        """Put the time since the last look down to the open case."""
        if self.worklist is not None and self.case is not None:
            self.worklist.change(self.case.id, seconds=self.case.seconds + self.watch.take_seconds())

    def _save_soon(self) -> None:
        """Write the list, beside the window, one time after the other."""
        if self.worklist is not None:
            self.session.background.submit("worklist", save_worklist, self.worklist).add_done_callback(
                self._check_saved
            )

    def _check_saved(self, future: Future[None]) -> None:
        error = future.exception()
        if error is not None:
            text = str(error) if isinstance(error, SaveError) else f"The task list was not saved ({error})."
            log.error("the task list was not saved: %s", type(error).__name__)
            self.session.background.post(partial(self._warn, text))

    def _warn(self, text: str) -> None:
        """Once the window is closed nobody is left to tell: it is in the log."""
        if not self._ended:
            self.session.messages.warn(text)


def _lowest(segments: Iterable[Segment]) -> float | None:
    """The lowest predicted Dice of segments; None where none is known."""
    told = (one.doubt.dice for one in segments if one.doubt is not None and one.doubt.dice is not None)
    return min(told, default=None)


def _compared(layer: SegmentationLayer) -> tuple[Segmentation, dict[str, float]] | None:
    """What was given for a layer, and its Dice with what is there by now; None where nothing was. In the background."""
    from viewer.compute.labels.comparison import segment_dices

    if layer.given is None:
        return None
    given = layer.given.segmentation(layer.grid, f"{layer.name}, as given")
    return replace(given, source=layer.segmentation.source), segment_dices(given, layer.segmentation)
