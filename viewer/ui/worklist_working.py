"""Working through a task list: one case at a time is open, and none is left before its segments are saved."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from psygnal import Signal

from viewer.data.segmentation import State
from viewer.io.stored import SaveError
from viewer.io.worklist_file import file_name, open_worklist, save_worklist
from viewer.scene.segmentation_layer import SegmentationLayer
from viewer.scene.task import Message, Task
from viewer.scene.worklist import Case, Watch, Worklist
from viewer.session import Session
from viewer.ui.auditing import Auditing
from viewer.ui.background import ask
from viewer.ui.leaving import unsaved
from viewer.ui.worklist_opening import Opening

log = logging.getLogger(__name__)

KEEP_EVERY = 60.0  # seconds of reading after which they are kept, also where nothing else is


class Working:
    """worklist: the open one. at: id of the open case. layer: its segmentation. changed: any of them, or a case."""

    changed = Signal()

    def __init__(self, session: Session, auditing: Auditing) -> None:
        self.session, self.auditing = session, auditing
        self.worklist: Worklist | None = None
        self.at: str | None = None
        self.layer: SegmentationLayer | None = None
        self.watch = Watch()
        self._saving: Task | None = None
        self._opening: Opening | None = None  # brings the open case
        self._keeper = ThreadPoolExecutor(1, "tomolens-worklist")
        self._ended = False

    @property
    def case(self) -> Case | None:
        """The open one."""
        return self.worklist.case(self.at) if self.worklist and self.at is not None else None

    # ---- the list
    def open(self, path: Path) -> Task | None:
        """Show the cases of a folder or a table; None where the open case cannot be left."""
        if not self._free():
            return None
        return ask(self.session, f"Open the task list {path.name}", lambda tell: open_worklist(path), self._opened)

    def close(self) -> None:
        """Save what is open, and put the list away."""
        self._leave(self._closed)

    def blind(self, on: bool) -> None:
        """Another order, and no names; between two cases only, for what is open shows its name."""
        if self.worklist is not None and self.at is None:
            self.worklist.blinded = on
            self.auditing.note("order", blinded=on)
            self._keep()

    def _opened(self, worklist: Worklist) -> None:
        self._leave(partial(self._begin, worklist))

    def _begin(self, worklist: Worklist) -> None:
        self._closed()
        self.worklist = worklist
        worklist.changed.connect(self.changed.emit)
        self.auditing.keep(worklist.output)
        self.changed.emit()

    def _closed(self) -> None:
        self._clear()
        self.worklist = None
        self.auditing.keep(None)
        self.changed.emit()

    # ---- cases
    def go(self, step: int) -> None:
        """Open the next case that is not decided, or the one before."""
        if self.worklist is None:
            return
        case_id = self.worklist.next(self.at, step)
        if case_id is None:
            self.session.message.emit(Message("There is no further case in this direction."))
        else:
            self.visit(case_id)

    def visit(self, case_id: str) -> None:
        """Save the open case, close it, and open another one."""
        if self.worklist is not None and case_id != self.at:
            self._leave(partial(self._open, case_id))

    def decide(self, state: State, remark: str) -> None:
        """What becomes of the open case. A completed one is saved first: it is completed only where that went well."""
        if self.case is None or self._saving is not None:
            return
        decided = partial(self._decided, self.case.id, state, remark)
        if state == "completed" and self.layer is None:
            self.session.warn("There is no segmentation to complete: flag or reject the case, or open it again.")
        elif state == "completed" or (self.layer and self.layer.unsaved):
            self._save(decided)
        else:
            decided()

    def input(self) -> None:
        """Somebody is there."""
        if self.case is not None:
            self.watch.touch()
            if self.watch.seconds > KEEP_EVERY:
                self._spend()
                self._keep()

    def end(self) -> None:
        """The program ends: keep the time that was spent."""
        self._spend()
        self._keep()
        self._ended = True
        self.worklist = self.at = None
        self._keeper.shutdown()

    def _decided(self, case_id: str, state: State, remark: str) -> None:
        if self.worklist is None or self.at != case_id:
            return
        self._spend()
        self.worklist.change(case_id, state=state, remark=remark, reader=self.auditing.reader)
        self.auditing.note("case", state=state)
        self._keep()

    # ---- leaving a case
    def _free(self) -> bool:
        """Whether nothing would be lost, or come into the wrong case; if not it says what."""
        others = [layer for layer in unsaved(self.session) if layer is not self.layer]
        own = self._opening.tasks if self._opening else []
        tasks = [task for task in self.session.tasks if task.running and task not in own]
        if tasks:
            self.session.warn(f"{tasks[0].title} is still running: wait for it, or cancel it, then go on.")
        elif others:
            self.session.warn(f"{others[0].name} is not saved: save it, reject it or remove it, then go on.")
        return not (tasks or others)

    def _leave(self, then: Callable[[], None]) -> None:
        if not self._free():
            return
        self._spend()
        if self.layer is not None and self.layer.unsaved:
            self._save(partial(self._leave, then))  # once more where it was edited meanwhile
        else:
            then()

    def _save(self, then: Callable[[], None]) -> None:
        """Verified; `then` only where that went well."""
        worklist, case, layer = self.worklist, self.case, self.layer
        if worklist is None or case is None or layer is None:
            return
        target = worklist.output / (case.saved or file_name(worklist, case.id))
        try:
            worklist.output.mkdir(exist_ok=True)
        except OSError as error:
            self.session.warn(f"{worklist.output.name} cannot be made ({error.strerror}): nothing was saved.")
            return
        task = self._saving = self.session.save_segmentation(layer, target, overwrite=True)

        def ended(state: str) -> None:
            if task.running:
                return
            self._saving = None
            if state == "done" and self.at == case.id:
                worklist.change(case.id, saved=target.name)
                self._keep()
                then()

        task.events.state.connect(ended)
        ended(task.state)

    def _clear(self) -> None:
        """Close every layer. What was done to them cannot be undone into the next case."""
        if self._opening is not None:
            self._opening.cancel()
        self._opening = None
        self.at = self.layer = None
        self.auditing.case = ""
        for layer in self.session.document:
            self.session.remove(layer)
        self.session.history.forget()

    # ---- opening a case
    def _open(self, case_id: str) -> None:
        worklist = self.worklist
        if worklist is None:
            return
        self._clear()
        self.at, self.auditing.case = case_id, case_id
        self.watch = Watch()
        case = worklist.case(case_id)
        self._opening = Opening(self.session, worklist, case, self._have)
        self._begun(case)
        self.changed.emit()

    def _begun(self, case: Case) -> None:
        if case.state == "not started" and self.worklist is not None:
            self.worklist.change(case.id, state="in progress", reader=self.auditing.reader)
            self.auditing.note("case", state="in progress")
            self._keep()

    def _have(self, layer: SegmentationLayer) -> None:
        self.layer = layer
        self.session.state.active = layer.id
        self.changed.emit()

    # ---- keeping
    def _spend(self) -> None:
        """Put the time since the last look down to the open case."""
        if self.worklist is not None and self.case is not None:
            self.worklist.change(self.case.id, seconds=self.case.seconds + self.watch.take())

    def _keep(self) -> None:
        """Write the list, beside the window, one time after the other."""
        if self.worklist is not None:
            self._keeper.submit(save_worklist, self.worklist).add_done_callback(self._kept)

    def _kept(self, future: Future[None]) -> None:
        error = future.exception()
        if error is not None:
            text = str(error) if isinstance(error, SaveError) else f"The task list was not saved ({error})."
            log.error("the task list was not saved: %s", type(error).__name__)
            if not self._ended:
                self.session.post(partial(self.session.warn, text))
