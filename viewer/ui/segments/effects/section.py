"""The effects: a palette, the settings of the chosen one, a look at what it would do, and Apply."""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtWidgets import QButtonGroup, QComboBox, QGridLayout, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from viewer.effects.catalogue import OPERATIONS
from viewer.effects.effect import Given, Operation
from viewer.effects.effect_run import Answer, How
from viewer.scene.layer import VolumeLayer
from viewer.scene.task import Task
from viewer.ui.jobs.panel import JobRow
from viewer.ui.segments.controller import SegmentsController
from viewer.ui.segments.effects.preview_controller import EffectPreview
from viewer.ui.widgets import theme
from viewer.ui.widgets.basics import Bar, button, discard, label, set_role, tile
from viewer.ui.widgets.parameter_form import ParameterForm

COLUMNS = 4
HOWS: dict[How, str] = {"set": "Replace the segment", "add": "Add to the segment", "remove": "Take from the segment"}


class EffectsSection(QWidget):
    """looking: what is shown before it is done."""

    def __init__(self, controller: SegmentsController) -> None:
        super().__init__()
        self.controller = controller
        self.chosen: Operation = OPERATIONS[0]
        self.values: dict[str, dict[str, Any]] = {one.id: {} for one in OPERATIONS}
        self.palette_: dict[str, QToolButton] = {}
        self.title, self.summary, self.problem = label(role="heading"), label(role="dim"), label(role="warning")
        self.form: ParameterForm | None = None
        self.row: JobRow | None = None
        self._image: VolumeLayer | None = None
        self.how, self.other = QComboBox(), QComboBox()
        self.how.setAccessibleName("What becomes of the segment")
        self.other.setAccessibleName("The other segment")
        for how, text in HOWS.items():
            self.how.addItem(text, how)
        self.bar = Bar("Progress of the preview")
        self.looking = EffectPreview(controller, self)
        self.look = button("Preview", "visible", self.looking.flip)
        self.look.setCheckable(True)
        self.apply = button("Apply", "accepted", self.run, "primary", theme.CHROME)
        self._build()
        controller.changed.connect(self.refresh)
        self.choose(self.chosen)

    @property
    def given(self) -> Given | None:
        """What the effect works on now."""
        return self.controller.effect_target(self.other.currentData() if self.chosen.other else None)

    def choose(self, operation: Operation) -> None:
        """Show an effect with its settings as they were left."""
        self.looking.stop()
        self.chosen = operation
        self.palette_[operation.id].setChecked(True)
        self.title.setText(operation.title)
        self.summary.setText(operation.form.summary)
        if self.form is not None:
            discard(self.form)
        self._image, values = self.controller.image, self.values[operation.id]
        self.form = ParameterForm(operation.form, values or self.controller.first_values(operation))
        self.form.setVisible(bool(operation.form.parameters))
        self.form.changed.connect(values.update)
        self.form.changed.connect(self.looking.changed)
        self.form.changed.connect(self.refresh)
        self._column.insertWidget(self._column.indexOf(self.how), self.form)
        self.how.setVisible(operation.makes)
        self.other.setVisible(bool(operation.other))
        self.refresh()
        self.looking.begin()

    def refresh(self, *_: object) -> None:
        """Whether it can be done, and if not, why."""
        if self.chosen.live == "range" and self.controller.image is not self._image and not self.values[self.chosen.id]:
            self.choose(self.chosen)  # the range begins as what this image shows
            return
        self._list_others()
        problem = self.controller.problem or (self.form.problem.text() if self.form else "")
        if not problem and self.chosen.other and self.other.currentData() is None:
            problem = "Add another segment first."
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        set_role(self.problem, "warning" if self.controller.layer else "dim")
        creeps = self.chosen.live == "play"
        self.apply.setEnabled(not problem and (not creeps or self.looking.answers is not None))
        self.look.setEnabled(not problem)
        self.look.setVisible(self.chosen.live in ("preview", "play"))
        playing = self.looking.playing
        self.look.setText(("Pause" if playing else "Play") if creeps else "Preview")
        self.look.setIcon(theme.icon(("pause" if playing else "play") if creeps else "visible"))
        self.look.setChecked(self.looking.on)

    def run(self) -> Task | None:
        """Do it: at once where the look has computed it already."""
        given, how = self.given, self.how.currentData() if self.chosen.makes else self.chosen.how
        if given is None or self.form is None:
            return None
        ready: list[Answer] | None = self.looking.answers
        try:
            call = (lambda tell: ready) if ready is not None else self.chosen.call(given, self.form.values)
        except ValueError as refusal:
            self.controller.session.warn(str(refusal))
            return None
        task = self.controller.session.run_effect(
            given.layer,
            f"{self.chosen.title}: {given.segment.name}",
            call,
            how,
            self.controller.state.rules,
            given.image,
        )
        self.looking.stop()
        self._show_task(task)
        return task

    def hideEvent(self, event: object) -> None:
        """Nothing is shown of what is not in sight."""
        self.looking.stop()

    def _show_task(self, task: Task) -> None:
        if self.row is not None:
            self._column.removeWidget(self.row)
            self.row.close_row()
        self.row = JobRow(task)
        self._column.addWidget(self.row)

    def _list_others(self) -> None:
        layer, now = self.controller.layer, self.other.currentData()
        self.other.clear()
        for segment in layer.segmentation.segments if layer else ():
            if segment is not self.controller.segment:
                self.other.addItem(segment.name, segment.key)
        self.other.setCurrentIndex(max(self.other.findData(now), 0))

    def _build(self) -> None:
        grid = QGridLayout()
        grid.setSpacing(2)
        group = QButtonGroup(self)
        for place, one in enumerate(OPERATIONS):
            made = self.palette_[one.id] = tile(one.title, one.icon, one.form.summary)
            made.clicked.connect(partial(self.choose, one))
            group.addButton(made)
            grid.addWidget(made, place // COLUMNS, place % COLUMNS)
        line = QHBoxLayout()
        line.addWidget(self.look)
        line.addWidget(self.apply, 1)
        self.bar.hide()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self._column.addLayout(grid)
        for widget in (self.title, self.summary, self.how, self.other, self.problem, self.bar):
            self._column.addWidget(widget)
        self._column.addLayout(line)
