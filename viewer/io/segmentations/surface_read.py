"""Surfaces read back from STL, PLY and OBJ as .surfaces writes them, to compare before "saved" is said."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Corners = NDArray[np.float64]  # of triangles (m, 3, 3), LPS mm

STL = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("spare", "<u2")])
VERTEX = np.dtype([("place", "<f4", 3), ("color", "u1", 3)])
TRIANGLE = np.dtype([("count", "u1"), ("corners", "<i4", 3)])


def read_triangles(path: Path) -> Corners:
    """Raises ValueError or IndexError where the file is not as it was written."""
    return {".stl": _stl, ".ply": _ply, ".obj": _obj}[path.suffix.lower()](path.read_bytes())


def _stl(data: bytes) -> Corners:
    count = int(np.frombuffer(data, "<u4", 1, 80)[0])
    corners: Corners = np.frombuffer(data[84:], STL, count)["corners"].astype(np.float64)
    return corners


def _ply(data: bytes) -> Corners:
    head, _, body = data.partition(b"end_header\n")
    counts = {line.split()[1]: int(line.split()[2]) for line in head.splitlines() if line.startswith(b"element ")}
    vertices = np.frombuffer(body, VERTEX, counts[b"vertex"])
    triangles = np.frombuffer(body, TRIANGLE, counts[b"face"], vertices.nbytes)
    return np.asarray(vertices["place"][triangles["corners"]], np.float64)


def _obj(data: bytes) -> Corners:
    lines = data.splitlines()
    places, faces = (b"\n".join(line[2:] for line in lines if line.startswith(mark)) for mark in (b"v ", b"f "))
    vertices = np.loadtxt(BytesIO(places), ndmin=2)
    return np.asarray(vertices[np.loadtxt(BytesIO(faces), np.int64, ndmin=2) - 1])
