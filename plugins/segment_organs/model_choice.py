"""Which of several models in a folder is run."""

from __future__ import annotations

from pathlib import Path

from viewer.api import FoundModel, Refusal, Volume, find_models

from .class_choice import asked_names, is_asked
from .input_checks import modality_of

FAST = 3.0  # mm: TotalSegmentator's own choice (--fast) where there is no graphics card


def choose_model(path: Path, classes: str, image: Volume, device: str) -> Path:
    """The model in a folder of several; the path itself where it holds not several of nnU-Net's.

    The first that is not made for another modality and knows the wanted classes: on a processor the one nearest to 3 mm
    first, on a graphics card the one with the finest voxels; without wanted classes, there, the one with most classes.
    """
    found = find_models(path) if path.is_dir() else []
    if not found or found[0].path == path:
        return path
    if len(found) > 1:
        found = [one for one in found if modality_of(one.channels) in ("", image.modality)] or found
    asked = asked_names(classes)

    def rank(model: FoundModel) -> tuple[float, ...]:
        missing = sum(not any(is_asked(name, one) for name in model.classes) for one in asked)
        if device == "cpu":
            return missing, abs(model.spacing - FAST), -len(model.classes)
        return missing, 0 if asked else -len(model.classes), model.spacing

    best = min(found, key=rank)
    if not any(best.path.glob("fold_*")):
        raise Refusal(f"the folder {best.path.name} holds no weights (fold_…): get the model again, whole.")
    return best.path
