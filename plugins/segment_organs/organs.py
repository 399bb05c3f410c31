"""Organs in an image by a network of the user's, on the image's own grid."""

from __future__ import annotations

from colorsys import hls_to_rgb
from pathlib import Path

import numpy as np

from viewer.api import (
    ExternalModel,
    Job,
    Refusal,
    Segment,
    Segmentation,
    Volume,
    class_term,
    open_model,
    totalsegmentator_classes,
)

from .class_choice import chosen_labels
from .input_checks import check_image, check_modality
from .model_choice import choose_model

TURN = 0.381966  # of the colour circle between two labels: the golden section leaves no two close together
NNUNET, STORED, CANONICAL = (
    "nnU-Net v2",
    "kji",
    "SAR",
)  # the last as TotalSegmentator turns images (as_closest_canonical)


def find_organs(
    image: Volume, path: Path, classes: str, leave_out_air: bool, axes: str, trust: bool, job: Job
) -> Segmentation:
    """The classes that are wanted, each a segment; an empty one where the network found none of it.

    Raises Refusal, also for an image that the network is not made for.
    """
    check_image(image)
    with open_model(choose_model(path, classes, image, job.device), trust=trust) as model:
        if not model.labels:
            raise Refusal(f"the model {model.title} makes an image or does not tell its labels: take another one.")
        if len(model.channels) != 1:
            raise Refusal(
                f"the model {model.title} takes {len(model.channels)} images: use “Apply a segmentation model”."
            )
        check_modality(image, model)
        wanted = chosen_labels(classes, model.labels, model.title)
        turned = axes == "right, front, head" or (axes == "automatic" and _is_totalsegmentator(model))
        if turned and model.kind == NNUNET and model.axes == STORED:
            model = model.adapted(axes=CANONICAL)
        prepared = model.adapted(without_air=leave_out_air).run([image], job)
        with job.stage("bringing the labels back"):
            labels = prepared.labels()
            _keep(labels, wanted, job)
        segments = tuple(_segment(value, name, model.title) for value, name in model.labels.items() if value in wanted)
        return Segmentation(labels, image.grid, segments, badges=prepared.notes)


def _is_totalsegmentator(model: ExternalModel) -> bool:
    """Whether all classes have names of TotalSegmentator's, more than one of them."""
    return len(model.labels) > 1 and set(model.labels.values()) <= set(totalsegmentator_classes())


def _keep(labels: np.ndarray[tuple[int, ...], np.dtype[np.unsignedinteger]], wanted: set[int], job: Job) -> None:
    """Make every other label of [k, j, i] background, in place."""
    table = np.zeros(np.iinfo(labels.dtype).max + 1, labels.dtype)
    table[list(wanted)] = list(wanted)
    for plane in labels:
        job.progress(0.95)
        plane[:] = table[plane]


def _segment(label: int, name: str, model: str) -> Segment:
    text, code, side, color = class_term(name)
    red, green, blue = hls_to_rgb(label * TURN % 1, 0.55, 0.65)
    return Segment(
        label,
        text,
        color or (round(255 * red), round(255 * green), round(255 * blue)),
        code,
        algorithm="AUTOMATIC",
        algorithm_name=model,
        side=side,
    )
