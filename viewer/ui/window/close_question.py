"""Before the window closes: name what would be lost, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMessageBox, QWidget

from viewer.ui.widgets.text_format import count

if TYPE_CHECKING:
    from viewer.session.session import Session

NAMED = 5  # of each kind, at most


def question(session: Session) -> str:
    """What to ask before leaving; "" where nothing would be lost."""
    parts = []
    if layers := session.saving.unsaved():
        parts.append(f"Not saved: {_names([layer.name for layer in layers])}.")
    if session.document.findings.unsaved:
        parts.append(f"Not saved: {count(len(session.document.findings), 'finding')}; a project keeps them.")
    if tasks := session.saving.running():
        parts.append(f"Still running: {_names([task.title for task in tasks])}.")
    return "\n".join(parts)


def may_leave(session: Session, parent: QWidget) -> bool:
    """Ask where something would be lost."""
    text = question(session)
    if not text:
        return True
    box = QMessageBox(QMessageBox.Icon.Warning, "Quit Tomolens?", text, parent=parent)
    box.setInformativeText("Quit all the same?")
    leave = box.addButton(
        "Quit without saving" if "Not saved" in text else "Stop and quit", QMessageBox.ButtonRole.DestructiveRole
    )
    stay = box.addButton("Stay", QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(stay)
    box.setEscapeButton(stay)
    box.exec()
    left = box.clickedButton() is leave
    box.deleteLater()
    return left


def _names(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
