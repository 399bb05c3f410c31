"""Two small images of one person that a known shift aligns, for the tests of the registration panel."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QLabel

from viewer.data.grid import Grid
from viewer.data.provenance import Provenance
from viewer.data.study import Source
from viewer.data.transform import Transform
from viewer.data.volume import Volume, Window
from viewer.scene.edits import AddLayer, ChangeLandmark
from viewer.scene.landmarks import LandmarkPair
from viewer.scene.layer import volume_layer

GRID = Grid.of((16, 24, 24), (2.0, 1.0, 1.0))
SHIFT = (3.0, -2.0, 4.0)


def blob(session, name: str, centre, **source: str):
    points = GRID.to_world(np.moveaxis(np.indices(GRID.shape), 0, -1))
    array = np.int16(400 * np.exp(-(((points - np.array(centre)) / 6) ** 2).sum(-1)))
    known = Source(modality="MR", series_description=name, files=(f"{name}.dcm",), **source)
    layer = volume_layer((Volume(array, GRID, name, windows=(Window(200, 400),), source=known),))
    session.history.do(AddLayer(layer))
    return layer


def bent() -> Transform:
    """A shift, and a smooth bump in the middle."""
    matrix = np.eye(4)
    matrix[:3, 3] = SHIFT
    points = GRID.to_world(np.moveaxis(np.indices(GRID.shape), 0, -1))
    field = np.zeros((*GRID.shape, 3), np.float32)
    field[..., 0] = np.exp(-(((points - GRID.centre) / 5) ** 2).sum(-1))
    made = Provenance("register_deform", "1", "0.1", {"metric": "LNCC"}, started="2026-11-22T10:00:00+00:00")
    return Transform(matrix, field, GRID, "follow-up – Deformable", made)


def two_images(session):
    """The fixed and the moving image."""
    centre = np.array((12.0, 12.0, 14.0))
    fixed = blob(session, "baseline", centre, patient_name="Doe^Jane", patient_id="P-17", study_date="20240115")
    moving = blob(session, "follow-up", centre + SHIFT, patient_name="Doe^Jane", patient_id="P-17")
    session.layers.centre(fixed)
    return fixed, moving


def landmark(session, pair, name: str, at, gap=(0.0, 0.0, 0.0)) -> LandmarkPair:
    """A pair that the known shift maps onto each other but for a gap."""
    found = LandmarkPair((pair[0].id, pair[1].id), name, tuple(at), tuple(np.add(np.add(at, SHIFT), gap)))
    session.history.do(ChangeLandmark(None, found, len(session.document.landmarks)))
    return found


def shown(widget) -> str:
    return " ".join(one.text() for one in widget.findChildren(QLabel) if one.isVisibleTo(widget))
