"""An image on its way from disk: it is there with its first slice, and its window is what the reader found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from viewer.data.grid import Grid
from viewer.data.study import Image, Source
from viewer.data.volume import Volume, Window, slice_window
from viewer.scene.document import Document
from viewer.scene.history import History
from viewer.scene.layer import VolumeLayer
from viewer.scene.preview.loading_layer import LoadingLayer

GRID = Grid.of((3, 20, 20))
PADDING = (-2000.0, -2000.0)


def loaded() -> tuple[LoadingLayer, Volume, list[VolumeLayer]]:
    """A first slice that is half padding has come; the volume, and the layers that were shown."""
    array = np.random.default_rng(0).normal(100, 10, GRID.shape).astype(np.int16)
    array[:, :10] = -2000
    volume = Volume(array, GRID, "MR", windows=(slice_window(array[1], padding=PADDING),))
    source = Source(series_uid="1.2.3", files=("a.dcm",))
    shown: list[VolumeLayer] = []
    arrival = LoadingLayer(Image(source, GRID, "int16", name="MR"), History(Document()), shown.append)
    arrival.begin((volume,))
    return arrival, volume, shown


def test_padding_stays_out_of_the_window_when_all_slices_are_there() -> None:
    arrival, volume, (layer,) = loaded()
    assert (layer.window, layer.loaded) == (volume.windows[0], 0.0)
    arrival.finish((replace(volume, badges=("1 of 3 slices lost",)),))
    assert layer.window == volume.windows[0]
    assert layer.window.lower > 0
    assert (layer.badges, layer.loaded) == (("1 of 3 slices lost",), 1.0)


def test_a_window_that_was_chosen_meanwhile_stays() -> None:
    arrival, volume, (layer,) = loaded()
    layer.window = Window(7, 8)
    arrival.finish((volume,))
    assert layer.window == Window(7, 8)
