"""Pictures of the Review tab and of a task list for docs/review.md, of the built-in sample."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from segment_pictures import seed

if TYPE_CHECKING:
    from viewer.app import Stage
    from viewer.scene.segmentation_layer import SegmentationLayer


def review(pictures: Path) -> None:
    """Two readers of the sample's T1 compared; then the three images of the sample as a blinded task list."""
    from viewer.app import Stage
    from viewer.cli.headless_session import find_images, finish
    from viewer.io.sample.sample import make_sample

    with Stage() as stage, TemporaryDirectory() as folder:
        session, window = stage.session, stage.window
        window.worklist.controller.trail.move_to(Path(folder))  # not the user's own trail
        window.worklist.reader.setText("MK")
        finish(stage, session.studies.load(find_images(stage, [make_sample().baseline / "t1"])[0]))
        first = reader(stage, "Reader 1")
        second = reader(stage, "Reader 2")
        labels = second.segmentation.array
        inside = labels == 1
        labels[np.roll(inside, 2, 1) & (labels == 0)] = 1  # this one draws generously towards the front
        labels[(labels == 1) & (np.arange(labels.shape[2]) > labels.shape[2] * 0.56)] = 0  # and stops early at a side
        second.notify_written(0, (slice(None), slice(None), slice(None)))
        window.inspector.setCurrentWidget(window.review)
        section = window.review.compare
        section.controller.choose(first, second)
        finish(stage, section.controller.compare())
        stage.until(lambda: bool(section.controller.rows))
        section.table.setCurrentCell(0, 0)
        section.visit(0)
        stage.until(lambda: section.differences.layer is not None)
        stage.picture(pictures / "review-compare.png")
    with Stage() as stage, TemporaryDirectory() as folder:
        worklist(stage, Path(folder), pictures)


def reader(stage: Stage, name: str) -> SegmentationLayer:
    """A segmentation with the two segments of the editor's pictures."""
    session, controller = stage.session, stage.window.segments.controller
    image = session.document.volume_layers[0]
    layer = session.segments.new_layer(image, name)
    session.segments.add(layer)
    controller.choose_layer(layer)
    seed(stage, layer)
    return layer


def worklist(stage: Stage, folder: Path, pictures: Path) -> None:
    """The sample's series, each as often as makes a list; some are decided."""
    from viewer.io.sample.sample import make_sample

    sample, panel = make_sample(), stage.window.worklist
    series = [one for study in (sample.baseline, sample.follow_up) for one in sorted(study.iterdir()) if one.is_dir()]
    for n in range(12):
        (folder / f"case {n + 1}").mkdir()
        for file in series[n % len(series)].iterdir():
            (folder / f"case {n + 1}" / file.name).hardlink_to(file)
    panel.controller.open(folder)
    stage.until(lambda: panel.controller.worklist is not None)
    panel.reader.setText("MK")
    panel.controller.blind(True)
    states = ("completed", "completed", "flagged", "completed", "rejected")
    for case_id, state in zip(panel.controller.worklist.order, states, strict=False):
        panel.controller.worklist.change(
            case_id, state=state, seconds=40.0 + 17 * len(case_id) + 31 * len(state), reader="MK"
        )
    stage.window.inspector.setCurrentWidget(stage.window.review)
    panel.controller.go(1)
    stage.until(lambda: panel.controller.layer is not None)
    stage.picture(pictures / "review-tasks.png")
    panel.controller.close()
    panel.controller.end()
