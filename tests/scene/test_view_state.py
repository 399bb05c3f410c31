"""ViewState: every view follows it; an equal value tells nothing."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from viewer.data.annotations.region import Region
from viewer.scene.compare.comparison import Comparison
from viewer.scene.compare.deformation_display import Deformation
from viewer.scene.compare.inspection import Inspection
from viewer.scene.segmentation.brush import Brush
from viewer.scene.segmentation.masking import Masking
from viewer.scene.segmentation.prompt_settings import PromptSettings
from viewer.scene.view_state import LAYOUTS, VIEWS, ViewState

OTHER: dict[str, Any] = {
    "crosshair": (1.0, 2.0, 3.0),
    "timepoint": 4,
    "active": "layer",
    "layout": "1-up",
    "view": "coronal",
    "tool": "zoom",
    "compared": ("a", "b"),
    "inspection": Inspection("layer", "wipe"),
    "comparison": Comparison("CT", "MR", "checkerboard"),
    "landmark": "pair",
    "brush": Brush(8.0),
    "masking": Masking("visible"),
    "prompting": PromptSettings(positive=False),
    "prompt": "point",
    "deformation": Deformation("MR", "arrows"),
    "region": Region("box", (0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (2.0, 3.0), 0.5),
    "show_crosshair": False,
    "show_overlays": False,
    "show_ai": False,
    "finding": "f1",
    "show_text": False,
    "blinded": True,
}


def test_every_field_has_another_value_here() -> None:
    assert set(OTHER) == {field.name for field in fields(ViewState)}


@pytest.mark.parametrize("name", OTHER)
def test_a_change_is_told_once_and_no_other_field_speaks(name: str) -> None:
    state, heard = ViewState(), []
    state.events.connect(lambda info: heard.append((info.signal.name, info.args[0])))
    setattr(state, name, OTHER[name])
    setattr(state, name, OTHER[name])
    assert heard == [(name, OTHER[name])]


def test_it_starts_with_a_view_and_a_layout_that_exist() -> None:
    state = ViewState()
    assert state.layout in LAYOUTS
    assert state.view in VIEWS
