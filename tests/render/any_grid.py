"""Grids of any spacing, order, flip and obliquity, for property tests."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from viewer.data.grid import Grid

sizes = st.integers(2, 40)
lengths = st.floats(0.2, 8)
places = st.floats(-900, 900)


@st.composite
def grids(draw, tilt: float = 180.0) -> Grid:
    """Any spacing, order and flips of axes, turned by up to `tilt` degrees about any direction."""
    axis = np.array([draw(st.floats(-1, 1)), draw(st.floats(-1, 1)), draw(st.floats(0.01, 1))])
    turn = Rotation.from_rotvec(np.radians(draw(st.floats(-tilt, tilt))) * axis / np.linalg.norm(axis)).as_matrix()
    order = np.eye(3)[draw(st.permutations(range(3)))] * [draw(st.sampled_from((-1, 1))) for _ in range(3)]
    return Grid.of(
        (draw(sizes), draw(sizes), draw(sizes)),
        [draw(lengths) for _ in range(3)],
        [draw(places) for _ in range(3)],
        turn @ order,
    )
