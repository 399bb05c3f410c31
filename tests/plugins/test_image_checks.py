from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from plugins.image_checks import check_filterable, check_finite
from tests.fixtures.phantom import phantom
from viewer.api import Refusal

IMAGE = phantom((4, 8, 8))


def test_an_image_without_gaps_is_let_through() -> None:
    check_filterable(IMAGE)
    check_finite(replace(IMAGE, array=np.zeros((4, 8, 8, 3), np.float32)))


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (replace(IMAGE, array=np.zeros((4, 8, 8, 3), np.uint8)), "choose a grey-scale one"),
        (phantom((1, 1, 8)), "two voxels wide in two directions"),
        (replace(IMAGE, array=np.full((4, 8, 8), np.inf, np.float32)), "without a value"),
    ],
)
def test_what_no_filter_works_on_is_refused(image: object, sentence: str) -> None:
    with pytest.raises(Refusal, match=sentence):
        check_filterable(image)  # type: ignore[arg-type]
