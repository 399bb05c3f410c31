"""What would be lost if the session ended now."""

from __future__ import annotations

from viewer.scene.layer import Layer
from viewer.scene.task import Task
from viewer.session.session import Session


def unsaved_layers(session: Session) -> list[Layer]:
    """Results that nobody rejected and nobody saved, and segmentations that were changed since they were saved."""
    saved = {task.about for task in session.tasks if task.state == "done"} | session.in_project
    results = [
        layer
        for layer in session.document.volume_layers
        if layer.review in ("unreviewed", "accepted") and layer.id not in saved
    ]
    labels = [layer for layer in session.document.segmentation_layers if layer.unsaved and layer.review != "rejected"]
    return [*results, *labels]


def running_tasks(session: Session) -> list[Task]:
    """Work that would have to be done again, or a file that would be left half written."""
    return [task for task in session.tasks if task.running and task.kind in ("run", "save")]
