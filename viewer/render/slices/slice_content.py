"""What a slice view shows: resolved from the document and the view state in one place, without a widget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from viewer.render.comparison.deformation_artist import DeformationContent, deformation_content
from viewer.scene.compare.comparison import ComparisonPair, comparison_pair
from viewer.scene.compare.inspection import InspectionPair, inspection_pair

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.render.planes.plane import Pose
    from viewer.scene.document import Document
    from viewer.scene.layer import Layer, VolumeLayer
    from viewer.scene.segmentation_layer import SegmentationLayer
    from viewer.scene.view_state import ViewState


@dataclass(frozen=True, eq=False)
class SliceContent:
    """The layers and the slice that a view shows at one moment.

    shown: the images, the base first: those that are held against each other, else the visible ones. labels: the
    segmentations over them, bottom first. reference: the image whose slices are those of the view. pose: the slice on
    the screen; None where there is no visible image. comparison: two images held against each other; it goes before
    everything else. inspection: a result held against its input. deformation: the transform drawn over the images.
    """

    shown: tuple[VolumeLayer, ...]
    labels: tuple[SegmentationLayer, ...]
    reference: VolumeLayer | None
    pose: Pose | None
    comparison: ComparisonPair | None
    inspection: InspectionPair | None
    deformation: DeformationContent | None

    @property
    def base(self) -> VolumeLayer | None:
        """The lowest image that is drawn."""
        return next(iter(self.shown), None)

    def appearance(self, layer: VolumeLayer) -> VolumeLayer:
        """The layer whose window and colours an image has: an input those of the result it is held against."""
        seen = self.inspection
        return seen.result if seen and layer is seen.original else layer

    def timepoint(self, layer: Layer, now: int) -> int:
        """The time point that is drawn: of an input the one that its result was computed from, else `now`."""
        seen = self.inspection
        return seen.result.made_at if seen and layer is seen.original else now


def slice_content(
    document: Document,
    state: ViewState,
    visible: tuple[VolumeLayer, ...],
    labels: tuple[SegmentationLayer, ...],
    pose_of: Callable[[VolumeLayer], Pose],
) -> SliceContent:
    """What a slice view shows at this moment.

    visible, labels: what it would show of the document. pose_of: the slice on the grid of the reference.
    """
    comparison = comparison_pair(document, state.comparison)
    inspection = None if comparison else inspection_pair(document, state.inspection, state.active)
    held = comparison or inspection
    shown = held.shown if held else visible
    if comparison:
        reference: VolumeLayer | None = comparison.fixed
    else:
        reference = next(iter(shown), None) if inspection else document.reference
    pose = pose_of(reference) if reference else None
    return SliceContent(
        shown, labels, reference, pose, comparison, inspection, deformation_content(document.root, state.deformation)
    )
