"""Between where images stand in the world and the transform from one image to another, which is what files hold."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from viewer.compute.registration.transform_algebra import compose, inverse
from viewer.data.transform import Transform

if TYPE_CHECKING:
    from viewer.scene.layer import VolumeLayer


def world_transform(found: Transform, fixed: VolumeLayer | None) -> Transform:
    """From the world to the moving image, by a transform from the fixed to the moving image.

    The fixed image may itself have been moved in the world. Takes some time for fields.
    """
    if fixed is None or fixed.transform is None:
        return found
    return replace(compose(fixed.transform, found), name=found.name, provenance=found.provenance)


def transform_between(fixed: VolumeLayer, moving: VolumeLayer) -> Transform:
    """From the fixed to the moving image as the two stand in the world; the unit matrix where neither was moved.

    The moving image's own transform, with what is said of it, where the fixed image was not moved. Takes some time
    for fields. Raises ValueError, one sentence, where the fixed image was bent in a way that has no inverse.
    """
    moved = moving.transform or Transform(np.eye(4))
    if fixed.transform is None:
        return moved
    return replace(compose(inverse(fixed.transform), moved), name=moved.name, provenance=moved.provenance)


def initial_transform(moving: VolumeLayer, fixed: VolumeLayer | None) -> Transform | None:
    """What a registration starts from: the two images as they stand in the world; None where neither was moved.

    Of a fixed image that was bent itself only the matrix counts: a start need not be exact.
    """
    if fixed is None or fixed.transform is None:
        return moving.transform
    back = inverse(Transform(fixed.transform.matrix))
    return back if moving.transform is None else compose(back, moving.transform)
