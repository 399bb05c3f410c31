"""How the document is looked at: shared by all views, never exported, never undone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from psygnal import SignalGroupDescriptor

from viewer.data.annotations.region import Region
from viewer.scene.compare.comparison import Comparison
from viewer.scene.compare.deformation_display import Deformation
from viewer.scene.compare.inspection import Inspection
from viewer.scene.segmentation.brush import Brush
from viewer.scene.segmentation.masking import Masking
from viewer.scene.segmentation.prompt_settings import PromptSettings

Layout = Literal["2x2", "1-up", "1+3", "compare"]
LAYOUTS: tuple[Layout, ...] = ("2x2", "1-up", "1+3", "compare")
VIEWS = ("axial", "volume", "sagittal", "coronal")  # reading order of the 2×2 layout


@dataclass(eq=False)
class ViewState:
    """How all views look. crosshair: world position, LPS mm. timepoint: from 0. active: the selected layer's id.

    view: the view that the keyboard and the 1-up layout mean, one of VIEWS. tool: id of what the left button does.
    inspection: how the active result is held against its input; None while the layers are shown as they are.
    comparison: how the two images of a registration are held against each other, in place of the layers as they are.
    landmark: id of the pair of landmarks that is chosen. deformation: how a transform is drawn over the images.
    region: the drawn region of interest, where there is one.
    brush, masking: how the painting tools paint, and which voxels they may change. prompting: how prompts are meant;
    prompt: id of the one that is chosen. finding: id of the one that is chosen.
    compared: ids of the layers that the layout "compare" shows side by side, in one plane (input, result, difference).
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    crosshair: tuple[float, float, float] = (0.0, 0.0, 0.0)
    timepoint: int = 0
    active: str = ""
    layout: Layout = "2x2"
    view: str = "axial"
    tool: str = "window_level"
    compared: tuple[str, ...] = ()
    inspection: Inspection | None = None
    comparison: Comparison | None = None
    landmark: str = ""
    deformation: Deformation | None = None
    region: Region | None = None
    brush: Brush = field(default_factory=Brush)
    masking: Masking = field(default_factory=Masking)
    prompting: PromptSettings = field(default_factory=PromptSettings)
    prompt: str = ""
    finding: str = ""
    show_crosshair: bool = True
    show_overlays: bool = True  # layers above the base
    blinded: bool = False  # nothing tells whose images these are
    show_ai: bool = True  # findings of algorithms, with their regions and heat maps
    show_text: bool = True  # corner texts, scale bar, orientation letters
