"""The effects: a palette, the settings of the chosen one, a preview of what it would do, and Apply."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QButtonGroup, QComboBox, QGridLayout, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from viewer.effects.catalogue import OPERATIONS
from viewer.ui.jobs.panel import JobRow
from viewer.ui.segments.effects.preview_controller import EffectPreview, EffectRequest
from viewer.ui.widgets import theme
from viewer.ui.widgets.basics import Bar, button, discard, label, set_role, tile
from viewer.ui.widgets.parameter_form import ParameterForm

if TYPE_CHECKING:
    from viewer.effects.effect import Operation
    from viewer.effects.effect_run import How
    from viewer.scene.layer import VolumeLayer
    from viewer.scene.task import Task
    from viewer.ui.segments.controller import SegmentsController

COLUMNS = 4
HOWS: dict[How, str] = {"set": "Replace the segment", "add": "Add to the segment", "remove": "Take from the segment"}


class EffectsSection(QWidget):
    """preview: what is shown before it is done."""

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
        self.preview = EffectPreview(controller, self.request, self)
        self.preview_button = button("Preview", "visible", self.preview.flip)
        self.preview_button.setCheckable(True)
        self.apply = button("Apply", "accepted", self.run, "primary", theme.CHROME)
        self._build()
        self.preview.changed.connect(self.refresh)
        self.preview.toggled.connect(self.preview_button.setChecked)
        self.preview.progressed.connect(self._advance)
        controller.changed.connect(self.refresh)
        self.choose(self.chosen)

    def request(self) -> EffectRequest:
        """The chosen effect with its settings, and what it works on now."""
        target = self.controller.effect_target(self.other.currentData() if self.chosen.other else None)
        return EffectRequest(self.chosen, target, self.form.values if self.form else {})

    def choose(self, operation: Operation) -> None:
        """Show an effect with its settings as they were left."""
        self.preview.stop()
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
        self.form.changed.connect(self.preview.update)
        self.form.changed.connect(self._show_range)
        self.form.changed.connect(self.refresh)
        self._column.insertWidget(self._column.indexOf(self.how), self.form)
        self.how.setVisible(operation.creates)
        self.other.setVisible(bool(operation.other))
        self.refresh()
        self._show_range()

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
        self.apply.setEnabled(not problem and (not creeps or self.preview.answers is not None))
        self.preview_button.setEnabled(not problem)
        self.preview_button.setVisible(self.chosen.live in ("preview", "play"))
        playing = self.preview.playing
        self.preview_button.setText(("Pause" if playing else "Play") if creeps else "Preview")
        self.preview_button.setIcon(theme.icon(("pause" if playing else "play") if creeps else "visible"))
        self.preview_button.setChecked(self.preview.on)

    def run(self) -> Task | None:
        """Do it: at once where the preview has computed it already."""
        request, how = self.request(), self.how.currentData() if self.chosen.creates else self.chosen.how
        target, ready = request.target, self.preview.answers
        if target is None:
            return None
        try:
            call = (lambda tell: ready) if ready is not None else self.chosen.call(target, request.values)
        except ValueError as refusal:
            self.controller.session.messages.warn(str(refusal))
            return None
        title = f"{self.chosen.title}: {target.segment.name}"
        masking = self.controller.state.masking
        task = self.controller.session.segments.run_effect(target.layer, title, call, how, masking, target.image)
        self.preview.stop()
        self._show_task(task)
        return task

    def hideEvent(self, event: object) -> None:
        """Nothing is shown of what is not in sight."""
        self.preview.stop()

    def _show_range(self, *_: object) -> None:
        if self.chosen.live == "range" and self.isVisible():
            self.preview.show_range()

    def _advance(self, fraction: float) -> None:
        self.bar.setVisible(fraction < 1)
        self.bar.advance(fraction)

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
        line.addWidget(self.preview_button)
        line.addWidget(self.apply, 1)
        self.bar.hide()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self._column.addLayout(grid)
        for widget in (self.title, self.summary, self.how, self.other, self.problem, self.bar):
            self._column.addWidget(widget)
        self._column.addLayout(line)
