"""`snapshot`: a picture of the window with a study opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from viewer.cli.failure import BadInput, WrongUse
from viewer.cli.stage import WindowStage, find_images, finish, open_all
from viewer.scene.view_state import LAYOUTS


def snapshot(
    window: Callable[[], WindowStage], paths: Sequence[str], layout: str, out: Path, overlay: str = ""
) -> None:
    """Open the largest image of `paths`, lay another one over it where asked, and write the window as PNG."""
    choice = next((one for one in LAYOUTS if one == layout), None)
    if choice is None:
        raise WrongUse(f"--layout {layout}: there is no such layout; choose one of {', '.join(LAYOUTS)}.")
    with window() as stage:
        image = max(find_images(stage, paths), key=lambda one: one.bytes)
        finish(stage, stage.session.load(image))
        if overlay:
            known = {one.key for series in stage.session.images.values() for one in series}
            more = [one for one in open_all(stage, [overlay]) if one.key not in known]
            if more:
                finish(stage, stage.session.load(max(more, key=lambda one: one.bytes), overlay=True))
            elif not stage.session.document.segmentation_layers:
                raise BadInput(f"{overlay}: holds no other image to lay over the first, and no segments.")
        stage.session.state.layout = choice
        out.parent.mkdir(parents=True, exist_ok=True)
        stage.picture(out)
