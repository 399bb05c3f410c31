"""What a slice view writes over its picture."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from viewer.data.notice import UNMEASURED
from viewer.render.comparison.comparison_artist import comparison_bars, comparison_lines, comparison_wipe
from viewer.render.comparison.deformation_artist import deformation_bar, deformation_line, strokes
from viewer.render.comparison.inspection_overlay import inspection_lines, wipe_line
from viewer.render.comparison.landmark_marks import ring, shown_pairs
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
)
from viewer.render.planes.plane import Pose

if TYPE_CHECKING:
    from viewer.render.slices.slice_view import SliceView


def slice_overlay(view: SliceView, *, active: bool) -> Overlay:
    """For the slice that a view shows now. active: with the accent frame."""
    base, reference, pose, state = view.base, view.reference, view.pose, view.state
    if base is None or reference is None or pose is None:
        return Overlay(active=active)
    if pose.plane.flat:
        return Overlay(message=f"This image has no {view.name} slices.", active=active)
    shown = view.shown
    selected = next((layer for layer in shown if layer.id == state.active), base)
    written = state.show_crosshair or state.show_text
    common = Overlay(
        top_right=mark_lines((*shown, *view.labels)),
        cross=cross(pose, state.crosshair, full=state.show_crosshair) if written else None,
        wipe=_wipe(view, pose),
        outline=view.region_outline(pose),
        marks=shown_pairs(view, pose),
        ring=ring(view, pose),
        strokes=strokes(pose, view.deformed) if view.deformed else None,
        loading=loading(shown),
        active=active,
    )
    if not state.show_text:
        return common
    zoom = min(pose.plane.grid.spacing[axis] for axis in pose.plane.screen_axes) / pose.scale
    return replace(
        common,
        top_left=patient_lines(base.source),
        top_right=_lines(view, pose),
        bottom_left=window_lines(selected.window, selected.volumes[0].unit, zoom),
        bottom_right=slice_lines(pose.plane, pose.index, reference, state.timepoint),
        edges=pose.plane.letters,
        scale_bar=None if UNMEASURED in base.badges else scale_bar(pose.scale, view.width()),
        color_bars=_bars(view),
    )


def _wipe(view: SliceView, pose: Pose) -> Wipe | None:
    if view.compared:
        return comparison_wipe(pose, view.compared)
    return wipe_line(pose, view.inspected) if view.inspected else None


def _lines(view: SliceView, pose: Pose) -> tuple[Line, ...]:
    first = (deformation_line(pose, view.deformed),) if view.deformed else ()
    first = *first, *label_lines(view.labels)
    if view.compared:
        return *first, *comparison_lines(view.compared)
    return *first, *(inspection_lines(view.inspected) if view.inspected else layer_lines(view.shown))


def _bars(view: SliceView) -> tuple[ColorBar, ...]:
    bar = deformation_bar(view.deformed) if view.deformed else None
    others = comparison_bars(view.compared) if view.compared else color_bars(view.shown)
    return (bar, *others) if bar else others
