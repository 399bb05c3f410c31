"""A form made from a plugin's signature: one widget a parameter, its range, choices and explanation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container, FileEdit, create_widget
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QListWidget, QVBoxLayout, QWidget

from viewer.compute.progress import Refusal
from viewer.ui.widgets.basics import button, label, set_role

if TYPE_CHECKING:
    from viewer.plugin.parameter import Parameter
    from viewer.plugin.plugin import Plugin

ROWS = 8  # of a list that ticks are set in, seen at once


class ParameterForm(QWidget):
    """changed: with the values, whenever one of them is edited."""

    changed = Signal(object)

    def __init__(self, plugin: Plugin, values: dict[str, Any], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plugin = plugin
        self.fields: Container[Any] = Container(labels=True)
        for parameter in plugin.parameters:
            self.fields.append(_field(parameter, values))
        self.problem = label(role="warning")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self.fields.native.layout().setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.fields.native)
        for field in self.fields:
            if isinstance(field.native, QListWidget):
                column.addLayout(_all_or_none(field.native, field.label.lower()))
        column.addWidget(self.problem)
        self.fields.changed.connect(self._edited)
        self._edited()

    @property
    def values(self) -> dict[str, Any]:
        """Every parameter as it stands in the form."""
        return {field.name: field.value for field in self.fields}

    @property
    def valid(self) -> bool:
        """Whether every value can be used."""
        return not self.problem.text()

    def reset(self) -> None:
        """Give every parameter its default."""
        for parameter, field in zip(self.plugin.parameters, self.fields, strict=True):
            if not parameter.required:
                field.value = parameter.default

    def _edited(self) -> None:
        try:
            self.plugin.validate(self.values)
            self.problem.setText("")
        except Refusal as refusal:
            self.problem.setText(str(refusal))
        set_role(self.problem, "warning")
        self.problem.setVisible(not self.valid)
        self.changed.emit(self.values)


def _field(parameter: Parameter, values: dict[str, Any]) -> Any:
    """The magicgui widget of a parameter, with its value among those, else its default."""
    options = parameter.options() | ({"choices": parameter.choices} if parameter.choices else {})
    field = create_widget(
        name=parameter.name,
        label=parameter.title,
        annotation=None if parameter.choices else parameter.annotation,
        widget_type=_choice_widget(parameter),
        options=options,
    )
    start = values.get(parameter.name, None if parameter.required else parameter.default)
    if start is not None:
        field.value = start
    if isinstance(field.native, QComboBox):  # it gives way in a narrow panel
        field.native.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    if isinstance(field.native, QListWidget):
        _show_ticks(field.native)
    if isinstance(field, FileEdit):
        _offer_folders(field, parameter.title)
    field.native.setAccessibleName(parameter.title)
    field.native.setAccessibleDescription(parameter.description)
    return field


def _all_or_none(ticks: QListWidget, title: str) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addStretch()
    row.addWidget(button(f"All {title}", "", ticks.selectAll, "quiet"))
    row.addWidget(button(f"No {title}", "", ticks.clearSelection, "quiet"))
    return row


def _choice_widget(parameter: Parameter) -> str | None:
    """What offers its choices; None where it has none."""
    if not parameter.choices:
        return None
    return "Select" if parameter.several else "ComboBox"


def _show_ticks(list_widget: QListWidget) -> None:
    """Each row is ticked or not by a click or the space bar; Ctrl+A ticks all."""

    def follow() -> None:
        for item in (list_widget.item(row) for row in range(list_widget.count())):
            item.setCheckState(Qt.CheckState.Checked if item.isSelected() else Qt.CheckState.Unchecked)

    list_widget.setObjectName("ticks")
    list_widget.setSelectionMode(QListWidget.SelectionMode.MultiSelection)
    for item in (list_widget.item(row) for row in range(list_widget.count())):
        item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsUserCheckable)
    list_widget.itemSelectionChanged.connect(follow)
    list_widget.setMinimumHeight(ROWS * list_widget.sizeHintForRow(0))
    follow()


def _offer_folders(field: FileEdit, title: str) -> None:
    """A path may be a file's or a folder's (a study, a model of several files): a button for each."""

    def choose() -> None:
        path = QFileDialog.getExistingDirectory(field.native, f"{title}: choose a folder")
        if path:
            field.value = path

    field.choose_btn.text = "File…"
    field.native.layout().addWidget(button("Folder…", "", choose))
