"""What a view writes over its picture, as data: texts, letters, scale bar, colour bars, lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from viewer.data.grid import PLANES, orientation_letters
from viewer.render.colormaps import BOUNDED
from viewer.scene.layer import MARKS, PlacedLayer, VolumeLayer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.data.study import Source
    from viewer.data.volume import Window
    from viewer.render.overlay.finding_marks import FindingMark
    from viewer.render.overlay.prompt_marks import PromptMark
    from viewer.render.planes.plane import Plane, Pose
    from viewer.scene.segmentation_layer import SegmentationLayer

TEXT, DIM, ACCENT = "#d8dce2", "#a3abb6", "#3fb6c9"
AI, WARNING, DANGER = "#a890f0", "#e2a43b", "#e5645f"
REGION = "#ff9ad5"
PLANE_COLORS = {"axial": "#f0635c", "sagittal": "#edd54c", "coronal": "#6eb04b"}
SCALE_SHARE = 0.25  # of the view's width, at most, for the scale bar


@dataclass(frozen=True)
class Line:
    """One line of text in a corner."""

    text: str
    color: str = TEXT


@dataclass(frozen=True)
class ScaleBar:
    """A round length in mm and how many pixels it takes."""

    mm: float
    pixels: float

    @property
    def text(self) -> str:
        """The bar's length, in cm from 10 mm on."""
        return f"{self.mm / 10:g} cm" if self.mm >= 10 else f"{self.mm:g} mm"


@dataclass(frozen=True)
class ColorBar:
    """What the colours of a layer mean: the values at the two ends, and in the middle where that is zero."""

    colormap: str
    lower: str
    upper: str
    unit: str
    middle: str = ""


@dataclass(frozen=True)
class Cross:
    """Where the cross-hair is (pixels), and the colours of the planes its two lines stand for.

    full: lines over the whole view; else short marks at the edges.
    """

    x: float
    y: float
    upright: str
    level: str
    full: bool


@dataclass(frozen=True)
class Wipe:
    """The line between input and result. at: its place in pixels, across the view where it is upright, else down it.

    before: what lies left of it or above; after: what lies right of it or below.
    """

    at: float
    upright: bool
    before: Line
    after: Line


@dataclass(frozen=True)
class Outline:
    """A drawn region: its corners in pixels, and what is written beside it."""

    corners: tuple[tuple[float, float], ...]
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Mark:
    """A pair of landmarks in pixels. has: which of its ends lie in the slice; one that does not is drawn faintly.

    chosen: drawn bold.
    """

    id: str
    fixed: tuple[float, float]
    moving: tuple[float, float]
    has: tuple[bool, bool]
    text: Line
    chosen: bool = False


@dataclass(frozen=True)
class Strokes:
    """Lines in pixels; arrows: each has a head at its end."""

    lines: tuple[tuple[tuple[float, float], ...], ...]
    color: str
    arrows: bool = False


@dataclass(frozen=True)
class Overlay:
    """All of it. edges: letters at the left, right, top and bottom. loading: the part that has arrived.

    ring: middle and radius in pixels of the handle that turns an image.
    """

    top_left: tuple[Line, ...] = ()
    top_right: tuple[Line, ...] = ()
    bottom_left: tuple[Line, ...] = ()
    bottom_right: tuple[Line, ...] = ()
    edges: tuple[str, str, str, str] = ("", "", "", "")
    scale_bar: ScaleBar | None = None
    color_bars: tuple[ColorBar, ...] = field(default=())
    cross: Cross | None = None
    wipe: Wipe | None = None
    outline: Outline | None = None
    marks: tuple[Mark, ...] = ()
    ring: tuple[float, float, float] | None = None
    strokes: Strokes | None = None
    prompts: tuple[PromptMark, ...] = ()
    findings: tuple[FindingMark, ...] = ()
    message: str = ""
    loading: float = 1.0
    active: bool = False


def number(value: float) -> str:
    """A value as a reader wants it: no more than three decimals, no exponent where it can be avoided."""
    size = abs(value)
    if size != 0 and (size < 0.001 or size >= 1e7):
        return f"{value:.3g}".replace("-", "−")
    decimals = 0 if size >= 100 else 1 if size >= 10 else 3 if size < 1 else 2
    text = f"{value:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text.replace("-", "−")


def patient_lines(source: Source) -> tuple[Line, ...]:
    """Whose image this is, from when, and which series."""
    source = source.shown
    name = ", ".join(part for part in source.patient_name.split("=")[0].split("^") if part.strip())
    facts = (source.patient_id, source.patient_sex, written_date(source.patient_birth_date))
    about = " · ".join(fact for fact in facts if fact)
    series = f"{source.series_number} " if source.series_number else ""
    study = " · ".join(part for part in (written_date(source.study_date), source.study_description) if part)
    texts = ((name, TEXT), (about, DIM), (study, DIM), (f"{series}{source.series_description}".strip(), DIM))
    return tuple(Line(text, color) for text, color in texts if text)


def layer_lines(shown: Sequence[VolumeLayer], *, solid: bool = False) -> tuple[Line, ...]:
    """What is wrong about seeing the layers together, then the layers, the top one first, each with its badges.

    solid: their opacity is not used.
    """
    lines = list(mismatches(shown))
    for layer in reversed(shown):
        opacity = f" · {layer.opacity:.0%}" if layer.opacity < 1 and not solid else ""
        lines.append(Line(f"{layer.name}{opacity}"))
        lines += [Line(badge, _badge_color(badge)) for badge in layer.badges]
    return tuple(lines)


def label_lines(labels: Sequence[SegmentationLayer]) -> tuple[Line, ...]:
    """The segmentations that are drawn, the top one first, each with its badges."""
    lines = []
    for layer in reversed(labels):
        lines.append(Line(layer.name))
        lines += [Line(badge, _badge_color(badge)) for badge in layer.badges]
    return tuple(lines)


def mark_lines(shown: Sequence[PlacedLayer]) -> tuple[Line, ...]:
    """The marks of results and registrations alone: they stay when all other text is hidden."""
    marks = [
        badge
        for layer in reversed(shown)
        for badge in layer.badges
        if badge in MARKS.values() or badge.startswith(("AI", "registered"))
    ]
    return tuple(Line(mark, _badge_color(mark)) for mark in dict.fromkeys(marks))


def with_badges(lines: Sequence[Line], badges: Sequence[str]) -> tuple[Line, ...]:
    """The lines, and the badges that none of them says."""
    said = {line.text for line in lines}
    return (*lines, *(Line(badge, _badge_color(badge)) for badge in badges if badge not in said))


def _badge_color(badge: str) -> str:
    return AI if badge.startswith("AI") else WARNING


def mismatches(shown: Sequence[VolumeLayer]) -> tuple[Line, ...]:
    """What to know of layers seen together: whether they are of different patients or lie in unrelated spaces."""
    if len(shown) < 2:
        return ()
    base, above = shown[0], shown[1:]
    lines = []
    matches = {base.source.patient_match(layer.source) for layer in above}
    if "different" in matches:
        lines.append(Line("different patients", DANGER))
    elif "not known" in matches:
        lines.append(Line("patient not known", DIM))
    where_files_say = [layer.volumes[0].grid for layer in shown if layer.transform is None]
    frames = {grid.frame_of_reference for grid in where_files_say} - {""}
    if len(frames) > 1 or not all(grid.placed for grid in where_files_say):
        lines.append(Line("different frames of reference", WARNING))
    return tuple(lines)


def window_lines(window: Window, unit: str, zoom: float) -> tuple[Line, ...]:
    """Window width and level with the preset's name, and the zoom (1 is one voxel a pixel)."""
    text = f"W {number(window.width)}  L {number(window.center)}"
    text += f" {unit}" if unit and unit != "1" else ""
    text += f" · {window.name}" if window.name else ""
    return Line(text), Line(f"Zoom {zoom:.0%}", DIM)


def slice_lines(plane: Plane, index: int, layer: VolumeLayer, timepoint: int) -> tuple[Line, ...]:
    """Which slice this is, where it lies along the plane's normal, and which time point."""
    lines = [Line("Not placed in the patient", DIM)]
    if plane.grid.placed:
        depth = plane.depth(index)
        world = PLANES.index(plane.name)
        letter = orientation_letters([(depth or 1.0) if axis == world else 0.0 for axis in range(3)])
        lines = [
            Line(f"{plane.name.capitalize()} {index + 1}/{plane.count}", PLANE_COLORS[plane.name]),
            Line(f"{letter} {abs(depth):.1f} mm · {number(plane.spacing)} mm apart", DIM),
        ]
    if len(layer.volumes) > 1:
        at = min(timepoint, len(layer.volumes) - 1)
        words = layer.volumes[at].time
        lines.append(Line(f"Time {at + 1}/{len(layer.volumes)}" + (f" · {words}" if words else "")))
    return tuple(lines)


def scale_bar(scale: float, width: int) -> ScaleBar | None:
    """The longest round length (1, 2 or 5 times a power of ten) that fits; scale in mm a pixel."""
    room = width * SCALE_SHARE * scale
    lengths = [digit * 10.0**power for power in range(-3, 5) for digit in (1, 2, 5)]
    fitting = [length for length in lengths if length <= room]
    return ScaleBar(fitting[-1], fitting[-1] / scale) if fitting else None


def color_bars(shown: Sequence[VolumeLayer]) -> tuple[ColorBar, ...]:
    """One for every layer whose colours stand for values, the top layer first."""
    return tuple(
        _color_bar(layer)
        for layer in reversed(shown)
        if layer.colormap not in ("grey", "inverted grey", *BOUNDED) and not layer.volumes[0].color
    )


def _color_bar(layer: VolumeLayer) -> ColorBar:
    lower, upper = number(layer.window.lower), number(layer.window.upper)
    if layer.is_doubt:
        return ColorBar(layer.colormap, _odds(layer.window.lower), _odds(layer.window.upper), "")
    if layer.is_heat_map:
        return ColorBar(layer.colormap, lower, upper, "saliency, not a probability")
    if layer.is_difference and layer.window.upper > 0:
        upper = f"+{upper}"
    even = abs(layer.window.center) < 1e-6 * layer.window.width
    return ColorBar(layer.colormap, lower, upper, layer.volumes[0].unit, "0" if even else "")


def _odds(bits: float) -> str:
    """What an entropy says of the model's answer."""
    words = " certain" if bits <= 0 else " even odds" if bits >= 1 else ""
    return f"{number(bits)} bit:{words}" if words else f"{number(bits)} bit"


def cross(pose: Pose, crosshair: tuple[float, float, float], *, full: bool) -> Cross:
    """The lines along which the two other planes cut this one, through the cross-hair."""
    x, y = pose.pixel(crosshair)
    upright = "coronal" if pose.plane.name == "sagittal" else "sagittal"
    level = "coronal" if pose.plane.name == "axial" else "axial"
    return Cross(x, y, PLANE_COLORS[upright], PLANE_COLORS[level], full)


def loading(shown: Sequence[VolumeLayer]) -> float:
    """The part that has arrived of the layer that is furthest behind."""
    return min((layer.loaded for layer in shown), default=1.0)


def written_date(text: str) -> str:
    """A DICOM date (YYYYMMDD) as YYYY-MM-DD; other texts as they are."""
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdigit() else text
