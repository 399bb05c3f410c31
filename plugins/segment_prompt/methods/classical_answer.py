"""The classical methods as answers on a crop: through faces that look like the structure it may go on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from plugins.segment_prompt.borders import unlike_faces
from plugins.segment_prompt.prompt_channels import normalize

from . import classical

if TYPE_CHECKING:
    from plugins.segment_prompt.prompts import Mask, Prompts
    from plugins.segment_prompt.zoom import Answer, Floats


def classical_answer(method: str) -> Answer:
    """Probabilities of a classical method; those of a watershed are 0 or 1."""

    def answer(image: Floats, marks: Prompts, previous: Mask, core: Mask) -> Floats:
        seeded = replace(marks, positive=marks.positive | core)
        faces = unlike_faces(image, seeded.marked())
        if method == "random walker":
            return classical.random_walker(normalize(image), seeded, faces)
        edges = classical.gradient(image)
        if method == "geodesic distance":
            return classical.geodesic(edges, seeded, faces)
        return classical.watershed(edges, seeded, faces).astype(np.float32)

    return answer
