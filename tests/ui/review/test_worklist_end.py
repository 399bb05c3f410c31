"""A task list whose window is closed."""

from __future__ import annotations

from concurrent.futures import Executor, Future

import SimpleITK as sitk

from viewer.io.errors import SaveError
from viewer.session.review.worklist_session import WorklistSession


class AtOnce(Executor):
    """The thread that keeps the list, where it is quicker than the window's."""

    def submit(self, function, *arguments):
        done = Future()
        try:
            done.set_result(function(*arguments))
        except SaveError as error:
            done.set_exception(error)
        return done


def test_a_window_that_closes_is_told_nothing_more(session, tmp_path, monkeypatch, qtbot, qapp):
    """Its widgets are gone by the time that what was posted arrives."""
    sitk.WriteImage(sitk.Image(10, 8, 6, sitk.sitkInt16), tmp_path / "image.nii.gz")
    (tmp_path / "cases.csv").write_text("case,image\nfirst,image.nii.gz\n")
    said = []
    session.messages.added.connect(said.append)
    controller = WorklistSession(session)
    controller.open(tmp_path / "cases.csv")
    qtbot.waitUntil(lambda: controller.worklist is not None)
    controller.go(1)
    qtbot.waitUntil(lambda: controller.layer is not None and not any(task.running for task in session.tasks))
    session.background.submit("worklist", int).result()  # what came before is written
    (controller.worklist.output / "tasks.json").write_text("{}")  # somebody else works on it
    monkeypatch.setitem(session.background._queues, "worklist", AtOnce())
    controller.end()
    qapp.processEvents()
    assert said == []
