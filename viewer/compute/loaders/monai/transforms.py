"""What the transforms in a MONAI config ask for, where they are of the known kinds that only describe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viewer.compute.loaders.preprocessing.intensity import Quantiles, Range, Step, ZScore
from viewer.compute.loaders.preprocessing.orientation import WORLD, Crop, Preparation, spacing_of
from viewer.compute.progress import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from viewer.compute.loaders.external_model import Decision
    from viewer.data.arrays import Json

READING = ("LoadImage", "EnsureChannelFirst", "AddChannel", "EnsureType", "ToTensor", "CastToType", "AsChannelFirst",
           "DeleteItems", "SelectItems", "Identity", "ToDevice")  # fmt: skip
GEOMETRY = ("Orientation", "Spacing", "CropForeground")


def kind_of(transform: Json) -> str:
    """The transform's name without package and without the d of its form for dictionaries."""
    name = str(transform.get("_target_", "")).rpartition(".")[2]
    for ending in ("Dict", "D", "d"):
        if name.removesuffix(ending) in (*READING, *GEOMETRY, *VALUES, "Activations", "AsDiscrete"):
            return name.removesuffix(ending)
    return name


def preparation(transforms: Iterable[Json], decision: Decision | None) -> Preparation:
    """The preprocessing of a config. Raises Refusal where a transform is not known, or used in a way that is not."""
    axes, spacing, crop = "ijk", None, None
    before: list[Step] = []
    after: list[Step] = []
    for transform in transforms:
        kind = kind_of(transform)
        if kind in READING or transform.get("_disabled_"):
            continue
        if kind in VALUES:
            if crop is not None:
                raise Refusal(f"this bundle crops images before {kind}, which is not known here.")
            (before if spacing is None else after).append(VALUES[kind](transform))
        elif kind == "Orientation":
            axes = _axes(transform)
            if spacing is not None and len(set(spacing)) > 1:
                raise Refusal("this bundle turns images after it has resampled them, which is not known here.")
        elif kind == "Spacing":
            spacing = _spacing(transform)
        elif kind == "CropForeground":
            crop = _crop(transform)
        else:
            raise Refusal(
                f"this bundle prepares images by {kind or 'something without a name'}, which is not known here."
            )
    return Preparation(axes, spacing, tuple(before), tuple(after), crop, decision)


def is_multi_label(transforms: Iterable[Json]) -> bool:
    """True where each channel stands for itself: a sigmoid, or a threshold, instead of the greatest channel."""
    decisions = [one for one in transforms if kind_of(one) in ("Activations", "AsDiscrete")]
    return any(
        _any(one.get("sigmoid")) or (kind_of(one) == "AsDiscrete" and one.get("threshold") is not None)
        for one in decisions
    )


def _any(value: Any) -> bool:
    return any(value) if isinstance(value, list) else bool(value)


def _axes(transform: Json) -> str:
    axes = str(transform.get("axcodes", "RAS"))
    if len(axes) != 3 or sorted(WORLD.get(letter, (9, 0))[0] for letter in axes) != [0, 1, 2]:
        raise Refusal(f"this bundle turns images to the axes {axes}, which are none.")
    return axes


def _spacing(transform: Json) -> tuple[float, ...]:
    pixdim = transform.get("pixdim")
    sizes: list[Any] = pixdim if isinstance(pixdim, list) else [pixdim] * 3
    try:
        return spacing_of(sizes)
    except (TypeError, ValueError) as error:
        raise Refusal(
            "this bundle resamples images but does not tell to which spacing (pixdim) along each axis."
        ) from error


def _crop(transform: Json) -> Crop:
    margin = transform.get("margin", 0)
    unknown = "select_fn" in transform or not isinstance(margin, int) or transform.get("k_divisible", 1) != 1
    if unknown:
        raise Refusal("this bundle crops images in a way that is not known here.")
    return Crop(margin=margin)


def _range(entry: Json) -> Step:
    return Range(float(entry["a_min"]), float(entry["a_max"]), *_ends(entry), bool(entry.get("clip")))


def _ends(entry: Json) -> tuple[float, float]:
    low, high = entry.get("b_min"), entry.get("b_max")
    if low is None or high is None:
        raise Refusal("this bundle scales values to a range that it does not tell (b_min, b_max).")
    return float(low), float(high)


def _least_greatest(entry: Json) -> Step:
    low, high = entry.get("minv", 0.0), entry.get("maxv", 1.0)
    if entry.get("factor") is not None or low is None or high is None:
        raise Refusal("this bundle scales values by a factor, which is not known here.")
    return Quantiles(0, 1, float(low), float(high), by_channel=bool(entry.get("channel_wise")))


def _percentiles(entry: Json) -> Step:
    if entry.get("relative"):
        raise Refusal("this bundle scales values relative to their percentiles, which is not known here.")
    low, high = float(entry["lower"]) / 100, float(entry["upper"]) / 100
    return Quantiles(low, high, *_ends(entry), bool(entry.get("clip")), bool(entry.get("channel_wise")))


def _normalize(entry: Json) -> Step:
    mean, deviation = entry.get("subtrahend"), entry.get("divisor")
    if isinstance(mean, list) or isinstance(deviation, list):
        raise Refusal("this bundle normalizes each channel by numbers of its own, which is not known here.")
    return ZScore(mean, deviation, bool(entry.get("nonzero")), bool(entry.get("channel_wise")))


VALUES = {
    "ScaleIntensity": _least_greatest,
    "ScaleIntensityRange": _range,
    "ScaleIntensityRangePercentiles": _percentiles,
    "NormalizeIntensity": _normalize,
}
