"""Values as JSON: what a journal or a project keeps of a volume."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from viewer.data.annotations.packed_mask import pack_mask
from viewer.data.annotations.prompts import Prompt
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment
from viewer.data.study import Image, Source
from viewer.data.volume import Diffusion, Volume
from viewer.scene.journal.serialization import (
    describe_layer,
    describe_volume,
    restore_segments,
    restore_volume,
)
from viewer.scene.layer import VolumeLayer


def test_the_diffusion_weighting_of_a_volume_comes_back() -> None:
    array = np.zeros((2, 3, 4))
    for diffusion in (None, Diffusion(0.0), Diffusion(1000.0, (0.6, 0.0, 0.8))):
        volume = Volume(array, Grid.of(array.shape), diffusion=diffusion)
        entry = json.loads(json.dumps(describe_volume(volume, lambda array: "array")))
        assert restore_volume(entry, lambda name: array).diffusion == diffusion
        del entry["diffusion"]  # as an older version wrote it
        assert restore_volume(entry, lambda name: array).diffusion is None


def test_an_image_is_told_with_all_files_that_tell_of_it() -> None:
    grid = Grid.of((2, 3, 4))
    beside = ("a.zip!dwi.bval", "a.zip!dwi.bvec", "/b/dwi.bvec")
    image = Image(Source(files=("a.zip!dwi.nii",)), grid, "int16", beside=beside)
    layer = VolumeLayer(volumes=(Volume(np.zeros(grid.shape), grid),), image=image)
    entry = describe_layer(layer, str, str)
    assert (entry["image"], entry["files"]) == ("a.zip!dwi.nii|", ["a.zip", "/b/dwi.bvec"])


def test_the_prompts_of_a_segment_come_back() -> None:
    prompts = (Prompt("point", ((1.0, 2.0, 3.0),)), Prompt("lasso", ((0.0, 0.0, 0.5),) * 3, False, 1.5))
    segment = Segment(1, "liver", prompts=prompts, base_mask=pack_mask(np.ones((1, 2, 2), bool)))
    assert restore_segments(json.loads(json.dumps([asdict(segment)]))) == (segment,)
    older = {name: value for name, value in asdict(segment).items() if name not in ("prompts", "base_mask")}
    assert restore_segments([older])[0].prompts == ()
    damaged = asdict(segment) | {"prompts": [{"kind": "point", "points": [[1.0, 2.0]]}]}
    with pytest.raises(ValueError, match=r"unpack|zip"):
        restore_segments([damaged])
