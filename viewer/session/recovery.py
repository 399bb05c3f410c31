"""The work of a session that was killed: images read again from where they were, the rest from its journal."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from viewer.io.reader.reader import OpenError, Reader, index_now, load_now
from viewer.scene.journal.replay import Recovery, find_recoveries
from viewer.scene.journal.view_snapshot import restore_view
from viewer.scene.layer import VolumeLayer, volume_layer

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.scene.document import Document
    from viewer.scene.history import History
    from viewer.scene.journal.edit_codec import LayersById
    from viewer.scene.task import Task
    from viewer.scene.view_state import ViewState
    from viewer.session.background import Background
    from viewer.session.journal import SessionJournal
    from viewer.session.layers import Layers
    from viewer.session.studies import Studies
    from viewer.session.tasks import Messages, Tasks

log = logging.getLogger(__name__)

REPLAY_SLICE = 0.01  # seconds that steps of an earlier session are done again between two frames


@dataclass(eq=False)
class SessionRecovery:
    """Work comes back into the session that is open."""

    document: Document
    state: ViewState
    history: History
    journal: SessionJournal
    reader: Reader
    layers: Layers
    studies: Studies
    background: Background
    tasks: Tasks
    messages: Messages

    def unfinished(self) -> list[Recovery]:
        """What sessions that did not end cleanly have left."""
        return find_recoveries(self.journal.folder)

    def recover(self, recovery: Recovery) -> Task:
        """Read the images again, put the results back, do every step again, and look at it as before."""
        task = self.tasks.add("recover", "Recover unsaved work")
        if not recovery.claim():
            self.tasks.fail(task, "Another window is bringing this work back, or has done so: look there.")
            return task
        task.begin()
        self.background.run(task, self._recover, task, recovery)
        return task

    def _recover(self, task: Task, recovery: Recovery) -> None:
        """In the background: images and results; then every step again, on the main thread."""
        layers, missing = recovered_layers(recovery, self.reader, self.background.progress(task, "reading images"))
        self.journal.store(layers.values())
        steps = recovery.replay_steps(self.history, layers)

        def replay() -> None:
            until = time.monotonic() + REPLAY_SLICE
            for fraction in steps:
                if time.monotonic() > until:
                    task.advance(fraction, "doing every step again")
                    self.background.post(replay)
                    return
            self._finish(task, recovery, missing)

        self.background.post(replay)

    def _finish(self, task: Task, recovery: Recovery, missing: int) -> None:
        self.show_recovered(recovery)
        self.studies.list_earlier((recovery.view or {}).get("paths", ()))
        task.end("done")
        lost = [f"{missing} of the images or label maps can no longer be read; the rest is back."] * bool(missing)
        if recovery.damage or lost:
            self.messages.warn(" ".join(filter(None, [recovery.damage, *lost])))
        else:
            recovery.discard()

    def show_recovered(self, recovery: Recovery) -> None:
        """Look at what was recovered as it was looked at.

        Where that is not known, or what was seen is not back, at the image that came last: those of several patients
        are never laid over each other.
        """
        try:
            restore_view(recovery.view or {}, self.document, self.state)
            known = self.document.base is not None
        except (KeyError, TypeError, ValueError):
            known = False
        if not known and self.document.volume_layers:
            self.layers.show(self.document.volume_layers[-1], overlay=False)
        elif self.document.base and self.document.find(self.state.active) is None:
            self.state.active = self.document.base.id


def recovered_layers(recovery: Recovery, reader: Reader, progress: Callable[[float], None]) -> tuple[LayersById, int]:
    """Every layer by id, and how many cannot be read any more. Blocks: not for the main thread."""
    found: dict[str, VolumeLayer] = {}
    for number, (key, files) in enumerate(recovery.images.items()):
        progress(number / len(recovery.images))
        images, _ = index_now(files, reader)
        try:
            for image in (one for file in images for one in file.placements if one.key == key):
                found[key] = volume_layer(load_now(image, reader), image=image)
        except OpenError:
            log.warning("an image of the recovered session can no longer be read")
    layers = recovery.layers(found.get)
    return layers, recovery.layer_count - len(layers)
