"""`snapshot`: a picture of the window with a study opened."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from viewer.cli.exit_codes import BadInput, WrongUse
from viewer.cli.headless_session import WindowStage, check_placement, find_images, finish, open_all
from viewer.data.printable_text import printable
from viewer.scene.view_state import LAYOUTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


def snapshot(
    window: Callable[[], WindowStage],
    paths: Sequence[str],
    layout: str,
    out: Path,
    overlay: str = "",
    time: int | None = None,
    placement: str = "",
) -> None:
    """Open the largest image of `paths`, lay another one over it where asked, and write the window as PNG.

    time: the time point shown, 1 being the first. placement: of NIfTI files, "sform" or "qform". Raises WrongUse and
    BadInput.
    """
    choice = next((one for one in LAYOUTS if one == layout), None)
    if choice is None:
        raise WrongUse(f"--layout {layout}: there is no such layout; choose one of {', '.join(LAYOUTS)}.")
    check_placement(placement)
    with window() as stage:
        stage.placement = placement
        images = find_images(stage, paths)
        image = max(images, key=lambda one: one.bytes)
        number = 1 if time is None else time
        if not 1 <= number <= image.timepoints:
            raise BadInput(f"{image.name}: it has {image.timepoints} time points, so --time {time} names none.")
        finish(stage, stage.session.studies.load(image))
        stage.session.state.timepoint = number - 1
        if time is None and image.timepoints > 1:
            said = f"Time point 1 of {image.timepoints} is shown; choose another one by --time."
            print(printable(said), file=sys.stderr)
        if overlay:
            known = {one.key for one in images}
            more = [one for one in open_all(stage, [overlay]) if one.key not in known]
            if more:
                finish(stage, stage.session.studies.load(max(more, key=lambda one: one.bytes), overlay=True))
            elif not stage.session.document.segmentation_layers:
                raise BadInput(f"{overlay}: holds no other image to lay over the first, and no segments.")
        stage.session.state.layout = choice
        out.parent.mkdir(parents=True, exist_ok=True)
        stage.picture(out)
