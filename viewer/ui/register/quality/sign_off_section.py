"""Whether a person has looked at the registration, and the way to the page on which that is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from viewer.ui.register.quality.sign_off_dialog import SignOffDialog
from viewer.ui.widgets.basics import button, discard, label, rule, show_dialog
from viewer.ui.widgets.table import StateCell, state_cell

if TYPE_CHECKING:
    from viewer.data.transform import SignOff
    from viewer.ui.register.quality.assessment import Assessor

SIGNS = {"accepted": ("accepted", "good"), "rejected": ("rejected", "danger")}


class SignOffSection(QWidget):
    """Follows the present transform."""

    def __init__(self, assessor: Assessor) -> None:
        super().__init__()
        self.assessor, self.controller = assessor, assessor.controller
        self.sign_off: QWidget | None = None
        self.remark = label(role="dim")
        self.button = button("Sign off…", "quill-pen", self.open)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        for widget in (rule(), label("Sign-off", "heading"), self.remark):
            self._column.addWidget(widget)
        self._column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        self.controller.changed.connect(self.refresh)
        self.refresh()

    def open(self) -> SignOffDialog:
        """Show the page, with what it takes to sign it."""
        dialog = SignOffDialog(self.assessor, self.window())
        show_dialog(dialog)
        return dialog

    def refresh(self) -> None:
        """Say who said what."""
        now = self.controller.transform
        if self.sign_off is not None:
            discard(self.sign_off)
            self.sign_off = None
        self.button.setEnabled(now is not None)
        found = now.sign_off if now else None
        self.remark.setText(found.remark if found else "")
        self.remark.setVisible(bool(self.remark.text()))
        if now is not None:
            self.sign_off = state_cell(_state_cell(found))
            self._column.insertWidget(2, self.sign_off)


def _state_cell(sign_off: SignOff | None) -> StateCell:
    if sign_off is None:
        return StateCell("warning", "not reviewed", "warning")
    icon, role = SIGNS[sign_off.verdict]
    return StateCell(icon, f"{sign_off.verdict} by {sign_off.reader}, {sign_off.time[:16].replace('T', ' ')}", role)
