"""A form made from a plugin's signature: one widget a parameter, its range, choices and explanation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container, FileEdit, create_widget
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QVBoxLayout, QWidget

from viewer.compute.progress import Refusal
from viewer.ui.widgets.basics import button, label, set_role

if TYPE_CHECKING:
    from viewer.plugin.plugin import Plugin


class ParameterForm(QWidget):
    """changed: with the values, whenever one of them is edited."""

    changed = Signal(object)

    def __init__(self, plugin: Plugin, values: dict[str, Any], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plugin = plugin
        self.fields: Container[Any] = Container(labels=True)
        for parameter in plugin.parameters:
            options = parameter.options() | ({"choices": parameter.choices} if parameter.choices else {})
            field = create_widget(
                name=parameter.name,
                label=parameter.title,
                annotation=None if parameter.choices else parameter.annotation,
                widget_type="ComboBox" if parameter.choices else None,
                options=options,
            )
            start = values.get(parameter.name, None if parameter.required else parameter.default)
            if start is not None:
                field.value = start
            if isinstance(field.native, QComboBox):  # it gives way in a narrow panel
                field.native.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            if isinstance(field, FileEdit):
                _offer_folders(field, parameter.title)
            field.native.setAccessibleName(parameter.title)
            field.native.setAccessibleDescription(parameter.description)
            self.fields.append(field)
        self.problem = label(role="warning")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self.fields.native.layout().setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.fields.native)
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


def _offer_folders(field: FileEdit, title: str) -> None:
    """A path may be a file's or a folder's (a study, a model of several files): a button for each."""

    def choose() -> None:
        path = QFileDialog.getExistingDirectory(field.native, f"{title}: choose a folder")
        if path:
            field.value = path

    field.choose_btn.text = "File…"
    field.native.layout().addWidget(button("Folder…", "", choose))
