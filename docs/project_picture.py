"""The dialog for images that a project does not find."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory


def missing_images(pictures: Path) -> None:
    """A project is saved, its images are moved away, and it is opened again."""
    from viewer.app import Stage
    from viewer.cli.headless_session import find_images, finish
    from viewer.io.sample.sample import make_sample
    from viewer.ui.dialogs.missing_images import MissingImagesDialog

    with Stage() as stage, TemporaryDirectory(prefix="case-") as folder:
        session, place = stage.session, Path(folder) / "baseline"
        shutil.copytree(make_sample().baseline / "t1", place / "t1")
        finish(stage, session.studies.load(find_images(stage, [place])[0]))
        project = Path(folder) / "case.tomolens"
        finish(stage, session.projects.save(project))
        place.rename(Path(folder) / "archive")
        asked: list[object] = []
        session.projects.images_missing.connect(asked.append)
        session.projects.open(project)
        stage.until(lambda: bool(asked))
        dialog = stage.window.findChildren(MissingImagesDialog)[-1]
        dialog.resize(dialog.minimumWidth(), dialog.minimumSizeHint().height())
        dialog.grab().save(str(pictures / "project-missing.png"))
