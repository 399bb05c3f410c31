"""What a slice view writes over its picture."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from viewer.data.notice import UNMEASURED
from viewer.render.comparison.comparison_artist import comparison_bars, comparison_lines, comparison_wipe
from viewer.render.comparison.deformation_artist import deformation_bar, deformation_line, strokes
from viewer.render.comparison.inspection_overlay import RegionReader, inspection_lines, wipe_line
from viewer.render.comparison.landmark_marks import ring, shown_pairs
from viewer.render.overlay.finding_marks import finding_badges, finding_marks
from viewer.render.overlay.overlay import (
    ColorBar,
    Line,
    Overlay,
    Wipe,
    color_bars,
    cross,
    label_lines,
    layer_lines,
    loading,
    mark_lines,
    patient_lines,
    scale_bar,
    slice_lines,
    window_lines,
    with_badges,
)
from viewer.render.overlay.prompt_marks import prompt_marks, prompted_layer

if TYPE_CHECKING:
    from viewer.render.planes.plane import Pose
    from viewer.render.slices.slice_content import SliceContent
    from viewer.scene.document import Document
    from viewer.scene.view_state import ViewState


def slice_overlay(
    content: SliceContent, document: Document, state: ViewState, regions: RegionReader, *, active: bool
) -> Overlay:
    """Texts and marks over a slice. regions: measures the drawn region. active: with the accent frame."""
    base, reference, pose, shown = content.base, content.reference, content.pose, content.shown
    if base is None or reference is None or pose is None:
        return Overlay(active=active)
    if pose.plane.flat:
        return Overlay(message=f"This image has no {pose.plane.name} slices.", active=active)
    selected = next((layer for layer in shown if layer.id == state.active), base)
    written = state.show_crosshair or state.show_text
    badges = finding_badges(document, state, shown)
    common = Overlay(
        top_right=with_badges(mark_lines((*shown, *content.labels)), badges),
        cross=cross(pose, state.crosshair, full=state.show_crosshair) if written else None,
        wipe=slice_wipe(content),
        outline=regions.outline(pose, document, state, shown),
        marks=shown_pairs(document, state, shown, pose),
        ring=ring(document, state, shown, pose),
        strokes=strokes(pose, content.deformation) if content.deformation else None,
        findings=finding_marks(document, state, shown, pose),
        prompts=prompt_marks(prompted_layer(content.labels, state.active), state.prompt, pose),
        loading=loading(shown),
        active=active,
    )
    if not state.show_text:
        return common
    zoom = min(pose.plane.grid.spacing[axis] for axis in pose.plane.screen_axes) / pose.scale
    return replace(
        common,
        top_left=patient_lines(base.source),
        top_right=with_badges(_lines(content, pose), badges),
        bottom_left=window_lines(selected.window, selected.volumes[0].unit, zoom),
        bottom_right=slice_lines(pose.plane, pose.index, reference, state.timepoint),
        edges=pose.plane.letters,
        scale_bar=None if UNMEASURED in base.badges else scale_bar(pose.scale, pose.width),
        color_bars=_bars(content),
    )


def slice_wipe(content: SliceContent) -> Wipe | None:
    """The line between two images that are held against each other; None without one."""
    if content.pose and content.comparison:
        return comparison_wipe(content.pose, content.comparison)
    return wipe_line(content.pose, content.inspection) if content.pose and content.inspection else None


def _lines(content: SliceContent, pose: Pose) -> tuple[Line, ...]:
    first = (deformation_line(pose, content.deformation),) if content.deformation else ()
    first = *first, *label_lines(content.labels)
    if content.comparison:
        return *first, *comparison_lines(content.comparison)
    return *first, *(inspection_lines(content.inspection) if content.inspection else layer_lines(content.shown))


def _bars(content: SliceContent) -> tuple[ColorBar, ...]:
    bar = deformation_bar(content.deformation) if content.deformation else None
    others = comparison_bars(content.comparison) if content.comparison else color_bars(content.shown)
    return (bar, *others) if bar else others
