"""Values as JSON: what a journal or a project keeps of a volume."""

from __future__ import annotations

import json

import numpy as np

from viewer.data.grid import Grid
from viewer.data.study import Image, Source
from viewer.data.volume import Diffusion, Volume
from viewer.scene.journal.serialization import describe_layer, describe_volume, restore_volume
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
