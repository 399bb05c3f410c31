"""Make the pictures of the documentation anew: `python docs/make_pictures.py` (some minutes; no display needed).

They show the built-in sample only, so anybody can make the same ones.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from viewer.app import Stage

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
FROM_DEMO = ("baseline.png", "fusion.png", "follow-up.png", "denoised.png")


def main() -> None:
    """Run the demo, keep its pictures, and take those of the panels."""
    sys.path.insert(0, str(ROOT))
    from main import main as tomolens

    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        if code := tomolens(["demo", "--out", folder]):
            sys.exit(code)
        for name in FROM_DEMO:
            (PICTURES / name).write_bytes((Path(folder) / name).read_bytes())
    panels()
    registration()
    from doubt_picture import doubt
    from finding_pictures import findings
    from house_picture import picture
    from notice_pictures import notices
    from project_picture import missing_images
    from recovery_picture import recovery
    from review_pictures import review
    from segment_pictures import segmentation
    from tuning_picture import tuning

    (PICTURES / "house.svg").write_text(picture(), encoding="utf-8")
    notices(PICTURES)
    segmentation(PICTURES)
    review(PICTURES)
    doubt(PICTURES)
    tuning(PICTURES)
    findings(PICTURES)
    recovery(PICTURES)
    missing_images(PICTURES)


def panels() -> None:
    """The plugin form while a job runs, the facts of a result, its inspection, the models."""
    from viewer.app import Stage
    from viewer.cli.headless_session import find_images, finish
    from viewer.io.sample.sample import make_sample

    with Stage() as stage:
        session, window = stage.session, stage.window
        images = find_images(stage, [make_sample().baseline / "t1"])
        finish(stage, session.studies.load(images[0]))
        window.choose_plugin("denoise")
        window.docks.bottom.show()
        task = window.plugins.page.run()
        stage.until(lambda: task.progress > 0.3 or not task.running)
        stage.picture(PICTURES / "plugin-running.png")
        finish(stage, task)
        window.inspector.setCurrentWidget(window.info)
        stage.picture(PICTURES / "result-facts.png")
        window.docks.bottom.hide()
        inspection(stage)
        models(stage)


def inspection(stage: Stage) -> None:
    """The result against its input: wiped, and their difference."""
    window = stage.window
    window.inspector.setCurrentWidget(window.inspect)
    for mode in ("wipe", "difference"):
        window.inspect.controller.turn_on(mode)
        stage.until(lambda: not any(task.running for task in stage.session.tasks) and window.inspect.truth.retention)
        stage.picture(PICTURES / f"inspect-{mode}.png")


def models(stage: Stage) -> None:
    """The card of the denoiser."""
    from PySide6.QtWidgets import QApplication

    stage.window.commands.show_models("denoise-haar")
    stage.until(lambda: stage.session.models.known)
    dialog = QApplication.activeModalWidget()
    stage.until(dialog.area.verticalScrollBar().isVisible)  # laid out
    dialog.grab().save(str(PICTURES / "models.png"))
    dialog.close()


def registration() -> None:
    """The follow-up brought onto the baseline: while it runs, after, the deformation, the page to sign."""
    from viewer.app import Stage
    from viewer.cli.headless_session import find_images, finish
    from viewer.io.sample.sample import make_sample

    with Stage() as stage:
        session, window = stage.session, stage.window
        sample = make_sample()
        for folder in (sample.baseline / "t1", sample.follow_up / "t1"):
            known = {image.key for images in session.studies.images.values() for image in images}
            image = next(one for one in find_images(stage, [folder]) if one.key not in known)
            finish(stage, session.studies.load(image, overlay=bool(known)))
        window.inspector.setCurrentWidget(window.register)
        panel = window.register
        panel.compare.choices["colour"].click()
        panel.align.method.setCurrentIndex(panel.align.method.findData("register_deform"))
        task = panel.align.run()
        stage.until(lambda: task.progress > 0.6 or not task.running)
        window.picture().save(str(PICTURES / "register-running.png"))
        finish(stage, task)
        stage.picture(PICTURES / "register.png")
        deformation = panel.compare.deformation
        deformation.setCurrentIndex(deformation.findData("grid"))
        deformation.activated.emit(0)
        stage.picture(PICTURES / "register-grid.png")
        finish(stage, panel.assessor.assess())
        dialog = panel.sign_off.open()
        stage.until(lambda: dialog.report is not None)
        dialog.grab().save(str(PICTURES / "register-sign-off.png"))
        dialog.close()


if __name__ == "__main__":
    main()
