"""Surfaces on disk: others see the same ones, and no surface is called saved that does not read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.io.errors import SaveError
from viewer.io.segmentations.segmentation_file import save_segmentation
from viewer.io.segmentations.surfaces import SURFACES, read_triangles, surface

GRID = Grid.of((6, 9, 8), (2.5, 0.7, 0.8), (-1212.5, 30, 1007))


def made() -> Segmentation:
    array = np.zeros(GRID.shape, np.uint8)
    array[1:5, 2:7, 2:6] = 1
    array[2:4, 3:5, 3:5] = 0
    array[2, 7, 7] = 2
    return Segmentation(array, GRID, (Segment(1, "left lung"), Segment(2, "nodule"), Segment(3, "nothing")), "made")


@pytest.mark.parametrize("ending", SURFACES)
def test_every_corner_reads_back(tmp_path: Path, ending: str) -> None:
    save_segmentation(made(), tmp_path / f"a{ending}")
    meshes = [surface(made(), one) for one in made().segments[:2]]
    wanted = np.concatenate([points[faces] for points, faces in meshes])
    assert np.allclose(read_triangles(tmp_path / f"a{ending}"), wanted, atol=1e-3)


@pytest.mark.parametrize(("ending", "reader"), [(".stl", "STL"), (".ply", "PLY"), (".obj", "OBJ")])
def test_vtk_sees_the_same_surface(tmp_path: Path, ending: str, reader: str) -> None:
    import vtkmodules.vtkIOGeometry as geometry
    import vtkmodules.vtkIOPLY as ply

    save_segmentation(made(), tmp_path / f"a{ending}")
    source = getattr(ply if reader == "PLY" else geometry, f"vtk{reader}Reader")()
    source.SetFileName(str(tmp_path / f"a{ending}"))
    source.Update()
    triangles = read_triangles(tmp_path / f"a{ending}")
    assert source.GetOutput().GetNumberOfCells() == len(triangles)
    bounds = np.array(source.GetOutput().GetBounds()).reshape(3, 2)
    places = triangles.reshape(-1, 3)
    assert np.allclose(bounds, np.column_stack([places.min(axis=0), places.max(axis=0)]), atol=1e-3)


@pytest.mark.parametrize("harm", [lambda data: data[:-9], lambda data: data[:-40] + bytes(20) + data[-20:]])
@pytest.mark.parametrize("ending", SURFACES)
def test_a_drive_that_gives_back_something_else_is_noticed(
    tmp_path: Path, ending: str, harm, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", lambda path, data: write(path, harm(data)))
    with pytest.raises(SaveError, match="does not read back"):
        save_segmentation(made(), tmp_path / f"a{ending}")
    assert not list(tmp_path.glob("a.*"))
