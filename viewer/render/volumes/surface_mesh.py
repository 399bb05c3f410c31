"""Surfaces of labels: where each lies, and the triangles round it. Made in the background; VTK lets others work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkFiltersCore import (
    vtkMassProperties,
    vtkPolyDataNormals,
    vtkQuadricClustering,
    vtkReverseSense,
    vtkSurfaceNets3D,
    vtkWindowedSincPolyDataFilter,
)

from viewer.data.box import Box, box_size, box_union, label_boxes, mask_box, shift_box
from viewer.data.grid import Grid
from viewer.render.volumes.downsampling import Limits, factors
from viewer.render.vtk_bridge import image_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

SHIFT = 0.3  # voxels that smoothing may move a corner along each axis
CUT = 2.6  # triangles, about, that a bin as wide as high makes of the surface that goes through it
SLAB = 16  # slices that are searched at once: scipy holds Python's lock while it does


def boxes(labels: NDArray[Any], within: Box) -> dict[int, Box]:
    """The box [k, j, i] that holds what lies of each label within a box, by label."""
    found: dict[int, Box] = {}
    deep, *flat = within
    for k in range(deep.start, deep.stop, SLAB):
        part = slice(k, min(k + SLAB, deep.stop)), flat[0], flat[1]
        for label, box in label_boxes(labels[part]).items():
            found[label] = box_union(found.get(label), shift_box(box, part))
    return found


def changed_labels(labels: NDArray[Any], within: Box, known: Mapping[int, Box]) -> Iterator[tuple[int, Box]]:
    """The labels that a change within a box may concern, each with a box that holds all of it, the smallest first.

    known: where each label was before the change.
    """
    found = {label: box for label, box in known.items() if _meet(box, within)}
    for label, box in boxes(labels, within).items():
        found[label] = box_union(known.get(label), box)
    yield from sorted(found.items(), key=lambda item: box_size(item[1]))


def _meet(one: Box, other: Box) -> bool:
    return all(a.start < b.stop and b.start < a.stop for a, b in zip(one, other, strict=True))


def surface(
    labels: NDArray[Any], label: int, box: Box, grid: Grid, *, most: int, smooth: bool
) -> tuple[Any, Box] | None:
    """A vtkPolyData in mm along i, j, k (as vtk_bridge lays voxels), and the label's box; None without any.

    Surface nets (Frisken, "SurfaceNets for multi-label segmentations with preservation of sharp boundaries", JCGT
    2022). box: holds all of the label. most: voxels of the box that are looked at; where there are more, blocks become
    one, which belongs to the label where half of it does. smooth: else the voxels' faces are shown.
    """
    mask = labels[box] == label
    inner = mask_box(mask)
    if inner is None:
        return None
    mask, box = mask[inner], shift_box(inner, box)
    by = factors(Grid.of(mask.shape, grid.spacing), Limits(1 << 30, most))
    whole = np.pad(_blocks(mask, by), 1)
    image = image_of(whole, Grid.of(whole.shape, grid.spacing * by))
    first = np.array([side.start for side in box]) + (np.array(by) - 1) / 2 - by
    image.SetOrigin(*(first * grid.spacing)[::-1])
    nets: Any = vtkSurfaceNets3D()
    nets.SetInputData(image)
    nets.SetValue(0, 1)
    nets.SetOutputMeshTypeToTriangles()
    nets.SmoothingOff()
    nets.Update()
    faces: Any = nets.GetOutput()
    faces.GetCellData().Initialize()
    mesh = _smoothed(faces, (grid.spacing * by)[::-1]) if smooth else faces
    return _mirrored(mesh) if np.linalg.det(grid.direction) < 0 else mesh, box


def decimated(mesh: Any, most: int) -> Any:
    """A vtkPolyData of about `most` triangles at the same place, to be drawn while it moves; a mesh of fewer as it is.

    Quadric clustering (Lindstrom, "Out-of-core simplification of large polygonal models", SIGGRAPH 2000): unlike larger
    voxels it keeps what is thin.
    """
    if mesh.GetNumberOfCells() <= most:
        return mesh
    area: Any = vtkMassProperties()
    area.SetInputData(mesh)
    bin_ = (CUT * area.GetSurfaceArea() / most) ** 0.5
    clusters: Any = vtkQuadricClustering()
    clusters.SetInputData(mesh)
    clusters.SetDivisionOrigin(*mesh.GetBounds()[::2])
    clusters.SetDivisionSpacing(bin_, bin_, bin_)
    shaded: Any = vtkPolyDataNormals()
    shaded.SetInputConnection(clusters.GetOutputPort())
    shaded.SplittingOff()
    shaded.ConsistencyOff()
    shaded.Update()
    return shaded.GetOutput()


def _smoothed(faces: Any, voxel: NDArray[np.float64]) -> Any:
    """Rounded by a windowed sinc (Taubin, Zhang and Golub, ECCV 1996), with normals. voxel: mm along i, j, k.

    It keeps volumes, but for parts of a voxel or two, which it would shrink to nothing: so no corner goes far.
    """
    sinc: Any = vtkWindowedSincPolyDataFilter()
    sinc.SetInputData(faces)
    sinc.SetPassBand(0.05)
    sinc.NormalizeCoordinatesOn()
    sinc.NonManifoldSmoothingOn()
    sinc.Update()
    rounded: Any = sinc.GetOutput()
    was, now = (vtk_to_numpy(one.GetPoints().GetData()) for one in (faces, rounded))
    now[:] = was + np.clip(now - was, -SHIFT * voxel, SHIFT * voxel)
    rounded.GetPoints().Modified()
    shaded: Any = vtkPolyDataNormals()
    shaded.SetInputData(rounded)
    shaded.SplittingOff()
    shaded.ConsistencyOff()
    shaded.Update()
    return shaded.GetOutput()


def _mirrored(mesh: Any) -> Any:
    """Triangles the other way round: where a grid mirrors them, OpenGL would take the outside for the inside."""
    turned: Any = vtkReverseSense()
    turned.SetInputData(mesh)
    turned.ReverseNormalsOff()
    turned.Update()
    return turned.GetOutput()


def _blocks(mask: NDArray[np.bool_], by: tuple[int, int, int]) -> NDArray[np.uint8]:
    """1 where half of a block of `by` voxels or more is True; blocks at the end are filled up."""
    if by == (1, 1, 1):
        return mask.view(np.uint8)
    full = np.pad(mask, [(0, -size % step) for size, step in zip(mask.shape, by, strict=True)])
    k, j, i = (size // step for size, step in zip(full.shape, by, strict=True))
    count = full.reshape(k, by[0], j, by[1], i, by[2]).sum(axis=(1, 3, 5), dtype=np.uint16)
    return np.asarray(2 * count >= np.prod(by), np.uint8)
