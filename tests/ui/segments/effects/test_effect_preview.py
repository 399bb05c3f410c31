"""The preview of an effect by its request and its signals, without the section."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject

from viewer.effects.catalogue import OPERATIONS
from viewer.ui.segments.controller import SegmentsController
from viewer.ui.segments.effects.preview_controller import EffectPreview, EffectRequest

HOLLOW = next(one for one in OPERATIONS if one.id == "hollow")


@pytest.fixture
def controller(session, add_image) -> SegmentsController:
    """A segment with a box in it."""
    add_image()
    made = SegmentsController(session)
    made.new()
    made.layer.segmentation.array[4:8, 8:16, 8:24] = 1
    return made


@pytest.fixture
def preview(controller) -> Iterator[EffectPreview]:
    parent = QObject()
    made = EffectPreview(controller, lambda: EffectRequest(HOLLOW, controller.effect_target(), {}), parent)
    yield made
    made.stop()


def test_it_tells_that_it_has_answers_and_is_no_edit(preview, controller, session, qtbot):
    before = controller.layer.segmentation.array.copy()
    fractions: list[float] = []
    preview.progressed.connect(fractions.append)
    with qtbot.waitSignal(preview.changed, check_params_cb=lambda: preview.answers is not None):
        preview.flip()
    assert preview.on
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert (controller.layer.segmentation.array == before).all()
    assert session.document.shown[-1].name == "preview"
    with qtbot.waitSignal(preview.toggled):
        preview.flip()
    assert (preview.on, preview.answers) == (False, None)
    assert session.document.shown[-1].name != "preview"


def test_what_cannot_be_done_is_said_and_nothing_is_shown(preview, controller, session, qtbot):
    controller.layer.segmentation.array[:] = 0
    messages: list[str] = []
    session.messages.added.connect(lambda message: messages.append(message.text))
    preview.flip()
    qtbot.waitUntil(lambda: bool(messages))
    assert not preview.on


def test_without_a_segment_there_is_nothing_to_compute(preview, controller):
    controller.remove()
    preview.flip()
    assert preview.answers is None
