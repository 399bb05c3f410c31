"""Images that no network for organs is to be given, each in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from plugins.image_checks import check_finite
from viewer.api import ExternalModel, Refusal, Volume

LEAST_VOXELS = 4  # of the network, along each axis: less is a slice, not a body
LEAST_WIDTH = 12.0  # mm, where a network takes any voxels
WORDS = {
    "CT": ("ct", "hu", "computed"),
    "MR": ("mr", "mri", "magnetic", "t1", "t1w", "t2", "t2w", "flair", "dwi", "adc", "pd"),
    "PT": ("pet", "pt", "suv"),
}  # modalities as DICOM has them, and what networks call their channels
UNKNOWN = ("", "OT")


def check_image(image: Volume) -> None:
    """Raises Refusal for colour, a single slice, voxels without a value, and one value everywhere."""
    if image.color:
        raise Refusal("a colour image cannot be given to a network for organs: choose a grey-scale one.")
    if min(image.array.shape) < 2:
        raise Refusal("the image is a single slice: networks for organs see volumes, choose one with more slices.")
    check_finite(image)
    first = image.array.flat[0]
    if all((plane == first).all() for plane in image.array):
        raise Refusal("all voxels of the image have one value: there is nothing to segment.")


def check_modality(image: Volume, model: ExternalModel) -> None:
    """Raises Refusal where the model is for another modality, or the image too small for its voxels."""
    wanted = modality_of((*model.channels, model.intensity))
    told = image.modality
    if wanted and told not in (*UNKNOWN, wanted):
        raise Refusal(
            f"the model {model.title} is for {wanted}, the image is {told}: take a model that is made for {told}."
        )
    if wanted == "CT" and told in UNKNOWN and image.array.min() * image.slope + image.intercept >= 0:
        raise Refusal(
            f"the model {model.title} is for CT, and the image holds no value below 0, so these are no Hounsfield "
            "units: choose a CT, with its rescale slope and intercept."
        )
    least = LEAST_VOXELS * max(model.spacing) if model.spacing else LEAST_WIDTH
    width = float((image.grid.spacing * np.array(image.grid.shape)).min())
    if width < least:
        raise Refusal(
            f"the image is only {width:.3g} mm wide one way: the model {model.title} needs {least:.3g} mm at least."
        )


def modality_of(channels: Sequence[str]) -> str:
    """The modality that names of channels, or what is done to their values, tell; "" for none or several."""
    words = {word for name in channels for word in name.casefold().replace("_", " ").replace("-", " ").split()}
    words |= {"ct" for name in channels if name == "CT" or name.startswith("CTNorm")}
    found = [modality for modality, known in WORDS.items() if words & set(known)]
    return found[0] if len(found) == 1 else ""
