"""A model over images, from its file to the result on the first image's grid."""

from __future__ import annotations

from collections.abc import Sequence
from colorsys import hls_to_rgb
from pathlib import Path

from viewer.api import Job, Refusal, Segment, Segmentation, Volume, open_model

TURN = 0.381966  # of the colour circle between two labels: the golden section leaves no two close together


def predict_labels(images: Sequence[Volume], path: Path, trust: bool, job: Job) -> Segmentation:
    """The labels that a model finds, on the first image's grid. Raises Refusal, also where it makes images."""
    with open_model(path, trust=trust) as model:
        if not model.labels:
            raise Refusal(
                f"the model {model.title} makes an image or does not tell its labels: use “Apply an image model”."
            )
        prepared = model.run(images, job)
        segments = tuple(Segment(value, name, _color(value)) for value, name in model.labels.items())
        with job.stage("bringing the labels back"):
            return Segmentation(prepared.labels(), images[0].grid, segments, badges=prepared.notes)


def predict_image(images: Sequence[Volume], path: Path, trust: bool, job: Job) -> Volume:
    """The image that a model makes, on the first one's grid. Raises Refusal, also where it makes labels."""
    with open_model(path, trust=trust) as model:
        if model.labels:
            raise Refusal(f"the model {model.title} makes labels: use “Apply a segmentation model”.")
        prepared = model.run(images, job)
        first = images[0]
        badges = (*first.badges, *prepared.notes, "values of the model's own scale")
        return first.with_values(prepared.image(), unit="", windows=(), inverted=False, badges=badges)


def _color(value: int) -> tuple[int, int, int]:
    red, green, blue = hls_to_rgb(value * TURN % 1, 0.55, 0.65)
    return round(255 * red), round(255 * green), round(255 * blue)
