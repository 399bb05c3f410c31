"""Which two images are compared, and which two the tools for registration mean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from viewer.data.grid import Grid
from viewer.data.volume import Volume
from viewer.scene.compare.comparison import Comparison, comparison_pair
from viewer.scene.document import Document
from viewer.scene.layer import VolumeLayer


@pytest.fixture
def three():
    document = Document()
    for name in ("CT", "MR", "PET"):
        document.insert(
            len(document), VolumeLayer(name=name, volumes=(Volume(np.zeros((2, 3, 4)), Grid.of((2, 3, 4))),))
        )
    return document, *document.volume_layers


def test_both_are_shown_or_one_alone_and_nothing_once_one_is_gone(three):
    document, ct, mr, _ = three
    how = Comparison(ct.id, mr.id)
    assert comparison_pair(document, how).shown == (ct, mr)
    assert comparison_pair(document, replace(how, alone="moving")).shown == (mr,)
    assert comparison_pair(document, replace(how, alone="fixed")).shown == (ct,)
    assert comparison_pair(document, Comparison(ct.id, ct.id)) is None
    document.remove(mr.id)
    assert comparison_pair(document, how) is None
    assert comparison_pair(document, None) is None
