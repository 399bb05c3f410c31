"""The frames of one file: functional groups of enhanced objects, nuclear medicine, dose, plain stacks and clips.

The functional groups (PS3.3 C.7.6.16) use the attributes of classic files, one level down: laid flat over each other
(shared, then per frame) they read like the header of a classic slice.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from viewer.data.notice import Notice
from viewer.io.dicom.attributes.values import Values
from viewer.io.dicom.headers.ophthalmic import LOCATION, on_reference
from viewer.io.errors import ScanError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from viewer.io.dicom.headers.header import Frame, Vector

SHARED, PER_FRAME, DETECTOR = 0x52009229, 0x52009230, 0x00540022
POSITION, ORIENTATION = 0x00200032, 0x00200037
# Where an ultrasound volume lies against its transducer (C.8.24.3), read where no position in a patient is told.
TRANSDUCER = {POSITION: 0x00209301, ORIENTATION: 0x00209302}
SPATIAL = ("CT", "MR", "PT", "NM", "OT", "RTDOSE")  # modalities whose frames share one geometry in a plain multi-frame
NM_VECTORS = (0x00540010, 0x00540020, 0x00540030, 0x00540050, 0x00540060, 0x00540070, 0x00540090, 0x00540100)
MAPS = 0x00409096  # Real World Value Mapping Sequence
SAME_PLACE = 0.01  # mm
FAR = 1e6  # mm; a position beyond is nonsense


def groups_of(values: Values, count: int) -> Iterator[Values]:
    """The values of each frame, as a classic slice has them. Raises ScanError where there are not as many as frames."""
    groups = values.items[PER_FRAME]
    if len(groups) != count:
        raise ScanError(f"This DICOM file describes {len(groups):,} of its {count:,} frames; it is damaged or cut off.")
    shared = values.item(SHARED) or Values()
    ground = {**values.raw, **flatten(shared)}
    frames = (
        _in_transducer(Values(values.big_endian, {**ground, **flatten(group)}, {MAPS: _items_of(group, shared, MAPS)}))
        for group in groups
    )
    locations = [one for group in groups for one in _items_of(group, shared, LOCATION)[:1]]
    yield from on_reference(list(frames), locations) if len(locations) == count else frames


def _items_of(group: Values, shared: Values, tag: int) -> list[Values]:
    """The items of a sequence of a frame, or else of all frames."""
    return group.items.get(tag) or shared.items.get(tag, [])


def flatten(values: Values) -> dict[int, bytes]:
    """The attributes of an item and of the first items of all sequences in it."""
    out = dict(values.raw)
    for tag, items in values.items.items():
        if items and tag not in (MAPS, LOCATION):  # of which there may be several
            out.update(flatten(items[0]))
    return out


def _in_transducer(values: Values) -> Values:
    """A place against the transducer written as positions are; a place in the patient goes before it."""
    if TRANSDUCER[POSITION] not in values.raw:
        return values
    if POSITION in values.raw:
        raw = {tag: value for tag, value in values.raw.items() if tag not in TRANSDUCER.values()}
    else:
        told = {tag: values.reals(source) for tag, source in TRANSDUCER.items()}
        raw = {**values.raw, **{tag: "\\".join(map(repr, numbers)).encode() for tag, numbers in told.items()}}
    return Values(values.big_endian, raw, values.items)


def is_sided(values: Values) -> bool:
    """False where a place is counted from a transducer or in a reference image, so that no side is known."""
    return TRANSDUCER[POSITION] not in values.raw and LOCATION not in values.items


def position_of(values: Values) -> Vector | None:
    """Image Position (Patient), None where it is not told or can be none."""
    three = values.vector(POSITION, 3)
    return None if three is None or max(map(abs, three)) > FAR else (three[0], three[1], three[2])


def with_detector(values: Values) -> Values:
    """Values with those of the first detector, where they place a tomogram of nuclear medicine (C.8.4.15)."""
    detector = values.item(DETECTOR)
    if detector and "TOMO" in "".join(values.texts(0x00080008)[2:3]) and "RECON" in values.text(0x00080008):
        return Values(values.big_endian, {**flatten(detector), **values.raw}, values.items)
    return values


def without_place(values: Values) -> Values:
    """Values whose position is that of no frame: those of a clip, or of a set of pictures."""
    raw = {tag: value for tag, value in values.raw.items() if tag not in (POSITION, ORIENTATION)}
    return Values(values.big_endian, raw, values.items)


def clip_frames(first: Frame, values: Values, count: int) -> tuple[Frame, ...]:
    """Frames that nothing places: a cine or a set."""
    times = _frame_times(values, count)
    return tuple(first._replace(number=n, instance=n, seconds=times[n]) for n in range(count))


def stacked_frames(first: Frame, values: Values, offsets: tuple[float, ...]) -> tuple[Frame, ...]:
    """Frames at offsets (mm) along the normal from the first, those of nuclear medicine with what tells them apart."""
    vectors = [values.shorts(tag) for tag in NM_VECTORS]
    whole = [vector for vector in vectors if len(vector) == len(offsets)]
    return tuple(
        first._replace(
            number=n, instance=n, position=moved_along_normal(first, offset), detector=tuple(v[n] for v in whole)
        )
        for n, offset in enumerate(offsets)
    )


def moved_along_normal(frame: Frame, distance: float) -> Vector | None:
    """The frame's position moved along its normal, mm."""
    if frame.position is None or frame.orientation is None:
        return None
    x, y, z = (p + distance * n for p, n in zip(frame.position, _normal(frame.orientation), strict=True))
    return x, y, z


def _normal(orientation: tuple[float, ...]) -> Vector:
    a, b, c, d, e, f = orientation
    return b * f - c * e, c * d - a * f, a * e - b * d


def offsets_of(first: Frame, values: Values, count: int) -> tuple[tuple[float, ...], tuple[Notice, ...]]:
    """Where the frames of a plain multi-frame file lie along the normal, mm from its position, and what to say of it.

    () where it is unknown.
    """
    if first.position is None or first.orientation is None:
        return (), ()
    grid = values.numbers(0x3004000C)
    if len(grid) == count:
        return _dose_offsets(grid, first.position, _normal(first.orientation))
    between, thickness = values.number(0x00180088), values.number(0x00180050)
    if values.text(0x00080060) not in SPATIAL or not (between or thickness):
        return ((0.0,) if count == 1 else ()), ()
    slices = values.shorts(0x00540080)
    order = [n - 1 for n in slices] if len(slices) == count else range(count)
    notices = () if between or count == 1 else (SPACING_GUESSED,)
    return tuple(k * (between or thickness or 0) for k in order), notices


SPACING_GUESSED = Notice(
    "spacing-from-thickness",
    "The file tells no distance between its slices; their thickness is taken for it, which is wrong where they overlap "
    "or have gaps.",
    "spacing assumed",
)


def _dose_offsets(
    grid: tuple[float, ...], position: Vector, normal: Vector
) -> tuple[tuple[float, ...], tuple[Notice, ...]]:
    """Of a dose (C.8.8.3.2): relative to the first frame; in axial planes also absolute, from its position's z on."""
    offsets = tuple(offset - grid[0] for offset in grid)
    if grid[0] == 0:
        return offsets, ()
    if abs(grid[0] - position[2]) <= SAME_PLACE and abs(normal[2]) > 0.999:
        return tuple(offset * round(normal[2]) for offset in offsets), ()
    sentence = (
        f"The offsets of the dose planes begin at {grid[0]:g} mm, which is neither 0 nor the position of the first "
        "plane; the first plane is put at its position: compare the dose with the images."
    )
    return offsets, (Notice("dose-offsets", sentence, "dose position?"),)


def _frame_times(values: Values, count: int) -> tuple[float | None, ...]:
    """Seconds of each cine frame after the first (C.7.6.5), or None for all."""
    steps = values.numbers(0x00181065)
    if len(steps) == count:
        return tuple(accumulate(step / 1000 for step in (0.0, *steps[1:])))
    step = values.number(0x00181063)
    return tuple(n * step / 1000 for n in range(count)) if step else (None,) * count
