"""Numbers of a header that are damaged, and what follows from it: nothing is measured or calibrated with a default.

The one place that decides between absent (the standard's default holds), invalid (said, and not used) and valid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.data.notice import UNMEASURED, Notice
from viewer.io.errors import ScanError

if TYPE_CHECKING:
    from viewer.io.dicom.attributes.values import Values

SPACING, POSITION, ORIENTATION, THICKNESS = 0x00280030, 0x00200032, 0x00200037, 0x00180050
INTERCEPT, SLOPE, DOSE_SCALING = 0x00281052, 0x00281053, 0x3004000E
CENTER, WIDTH, EXPLANATION = 0x00281050, 0x00281051, 0x00281055
LARGEST_VALUE = 3e38  # of a 32-bit float
UNCALIBRATED = "values not calibrated"

INVALID_SPACING = Notice(
    "invalid-pixel-spacing",
    "The file's pixel spacing is damaged; 1 mm is assumed, so distances cannot be measured.",
    UNMEASURED,
)
INVALID_RESCALE = Notice(
    "invalid-rescale",
    "Rescale Slope or Intercept is damaged: stored values are shown, without a unit.",
    UNCALIBRATED,
)
NO_RESCALE = Notice(
    "no-rescale", "The file tells no Rescale Slope and Intercept: its values are stored numbers, not HU."
)
INVALID_PLACE = Notice(
    "invalid-position",
    "Image Position or Image Orientation (Patient) is damaged: the slice cannot be placed in the patient.",
    "not placed",
)
INVALID_THICKNESS = Notice("invalid-slice-thickness", "Slice Thickness is damaged; it is not used.")
INVALID_WINDOW = Notice("invalid-window", "A window in the file is damaged; it is left out.")


def rescale(values: Values, bits_stored: int) -> tuple[float, float, tuple[Notice, ...]]:
    """Slope and intercept of the Modality LUT (C.11.1) or of a dose; 1 and 0 where invalid.

    Raises ScanError where they make values that no display can hold.
    """
    slope, intercept = values.number(SLOPE), values.number(INTERCEPT)
    damaged = any(values.is_damaged(tag) for tag in (SLOPE, INTERCEPT, DOSE_SCALING))
    if slope is None and intercept is None:
        slope = values.number(DOSE_SCALING)
    if damaged or slope == 0:
        return 1.0, 0.0, (INVALID_RESCALE,)
    slope, intercept = 1.0 if slope is None else slope, intercept or 0.0
    if abs(slope) * 2.0**bits_stored + abs(intercept) > LARGEST_VALUE:
        raise ScanError(
            f"This DICOM file's Rescale Slope {slope:g} and Intercept {intercept:g} make values no display can hold."
        )
    return slope, intercept, ()


def windows(values: Values) -> tuple[tuple[tuple[float, float, str], ...], tuple[Notice, ...]]:
    """Window presets (center, width, name) with a finite center and a width above 0."""
    centers, widths = values.numbers(CENTER), values.numbers(WIDTH)
    names = (*values.texts(EXPLANATION), *[""] * len(centers))
    pairs = list(zip(centers, widths, names, strict=False))
    found = tuple((c, w, n) for c, w, n in pairs if 0 < w <= LARGEST_VALUE and abs(c) <= LARGEST_VALUE)
    whole = len(found) == len(pairs) and not values.is_damaged(CENTER) and not values.is_damaged(WIDTH)
    return found, () if whole else (INVALID_WINDOW,)


def place_doubts(values: Values, position: object, orientation: object) -> tuple[Notice, ...]:
    """What must be said of a place that is there but cannot be used, and of a damaged thickness."""
    unused = any(
        found is None and values.raw.get(tag, b"").strip(b" \0\\")
        for tag, found in ((POSITION, position), (ORIENTATION, orientation))
    )
    thickness = (INVALID_THICKNESS,) if values.is_damaged(THICKNESS) else ()
    return ((INVALID_PLACE,) if unused else ()) + thickness
