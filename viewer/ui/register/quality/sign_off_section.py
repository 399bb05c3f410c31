"""Whether a person has looked at the registration, and the way to the page on which that is said."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from viewer.data.transform import SignOff
from viewer.ui.register.quality.assessment import Proving
from viewer.ui.register.quality.sign_off_dialog import SignOffDialog
from viewer.ui.widgets.basics import button, discard, label, rule
from viewer.ui.widgets.table import Sign, sign

SIGNS = {"accepted": ("accepted", "good"), "rejected": ("rejected", "danger")}


class SignOffSection(QWidget):
    """Follows the present transform."""

    def __init__(self, proving: Proving) -> None:
        super().__init__()
        self.proving, self.do = proving, proving.do
        self.said: QWidget | None = None
        self.remark = label(role="dim")
        self.button = button("Sign off…", "quill-pen", self.open)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        for widget in (rule(), label("Sign-off", "heading"), self.remark):
            self._column.addWidget(widget)
        self._column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        self.do.changed.connect(self.refresh)
        self.refresh()

    def open(self) -> SignOffDialog:
        """The page, with what it takes to sign."""
        dialog = SignOffDialog(self.proving, self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()
        return dialog

    def refresh(self) -> None:
        """Say who said what."""
        now = self.do.transform
        if self.said is not None:
            discard(self.said)
            self.said = None
        self.button.setEnabled(now is not None)
        found = now.sign_off if now else None
        self.remark.setText(found.remark if found else "")
        self.remark.setVisible(bool(self.remark.text()))
        if now is not None:
            self.said = sign(_sign(found))
            self._column.insertWidget(2, self.said)


def _sign(said: SignOff | None) -> Sign:
    if said is None:
        return Sign("warning", "not reviewed", "warning")
    icon, role = SIGNS[said.verdict]
    return Sign(icon, f"{said.verdict} by {said.reader}, {said.time[:16].replace('T', ' ')}", role)
