"""Before the window closes: name what would be lost, once."""

from __future__ import annotations

from PySide6.QtWidgets import QMessageBox, QWidget

from viewer.scene.layer import Layer
from viewer.scene.task import Task
from viewer.session.session import Session

NAMED = 5  # of each kind, at most


def unsaved(session: Session) -> list[Layer]:
    """Results that nobody rejected and nobody saved, and segmentations that were changed since they were saved."""
    saved = {task.about for task in session.tasks if task.state == "done"} | session.in_project
    results = [
        layer
        for layer in session.document.volume_layers
        if layer.review in ("unreviewed", "accepted") and layer.id not in saved
    ]
    labels = [layer for layer in session.document.segmentation_layers if layer.unsaved and layer.review != "rejected"]
    return [*results, *labels]


def running(session: Session) -> list[Task]:
    """Work that would have to be done again, or a file that would be left half written."""
    return [task for task in session.tasks if task.running and task.kind in ("run", "save")]


def question(session: Session) -> str:
    """What to ask before leaving; "" where nothing would be lost."""
    parts = []
    if layers := unsaved(session):
        parts.append(f"Not saved: {_names([layer.name for layer in layers])}.")
    if tasks := running(session):
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
        "Quit without saving" if unsaved(session) else "Stop and quit", QMessageBox.ButtonRole.DestructiveRole
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
