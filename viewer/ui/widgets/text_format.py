"""How facts are written on the screen: names, dates, sizes and times in one manner everywhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from viewer.data.grid import Grid
    from viewer.data.study import Image, Source


def person(name: str) -> str:
    """A DICOM person name (PS3.5 6.2.1.2) as people write it: family name first."""
    family, *rest = name.split("=")[0].split("^")
    given = " ".join(part for part in rest[:2] if part)
    return ", ".join(part for part in (family.strip(), given.strip()) if part)


def patient(source: Source) -> str:
    """Whose image it is."""
    source = source.shown
    return person(source.patient_name) or source.patient_id or "patient not known"


def date(stored: str) -> str:
    """A DICOM date (YYYYMMDD) as YYYY-MM-DD; anything else as it is."""
    return f"{stored[:4]}-{stored[4:6]}-{stored[6:]}" if len(stored) == 8 and stored.isdigit() else stored


def clock(stored: str) -> str:
    """A DICOM time (HHMMSS.FFFFFF) as HH:MM; anything else as it is."""
    return f"{stored[:2]}:{stored[2:4]}" if len(stored) >= 4 and stored[:4].isdigit() else stored


def number(value: float, digits: int = 4) -> str:
    """A number with at most so many significant digits and a true minus sign."""
    text = f"{value:.{digits}g}"
    if "e" in text:
        text = f"{value:.0f}" if abs(value) >= 1 else text
    return text.replace("-", "−")


def unit(code: str) -> str:
    """A unit as a reader expects it: a raw value has none."""
    return "" if code in ("", "1") else code


def spacing(grid: Grid, decimals: int = 4) -> str:
    """Column, row and slice distance: "0.7 × 0.7 × 1.25 mm"; two numbers for a single picture."""
    k, j, i = grid.spacing
    steps = (i, j, k) if grid.shape[0] > 1 else (i, j)
    return " × ".join(number(round(float(step), decimals), 6) for step in steps) + " mm"


def extent(image: Image) -> str:
    """How much there is: "120 slices", with the number of time points where there are several; a picture's size."""
    k, j, i = image.grid.shape
    parts = [f"{k} slices" if k > 1 else f"{i} × {j}"]
    if image.timepoints > 1:
        parts.append(f"{image.timepoints} time points")
    return " · ".join(parts)


def other_placement(image: Image | None) -> str:
    """What opens an image by the other placement of its file; "" where there is none."""
    return f"Open again by its {' and '.join(image.source.placement)}" if image else ""


def count(n: int, one: str, many: str = "") -> str:
    """A number and its noun."""
    return f"{n} {one if n == 1 else many or one + 's'}"


def seconds(value: float) -> str:
    """A duration: "0.4 s", "12 s", "3 min 05 s", "2 h 10 min"."""
    if value < 9.95:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def moment(iso: str) -> str:
    """A time of ISO 8601 to the second, as far as it is one: "2026-01-31 12:00:00+01:00"."""
    return re.sub(r"\.\d+", "", iso.replace("T", " "))


def size(n: int) -> str:
    """Bytes in the unit that fits."""
    for factor, name in ((2**30, "GB"), (2**20, "MB"), (2**10, "KB")):
        if n >= factor:
            return f"{number(n / factor, 3)} {name}"
    return f"{n} bytes"


def device(name: str) -> str:
    """A device, as torch names it, in words: "processor", "graphics card (cuda:0)"; "" for none."""
    if name in ("", "cpu"):
        return "processor" if name else ""
    return "Apple graphics (mps)" if name == "mps" else f"graphics card ({name})"
