"""Surfaces of segments as STL, PLY or OBJ: triangles, LPS millimetres. They are read back before "saved" is said."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from viewer.io.errors import SaveError
from viewer.settings import NAME, NOTICE

if TYPE_CHECKING:
    from pathlib import Path

    from viewer.data.segmentation import Segment, Segmentation

Mesh = tuple[NDArray[np.float64], NDArray[np.int64]]  # vertices (n, 3), LPS mm; triangles (m, 3)
Corners = NDArray[np.float64]  # of triangles (m, 3, 3), LPS mm

STL = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("spare", "<u2")])
VERTEX = np.dtype([("place", "<f4", 3), ("color", "u1", 3)])
TRIANGLE = np.dtype([("count", "u1"), ("corners", "<i4", 3)])

SURFACES = (".stl", ".ply", ".obj")
PLACE = 1e-3  # mm between a corner and where its file puts it
NOTE = f"{NAME}; LPS mm; {NOTICE}"


def surface(segmentation: Segmentation, segment: Segment) -> Mesh:
    """Where a segment ends, half-way between voxels (Lewiner et al. 2003, marching cubes); normals point outwards.

    Raises SaveError for a segment without voxels.
    """
    from skimage import measure

    mask = segmentation.mask(segment)
    if not mask.any():
        raise SaveError(f"the segment {segment.name} is empty and has no surface.")
    vertices, faces, _, _ = measure.marching_cubes(np.pad(mask, 1).astype(np.float32), 0.5, allow_degenerate=False)
    corners = segmentation.grid.to_world(vertices - 1)
    triangles = np.asarray(faces, np.int64)
    inwards = np.einsum(
        "ij,ij->", corners[triangles[:, 0]], np.cross(corners[triangles[:, 1]], corners[triangles[:, 2]])
    )
    return corners, triangles[:, ::-1] if inwards < 0 else triangles


def write_surfaces(segmentation: Segmentation, path: Path) -> None:
    """All segments that have voxels, each as an object of its own where the format knows objects (OBJ).

    Every triangle is read back and compared. Raises SaveError where there is none, or where one differs; OSError.
    """
    meshes = [(one, surface(segmentation, one)) for one in segmentation.segments if segmentation.mask(one).any()]
    if not meshes:
        raise SaveError("it has no segment with voxels, so no surface: paint one first.")
    write = {".stl": _stl, ".ply": _ply, ".obj": _obj}[path.suffix.lower()]
    path.write_bytes(write(meshes))
    _check(meshes, path)


def _check(meshes: list[tuple[Segment, Mesh]], path: Path) -> None:
    """Corner by corner. Raises SaveError where the file holds another surface."""
    wanted = np.concatenate([points[faces] for _, (points, faces) in meshes])
    try:
        found = read_triangles(path)
    except (ValueError, IndexError, KeyError):
        found = np.zeros((0, 3, 3))
    if found.shape != wanted.shape or not np.abs(found - wanted).max() <= PLACE:
        raise SaveError("its surface does not read back as it was: try again or use another drive.")


def _stl(meshes: list[tuple[Segment, Mesh]]) -> bytes:
    """Binary: 80 bytes of text, the count, then normal, three corners and two spare bytes each."""
    corners = np.concatenate([points[faces] for _, (points, faces) in meshes])
    records = np.zeros(len(corners), STL)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    records["normal"] = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    records["corners"] = corners
    return NOTE.encode()[:80].ljust(80) + np.uint32(len(records)).tobytes() + records.tobytes()


def _ply(meshes: list[tuple[Segment, Mesh]]) -> bytes:
    """Binary, each vertex in its segment's colour."""
    starts = np.cumsum([0, *(len(points) for _, (points, _) in meshes)])
    vertices = np.zeros(starts[-1], VERTEX)
    triangles = []
    for start, (segment, (points, faces)) in zip(starts, meshes, strict=False):
        vertices["place"][start : start + len(points)] = points
        vertices["color"][start : start + len(points)] = segment.color
        triangles.append(faces + start)
    table = np.zeros(sum(map(len, triangles)), TRIANGLE)
    table["count"], table["corners"] = 3, np.concatenate(triangles)
    lines = ["ply", "format binary_little_endian 1.0", f"comment {NOTE}", f"element vertex {len(vertices)}"]
    lines += [f"property float {axis}" for axis in "xyz"] + [
        f"property uchar {one}" for one in ("red", "green", "blue")
    ]
    lines += [f"element face {len(table)}", "property list uchar int vertex_indices", "end_header", ""]
    return "\n".join(lines).encode() + vertices.tobytes() + table.tobytes()


def _obj(meshes: list[tuple[Segment, Mesh]]) -> bytes:
    lines, start = [f"# {NOTE}"], 1
    for segment, (points, faces) in meshes:
        lines.append(f"o {'_'.join(segment.name.split()) or segment.label}")
        lines += [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in points]
        lines += [f"f {a} {b} {c}" for a, b, c in faces + start]
        start += len(points)
    return ("\n".join(lines) + "\n").encode()


def read_triangles(path: Path) -> Corners:
    """Raises ValueError or IndexError where the file is not as it was written."""
    return {".stl": _read_stl, ".ply": _read_ply, ".obj": _read_obj}[path.suffix.lower()](path.read_bytes())


def _read_stl(data: bytes) -> Corners:
    count = int(np.frombuffer(data, "<u4", 1, 80)[0])
    corners: Corners = np.frombuffer(data[84:], STL, count)["corners"].astype(np.float64)
    return corners


def _read_ply(data: bytes) -> Corners:
    head, _, body = data.partition(b"end_header\n")
    counts = {line.split()[1]: int(line.split()[2]) for line in head.splitlines() if line.startswith(b"element ")}
    vertices = np.frombuffer(body, VERTEX, counts[b"vertex"])
    triangles = np.frombuffer(body, TRIANGLE, counts[b"face"], vertices.nbytes)
    return np.asarray(vertices["place"][triangles["corners"]], np.float64)


def _read_obj(data: bytes) -> Corners:
    lines = data.splitlines()
    places, faces = (b"\n".join(line[2:] for line in lines if line.startswith(mark)) for mark in (b"v ", b"f "))
    vertices = np.loadtxt(BytesIO(places), ndmin=2)
    return np.asarray(vertices[np.loadtxt(BytesIO(faces), np.int64, ndmin=2) - 1])
