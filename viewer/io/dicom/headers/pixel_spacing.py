"""How far apart pixels are where no slice geometry says it, and what a file's pixels cannot be trusted for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.data.notice import UNMEASURED, Notice
from viewer.data.provenance import ALTERED
from viewer.io.dicom.attributes.validity import INVALID_SPACING, SPACING

if TYPE_CHECKING:
    from viewer.io.dicom.attributes.values import Values
    from viewer.io.dicom.headers.header import Header

LOSSY_SYNTAXES = frozenset(
    (
        *("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.91"),
        *("1.2.840.10008.1.2.4.93", "1.2.840.10008.1.2.4.203"),
    )
)
MAY_BE_LOSSLESS = frozenset(("1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.93", "1.2.840.10008.1.2.4.203"))
PROJECTIONS = ("CR", "DX", "MG", "XA", "RF", "IO", "PX", "RG", "RTIMAGE")
SMALLEST, LARGEST = 1e-6, 1e4  # mm between pixels that can be meant


def pixel_spacing(values: Values, tag: int = SPACING) -> tuple[float, float] | None:
    """A valid pair (between rows, between columns) in mm, or None."""
    pair = values.vector(tag, 2)
    if pair is None or not all(SMALLEST <= value <= LARGEST for value in pair):
        return None
    return pair[0], pair[1]


def flat_spacing(values: Values) -> tuple[tuple[float, float], tuple[Notice, ...]]:
    """Spacing of a file's pixels, and a notice where it is not one that can be measured with."""
    own = pixel_spacing(values) or pixel_spacing(values, 0x30020011)  # of the image, of the plane of an RT image
    detector = pixel_spacing(values, 0x00181164)
    projection = values.text(0x00080060) in PROJECTIONS
    if own and not (projection and (detector is None or own == detector) and not values.text(0x00280A02)):
        return own, ()
    if own or detector:
        return _at_detector(values, own or detector or (1.0, 1.0))
    scanned = pixel_spacing(values, 0x00182010)
    if scanned:
        sentence = "The pixel spacing is that of the scanned film; distances are not those in the patient."
        return scanned, (Notice("film-spacing", sentence, UNMEASURED),)
    regions = _ultrasound(values)
    if regions:
        return regions, ()
    if values.raw.get(SPACING, b"").strip(b" \0\\"):
        return (1.0, 1.0), (INVALID_SPACING,)
    aspect = values.vector(0x00280034, 2)
    sentence = "The file tells no pixel spacing; 1 mm is assumed, so distances cannot be measured."
    ratio = aspect[0] / aspect[1] if aspect and min(aspect) > 0 else 1.0
    return (ratio if SMALLEST < ratio < LARGEST else 1.0, 1.0), (Notice("no-pixel-spacing", sentence, UNMEASURED),)


def _at_detector(values: Values, spacing: tuple[float, float]) -> tuple[tuple[float, float], tuple[Notice, ...]]:
    """Spacing of a projection, divided by the magnification where that is told (PS3.3 10.7.1.3)."""
    factor = values.number(0x00181114)
    if factor and 1 <= factor <= 20 and 0x00280030 not in values.raw:
        sentence = f"Distances are estimates: detector spacing divided by the stated magnification of {factor:g}."
        return (spacing[0] / factor, spacing[1] / factor), (
            Notice("magnified-detector-spacing", sentence, "estimated spacing"),
        )
    sentence = "The pixel spacing is that of the detector; distances in the patient are shorter than measured."
    return spacing, (Notice("detector-spacing", sentence, UNMEASURED),)


def _ultrasound(values: Values) -> tuple[float, float] | None:
    """Spacing in mm where all 2-D regions of an ultrasound image agree on it (PS3.3 C.8.5.5)."""
    found = set()
    for region in values.items.get(0x00186011, []):
        if region.short(0x00186012) != 1:  # not a 2-D tissue or flow region
            continue
        steps = region.real(0x0018602E), region.real(0x0018602C)
        if (region.short(0x00186024), region.short(0x00186026)) != (3, 3) or None in steps:  # 3: cm
            return None
        found.add(tuple(round(abs(step or 0) * 10, 6) for step in steps))
    if len(found) != 1:
        return None
    (pair,) = found
    return (pair[0], pair[1]) if all(SMALLEST <= value <= LARGEST for value in pair) else None


def pixel_notices(values: Values, header: Header) -> tuple[Notice, ...]:
    """What must be said about a file's pixels wherever they are shown."""
    notices = []
    if values.text(0x00082111).startswith(ALTERED):
        sentence = "A trained model made or altered these pixels; look at the original, too."
        notices.append(Notice("ai-altered", sentence, ALTERED))
    pixels = header.pixels
    ratio = values.number(0x00282112)
    told = values.text(0x00282110) == "01"
    if told or (header.syntax in LOSSY_SYNTAXES and header.syntax not in MAY_BE_LOSSLESS):
        words = f", {ratio:g}:1" if ratio and ratio > 1 else ""
        sentence = f"The pixels went through lossy compression{words}; fine detail may be missing."
        notices.append(Notice("lossy", sentence, "lossy"))
    elif header.syntax in MAY_BE_LOSSLESS:
        sentence = "The pixels may have gone through lossy compression; the file does not say."
        notices.append(Notice("maybe-lossy", sentence, "lossy?"))
    if pixels.photometric == "MONOCHROME1":
        notices.append(Notice("inverted", "Low values are shown bright, as the file asks (MONOCHROME1)."))
    if pixels.color and pixels.stored[1:] not in ("u1", "i1") and pixels.photometric != "PALETTE COLOR":
        notices.append(Notice("reduced-colours", "The colours are shown with 8 bits a channel; the file has more."))
    return tuple(notices)
