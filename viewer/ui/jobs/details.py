"""What a finished job did: the time of every stage, and what it computed with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QWidget

from viewer.data.printable_text import printable
from viewer.ui.widgets import text_format
from viewer.ui.widgets.basics import label, tabular

if TYPE_CHECKING:
    from viewer.scene.task import Task

UNSAID = 0.05  # seconds outside of all stages that need no line of their own


class JobDetails(QWidget):
    """Two small tables in one grid: stages with their seconds and the total; then device, engine, memory, model."""

    def __init__(self, task: Task, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(f"Details of {task.title}")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(24, 4, 0, 8)
        self._grid.setHorizontalSpacing(24)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(2, 1)
        for name, text in stage_times(task):
            self._line(name, text, right=True)
        self._rule()
        self._line("Total", text_format.seconds(task.seconds), "heading", right=True)
        for name, text in facts(task):
            self._line(name, text)

    def _line(self, name: str, text: str, role: str = "", *, right: bool = False) -> None:
        row = self._grid.rowCount()
        value = label(text, role, wrap=not right, selectable=True)
        value.setFont(tabular(value.font()))
        value.setAccessibleName(f"{name}: {text}")
        self._grid.addWidget(label(name, role or "dim", wrap=False), row, 0)
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        self._grid.addWidget(value, row, 1, 1, 1 if right else 2, side if right else Qt.AlignmentFlag(0))

    def _rule(self) -> None:
        rule = QFrame()
        rule.setObjectName("rule")
        self._grid.addWidget(rule, self._grid.rowCount(), 0, 1, 2)


def stage_times(task: Task) -> list[tuple[str, str]]:
    """Every stage with its duration, in the order they ended; then what lies outside of them."""
    rest = task.seconds - sum(task.stages.values())
    stages = [*task.stages.items(), *([("everything else", rest)] if rest > UNSAID and task.stages else [])]
    return [(name[:1].upper() + name[1:], text_format.seconds(spent)) for name, spent in stages]


def facts(task: Task) -> list[tuple[str, str]]:
    """What a task computed on and with; what is not known is left out."""
    made = task.provenance
    found = [
        ("Device", text_format.device(made.device if made else task.device)),
        ("Precision", made.precision if made else ""),
        ("Engine", made.engine if made else ""),
        ("Peak memory", text_format.size(task.peak_memory) if task.peak_memory else ""),
        ("Model", f"{printable(made.model)} · sha256 {made.model_sha256[:12]}…" if made and made.model_sha256 else ""),
    ]
    return [(name, text) for name, text in found if text]


def summary(task: Task) -> str:
    """Of what is done, where it ran and the memory it took."""
    memory = f"at most {text_format.size(task.peak_memory)} of memory" if task.peak_memory else ""
    return " · ".join(filter(None, (text_format.device(task.device), memory))) if task.state == "done" else ""


def report(task: Task) -> str:
    """A failure for who is asked for help: the sentence, and what stands behind it."""
    return f"{task.error}\n\n{task.detail}".strip()
