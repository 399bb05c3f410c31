"""Pictures for docs/segmentation.md: the tools of the Segments tab, every effect on one sheet, the brain by doubt."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.compute.effects.shape.islands import keep_at

if TYPE_CHECKING:
    from PySide6.QtGui import QImage

    from viewer.app import Stage
    from viewer.scene.segmentation_layer import SegmentationLayer

VENTRICLES = ((90, 84, 82), (90, 84, 97))  # a voxel in each of the sample's lateral ventricles
CELL, COLUMNS = 360, 5  # px, and pictures a row of the sheet
SETTINGS: dict[str, dict[str, Any]] = {  # where the defaults show little of the sample
    "threshold": {"lower": 150.0, "upper": 400.0},
    "otsu": {"classes": 4, "take": 2},
    "extend": {"reach": 12.0},
    "snake": {"reach": 12.0, "to": "likeness", "push": 0.0},
    "margin": {"distance": 4.0},
    "smooth": {"radius": 2.0},
    "hollow": {"thickness": 1.0},
}


def segmentation(pictures: Path) -> None:
    """All of them, of the sample's T1."""
    from viewer.app import Stage
    from viewer.cli.headless_session import find_images, finish
    from viewer.io.sample.sample import make_sample

    with Stage() as stage:
        session, window = stage.session, stage.window
        finish(stage, session.studies.load(find_images(stage, [make_sample().baseline / "t1"])[0]))
        window.inspector.setCurrentWidget(window.segments)
        window.segments.controller.choose_tool("brush")
        layer = window.segments.controller.layer
        assert layer is not None
        seed(stage, layer)
        stage.picture(pictures / "segments-paint.png")
        prompts(stage, pictures)
        session.state.show_text = session.state.show_crosshair = False
        sheet(stage, layer).save(str(pictures / "segments-effects.png"))
        session.layers.remove(layer)
        session.state.show_text = session.state.show_crosshair = True
        brain(stage, pictures / "brain.png")


def brain(stage: Stage, path: Path) -> None:
    """The structures of the sample's brain, outlined, with their doubts as a list and as a map."""
    from viewer.cli.headless_session import finish

    session, review = stage.session, stage.window.review
    image = session.document.volume_layers[0]
    finish(stage, session.runs.run_plugin("segment_brain", {"image": image.id}, {}))
    (layer,) = session.document.segmentation_layers
    session.state.active, layer.fill = layer.id, 0.0
    stage.window.inspector.setCurrentWidget(review)
    at = session.state.crosshair
    review.doubt.controller.visit_next()
    stage.until(lambda: session.state.crosshair != at)
    review.doubt.controller.flip_map()
    stage.picture(path)


def prompts(stage: Stage, pictures: Path) -> None:
    """Both lateral ventricles from a point in each, in a segmentation of their own that is closed again."""
    from viewer.cli.headless_session import finish
    from viewer.data.annotations.prompts import Prompt

    session, controller = stage.session, stage.window.segments.controller
    before = controller.layer
    controller.new()
    layer = controller.layer
    assert layer is not None
    assert before is not None
    before.visible = False
    image = session.document.volume_layers[0].volumes[0]
    controller.choose_tool("prompt_point")
    for index, side in zip(VENTRICLES, ("right", "left"), strict=True):
        name = f"Ventricle {side}"
        if layer.segmentation.segments[-1].prompts:
            controller.add(name)
        else:
            controller.change(layer.segmentation.segments[0], name=name)
        x, y, z = image.grid.to_world(index).tolist()
        session.state.crosshair = (x, y, z)
        finish(
            stage, session.prompts.add(layer, layer.segmentation.segments[-1].key, Prompt("point", ((x, y, z),)), image)
        )
    stage.picture(pictures / "segments-prompts.png")
    doubt = stage.window.segments.prompts.doubt.controller
    doubt.flip_map()
    doubt.visit()
    stage.picture(pictures / "segments-prompts-doubt.png")
    doubt.flip_map()
    session.layers.remove(layer)
    session.state.active, before.visible = before.id, True
    controller.choose_tool("brush")


def seed(stage: Stage, layer: SegmentationLayer) -> None:
    """Two segments to begin from: a part of the ventricles, with a hole and an island, and a ring in white matter."""
    session, controller = stage.session, stage.window.segments.controller
    controller.change(controller.segment, name="Ventricles")
    controller.add("White matter")
    image = session.document.volume_layers[0].volumes[0]
    k, j, i = np.indices(layer.grid.shape, sparse=True)
    centre = [n / 2 for n in layer.grid.shape]
    off = sum(((axis - at) * step) ** 2 for axis, at, step in zip((k, j, i), centre, layer.grid.spacing, strict=True))
    dark, bright = (image.array > 150) & (image.array < 400), image.array > 800
    near = dark & (off < 34**2) & (abs(k - centre[0]) < 12)
    inside = keep_at(near, (90, 84, 82)) | keep_at(near, (90, 84, 97))
    inside[89:92, 83:86, 81:84] = False
    inside[88:93, 60:64, 112:116] = True
    whole = tuple(slice(0, n) for n in layer.grid.shape)
    for key, mask in (((0, 1), inside), ((0, 2), bright & (off > 38**2) & (off < 44**2))):
        session.segments.apply_mask(layer, key, mask, whole, "Seed")  # type: ignore[arg-type]
    controller.choose((0, 1))


def sheet(stage: Stage, layer: SegmentationLayer) -> QImage:
    """The axial view after each effect, with its name; every one begins from the same strokes."""
    from PySide6.QtCore import QRect, Qt
    from PySide6.QtGui import QColor, QImage, QPainter

    from viewer.effects.catalogue import OPERATIONS

    rows = -(-len(OPERATIONS) // COLUMNS)
    whole = QImage(COLUMNS * CELL, rows * (CELL + 24), QImage.Format.Format_RGB32)
    whole.fill(QColor("#16181c"))
    painter = QPainter(whole)
    painter.setPen(QColor("#d8dce2"))
    for place, one in enumerate(OPERATIONS):
        x, y = place % COLUMNS * CELL, place // COLUMNS * (CELL + 24)
        view = after(stage, layer, one.id)
        side = min(view.width(), view.height())
        middle = QRect((view.width() - side) // 2, (view.height() - side) // 2, side, side)
        painter.drawText(QRect(x, y, CELL, 24), Qt.AlignmentFlag.AlignCenter, one.title)
        painter.drawImage(QRect(x + 2, y + 24, CELL - 4, CELL - 4), view, middle)
    painter.end()
    return whole


def after(stage: Stage, layer: SegmentationLayer, name: str) -> QImage:
    """The axial view once an effect was applied; then that is taken back."""
    from viewer.effects.catalogue import OPERATIONS

    session, effects = stage.session, stage.window.segments.effects
    steps, kept = len(session.history.undo_labels), None
    effects.choose(next(one for one in OPERATIONS if one.id == name))
    if name == "fill_between":  # something to fill: every fourth slice stays
        kept = layer.segmentation.array.copy()
        layer.segmentation.array[np.arange(len(kept)) % 4 != 2] = 0
    for field, value in SETTINGS.get(name, {}).items():
        effects.form.fields[field].value = value
    if effects.chosen.live == "play":
        effects.preview_button.click()
        stage.until(lambda: not effects.preview.playing)
    effects.run()
    stage.until(lambda: not any(task.running for task in session.tasks))
    with TemporaryDirectory() as folder:
        stage.picture(Path(folder) / "drawn in full.png")
    view = stage.window.views.by_name["axial"].picture()
    while len(session.history.undo_labels) > steps:
        session.history.undo()
    if kept is not None:
        layer.segmentation.array[:] = kept
    return view
