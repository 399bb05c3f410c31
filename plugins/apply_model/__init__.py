"""Models that others made: MONAI bundles, nnU-Net v2, MeshNets, TorchScript, ONNX, safetensors with a card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NamedTuple

from plugins.groups import MODELS
from viewer.api import Job, Refusal, Segmentation, Volume, plugin

Trust = Annotated[
    bool,
    "Run the code in this model file, now and later. Some kinds of files are programs and can do whatever a program "
    "can; it is asked once for each file.",
]


class ModelInputs(NamedTuple):
    """The images that a model takes, one a channel."""

    image: Annotated[Volume, "The image to work on; its grid is that of the result."]
    second: Annotated[Volume | None, "The second channel, where the model takes more than one image."] = None
    third: Annotated[Volume | None, "The third channel."] = None
    fourth: Annotated[Volume | None, "The fourth channel."] = None

    def channels(self) -> list[Volume]:
        """The images without a gap. Raises Refusal where one is left out before another."""
        given = [image for image in self if image is not None]
        if None in self[: len(given)]:
            raise Refusal("an image is missing between two others: give them in the order of the model's channels.")
        return given


@plugin("Apply a segmentation model", group=MODELS, outputs=("segmentation",), gpu=True)
def apply_model(inputs: ModelInputs, job: Job, *, model: Path, trust: Trust = False) -> Segmentation:
    """Label an image by a model file of your own.

    What the model needs is done to a copy of the image (turned, resampled, scaled), and its labels are brought back to
    the image's own grid. Whether a model fits an image is told by its makers: read their description first.

    Parameters
    ----------
    model
        A MONAI bundle (folder or ZIP), an nnU-Net v2 results folder, the folder of a brainchop MeshNet or of
        safetensors with card.json, or a TorchScript or ONNX file.
    """
    from .run_model import predict_labels

    return predict_labels(inputs.channels(), model, trust, job)


@plugin("Apply an image model", group=MODELS, outputs=("image",), gpu=True)
def apply_image_model(inputs: ModelInputs, job: Job, *, model: Path, trust: Trust = False) -> Volume:
    """Make an image from an image by a model file of your own.

    The result has the values that the model makes, which are not those of the image's own unit.

    Parameters
    ----------
    model
        As for segmentation models; one whose result is an image.
    """
    from .run_model import predict_image

    return predict_image(inputs.channels(), model, trust, job)
