"""The session: one document and everything that happens to it. The window and the command line call the same verbs.

Each family of verbs is a part. Verbs return at once with a Task; answers arrive through `post`, which runs a function
on the main thread. Signals are emitted there too, and the document changes there only.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from viewer.compute.engine.engine import Engine
from viewer.compute.engine.thread_queue import Runner
from viewer.io.reader.reader import Reader
from viewer.plugin.discovery import discover
from viewer.processes.shared_array import sweep_shared
from viewer.scene.compare.comparison_watch import ComparisonWatch
from viewer.scene.document import Document
from viewer.scene.history import History
from viewer.scene.view_state import ViewState
from viewer.session.background import Background
from viewer.session.journal import SessionJournal
from viewer.session.layers import Layers
from viewer.session.learning.learning import Learning
from viewer.session.projects import Projects
from viewer.session.recovery import SessionRecovery
from viewer.session.review.finding_reports import FindingReports
from viewer.session.review.review import Review
from viewer.session.runs.installed_models import Models
from viewer.session.runs.plugin_runs import PluginRuns
from viewer.session.runs.prompts import SegmentPrompts
from viewer.session.saving import Saving
from viewer.session.segment_files import SegmentFiles
from viewer.session.segments import Segments
from viewer.session.studies import Studies
from viewer.session.tasks import Messages, Tasks
from viewer.session.transforms import Transforms
from viewer.settings import state_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Session:
    """plugins: by id. broken: files of plugins that could not be used. models: that plugins work with."""

    def __init__(
        self, post: Callable[[Callable[[], None]], None], *, in_process: bool = False, journal: Path | None = None
    ) -> None:
        """post: runs a function on the main thread. in_process: plugins run in this process (tests, small scripts).

        journal: the folder of the journals, by default the user's.
        """
        sweep_shared()
        self.messages = messages = Messages()
        self.tasks = tasks = Tasks(messages)
        self.background = background = Background(post, tasks)
        self.document = document = Document()
        self.state = state = ViewState()
        self._watch = ComparisonWatch(document, state)
        folder = journal or state_folder() / "journal"
        self.journal = SessionJournal(folder, document, state, lambda text: post(partial(messages.warn, text)))
        self.history = history = History(document, record=self.journal.record)
        self.reader = reader = Reader(post)
        self.engine = engine = Runner(post) if in_process else Engine(post)
        self.plugins, self.broken = discover()
        self.models = Models(background)

        self.layers = Layers(document, state, history)
        self.transforms = Transforms(history, reader, self.journal, background, tasks, messages)
        self.segments = Segments(document, state, history, self.journal, background, tasks, messages)
        self.segment_files = SegmentFiles(document, state, reader, self.segments, tasks, messages)
        self.studies = Studies(
            document, history, reader, self.layers, self.segment_files, tasks, messages, self.journal.paths
        )
        self.projects = Projects(document, state, history, reader, self.journal, background, tasks, messages)
        self.saving = Saving(document, reader, self.projects, tasks, messages)
        self.runs = PluginRuns(self.plugins, engine, document, state, history, self.journal, background, tasks)
        self.prompts = SegmentPrompts(document, history, engine, background, tasks, self.segments)
        self.review = Review(history, background, tasks, messages.warn)
        self.reports = FindingReports(history, reader, self.review.trail, tasks, messages)
        self.learning = Learning(
            document, type(engine)(post), reader, self.prompts, self.models, self.review.trail, background, tasks
        )
        self.recovery = SessionRecovery(
            document, state, history, self.journal, reader, self.layers, self.studies, background, tasks, messages
        )

    def clear(self) -> None:
        """Close everything for good: nothing of it can be undone or recovered. What is to stay was saved before."""
        self.layers.clear()
        self.journal.forget()
        self.projects.close()

    def close(self) -> None:
        """End the processes, wait for what runs in the background, and leave nothing to recover."""
        self.learning.close()
        self.reader.close()
        self.engine.close()
        self.background.close()
        self.journal.close()
        self.projects.close()
