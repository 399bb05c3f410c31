"""Organs by networks that the user has: TotalSegmentator and nnU-Net folders, MONAI bundles, MeshNets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from plugins.groups import SEGMENTATION
from viewer.api import Job, Segmentation, Volume, plugin

Trust = Annotated[
    bool,
    "Run the code in this model file, now and later. Some kinds of files are programs and can do whatever a program "
    "can; it is asked once for each file.",
]
Axes = Literal["automatic", "as the model tells", "right, front, head"]


@plugin("Segment organs", group=SEGMENTATION, outputs=("organs",), gpu=True)
def segment_organs(
    image: Volume,
    job: Job,
    *,
    model: Path,
    classes: str = "",
    leave_out_air: bool = True,
    axes: Axes = "automatic",
    trust: Trust = False,
) -> Segmentation:
    """Find organs by a network of your own: the folder of TotalSegmentator's weights, any nnU-Net v2, and others.

    Segments get the names and SNOMED CT codes of the model's classes, as far as they are known. Of a folder with
    several models the one that fits the image and the classes is taken; on a processor that of 3 mm first. Tomolens
    comes with no such network. Whether a model fits an image is told by its makers: read their description first.

    Parameters
    ----------
    image
        The image to work on; its grid is that of the result.
    model
        A folder with TotalSegmentator's or other nnU-Net v2 models, a MONAI bundle (folder or ZIP), the folder of a
        MeshNet, or a TorchScript or ONNX file with its card.
    classes
        What is wanted, by commas: "liver, kidney_left, rib*"; names of classes or of their terms. All without any.
    leave_out_air
        Of a CT, look only at the box around what is no air. What lies outside is of no class.
    axes
        How the image is turned for an nnU-Net. TotalSegmentator turns every image so that its axes point to the right,
        the front and the head, which its files do not tell: automatic does so where the classes have its names.
    """
    from .organs import find_organs

    return find_organs(image, model, classes, leave_out_air, axes, trust, job)
