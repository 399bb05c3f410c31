"""The factor that makes SUVbw (g/ml) of PET values: body weight over the decayed dose (PS3.3 C.8.9, QIBA's SUV page).

Nothing is assumed: where what counts is missing or contradicts itself, there is no factor, and it is said why.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from viewer.data.notice import Notice
from viewer.io.dicom.attributes.dates import ACQUISITION, DAY, SERIES_DATE, UTC_OFFSET, moment
from viewer.io.dicom.attributes.values import Values

if TYPE_CHECKING:
    from collections.abc import Sequence

RADIOPHARMACEUTICAL = 0x00540016
SERIES_TIME, START_TIME, START = 0x00080031, 0x00181072, 0x00181078
PHILIPS, GE = "Philips PET Private Group", "GEMS_PETD_01"
WEIGHTS = (0.3, 700.0)  # kg
LEAST_DOSE = 1e4  # Bq; smaller ones are in MBq, which the standard does not allow
MOST_HALF_LIVES = 12  # between injection and scan


class Tracer(NamedTuple):
    """What a PET header says that counts for SUV; None or "" where it does not. Moments: see `dates.moment`."""

    units: str
    suv_type: str
    decay: str  # START, ADMIN, NONE
    corrected: tuple[str, ...]
    weight: float | None  # kg
    dose: float | None  # Bq
    half_life: float | None  # s
    injected: float | None
    dated: bool  # whether the date of the injection is told
    series: float | None
    acquired: float | None
    scanned: float | None  # as GE's scanners say
    reference: float | None  # ms from the reference time to where counts are as on average
    duration: float | None  # ms of the frame
    suv_scale: float | None  # Philips: of counts
    activity_scale: float | None  # Philips: of counts, to Bq/ml
    drugs: int  # radiopharmaceuticals told


COMMON = Tracer._fields.index("series")  # what comes before is of the whole series, as are the last three


def tracer_of(values: Values) -> Tracer | None:
    """From a header; None where it is no PET."""
    if values.text(0x00080060) != "PT":
        return None
    items = values.items.get(RADIOPHARMACEUTICAL, [])
    drug = Values(values.big_endian, {**values.raw, **(items[0].raw if items else {})})
    philips, ge = values.text(0x70530010) == PHILIPS, values.text(0x00090010) == GE
    injected = _datetime(drug, START)
    return Tracer(
        units=values.text(0x00541001),
        suv_type=values.text(0x00541006),
        decay=values.text(0x00541102),
        corrected=values.texts(0x00280051),
        weight=values.number(0x00101030),
        dose=drug.number(0x00181074),
        half_life=drug.number(0x00181075),
        injected=moment(drug, SERIES_DATE, START_TIME) if injected is None else injected,
        dated=injected is not None,
        series=moment(values, SERIES_DATE, SERIES_TIME),
        acquired=moment(values, *ACQUISITION),
        scanned=_datetime(values, 0x0009100D) if ge else None,
        reference=values.number(0x00541300),
        duration=values.number(0x00181242),
        suv_scale=values.number(0x70531000) if philips else None,
        activity_scale=values.number(0x70531009) if philips else None,
        drugs=len(items),
    )


def suvbw(tracers: Sequence[Tracer]) -> tuple[float | None, tuple[Notice, ...]]:
    """What (stored × slope + intercept) of a series is multiplied with; or None and why, where it has counts at all."""
    if not tracers:
        return None, ()
    first = tracers[0]
    try:
        if any(one[:COMMON] + one[-3:] != first[:COMMON] + first[-3:] for one in tracers):
            raise _NoSuvError("its files contradict each other")
        return _factor(tracers), ()
    except _NoSuvError as error:
        return None, (Notice("no-suv", f"SUV cannot be told: {error}."),)


class _NoSuvError(Exception):
    """Why there is no factor: part of a sentence."""


def _factor(tracers: Sequence[Tracer]) -> float:
    first = tracers[0]
    if first.units == "GML":
        if first.suv_type not in ("", "BW"):
            raise _NoSuvError(f"its values are SUV of another kind ({first.suv_type})")
        return 1.0
    if first.units == "CNTS" and (first.suv_scale or 0) > 0:
        return first.suv_scale or 0.0
    if first.units == "CNTS" and (first.activity_scale or 0) > 0:
        return (first.activity_scale or 0.0) * _activity_factor(tracers)
    if first.units != "BQML":
        raise _NoSuvError(f"its unit is {first.units or 'not known'}, not Bq/ml")
    return _activity_factor(tracers)


def _activity_factor(tracers: Sequence[Tracer]) -> float:
    """For Bq/ml: g of the body over the Bq that were left when the values are said to be of."""
    first = tracers[0]
    if first.corrected and not {"ATTN", "DECY"} <= set(first.corrected):
        raise _NoSuvError("its values are not corrected for attenuation and decay")
    if first.drugs > 1:
        raise _NoSuvError(f"it names {first.drugs} radiopharmaceuticals")
    weight, dose = first.weight or 0.0, first.dose or 0.0
    if not WEIGHTS[0] <= weight <= WEIGHTS[1]:
        raise _NoSuvError(f"the patient's weight is {f'{weight:g} kg' if weight else 'missing'}")
    if dose < LEAST_DOSE:
        raise _NoSuvError(f"the dose is {f'{dose:g} Bq' if dose else 'missing'}")
    if first.decay == "ADMIN":
        return weight * 1000 / dose
    if first.decay != "START":
        raise _NoSuvError(f"Decay Correction is {first.decay or 'missing'}")
    return weight * 1000 / (dose * 2 ** -(_decay_seconds(tracers) / _half_life(first)))


def _half_life(tracer: Tracer) -> float:
    if not (tracer.half_life or 0) > 0:
        raise _NoSuvError("the half-life is missing")
    return tracer.half_life or 0.0


def _decay_seconds(tracers: Sequence[Tracer]) -> float:
    """Seconds from the injection to the moment that decay is corrected to."""
    injected, start = tracers[0].injected, _decay_start(tracers)
    if injected is None or start is None:
        raise _NoSuvError(f"the time of the {'injection' if injected is None else 'scan'} is missing")
    if not tracers[0].dated or start < DAY:  # a time of day alone: of the same day, or the one before
        return (start - injected) % DAY
    waited = start - injected
    if not 0 <= waited <= MOST_HALF_LIVES * _half_life(tracers[0]):
        raise _NoSuvError(f"the injection is {waited / 3600:.1f} h before the scan")
    return waited


def _decay_start(tracers: Sequence[Tracer]) -> float | None:
    """The moment that decay is corrected to: the series' own, where it was not set anew after the scan."""
    acquired = [one.acquired for one in tracers if one.acquired is not None]
    first = tracers[0]
    if first.series is not None and (not acquired or first.series <= min(acquired)):
        return first.series
    if first.scanned is not None or not acquired:
        return first.scanned
    if any(not one.reference or not one.duration or one.acquired is None for one in tracers):
        return min(acquired)
    return min(_reference_time(one) for one in tracers)


def _reference_time(tracer: Tracer) -> float:
    """The reference time: the moment at which counts are as on average over the frame, less the time told to it."""
    rate = math.log(2) / _half_life(tracer)
    decayed = rate * (tracer.duration or 0.0) / 1000
    average = math.log(decayed / -math.expm1(-decayed)) / rate
    return (tracer.acquired or 0.0) + average - (tracer.reference or 0.0) / 1000


def _datetime(values: Values, tag: int) -> float | None:
    """A moment that is stored as one value."""
    text = values.raw.get(tag, b"")
    cut = max(text.find(b"+"), text.find(b"-"))
    offset = text[cut:] if cut > 0 else values.raw.get(UTC_OFFSET, b"")
    return moment(Values(raw={1: text[:8], 2: text[8 : cut if cut > 0 else None], UTC_OFFSET: offset}), 1, 2)
