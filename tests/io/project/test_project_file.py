"""Foreign projects: damaged ones, hostile ones, and those of another version."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.volume import Volume
from viewer.io.errors import OpenError, SaveError
from viewer.io.project.project_file import file_mark, read_project, save_project
from viewer.scene.document import Document
from viewer.scene.journal.project_state import Project, describe_project, same_project
from viewer.scene.layer import volume_layer
from viewer.scene.segmentation_layer import segmentation_layer
from viewer.scene.view_state import ViewState

GRID = Grid.of((3, 4, 5))


def project() -> Project:
    document = Document()
    layer = volume_layer((Volume(np.arange(60, dtype=np.float32).reshape(3, 4, 5), GRID, "made"),))
    document.insert(0, layer)
    labels = np.zeros((3, 4, 5), np.uint8)
    labels[1] = 1
    document.insert(1, segmentation_layer(Segmentation(labels, GRID, (Segment(1, "a"),)), layer))
    return describe_project(document, ViewState())


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "case.tomolens"
    save_project(project(), path)
    return path


def changed(path: Path, told: Callable[[Any], None] = lambda told: None, **members: bytes) -> Path:
    """The same project with another description, or with other members."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    entries = json.loads(parts["project.json"])
    told(entries)
    parts |= {
        "project.json": json.dumps(entries).encode(),
        **{name.replace("__", "/"): data for name, data in members.items()},
    }
    other = path.with_name("other.tomolens")
    with zipfile.ZipFile(other, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return other


def npy(array: np.ndarray, **header: Any) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape, **header}
    )
    return buffer.getvalue() + array.tobytes()


def test_it_comes_back(saved: Path) -> None:
    found, marks = read_project(saved)
    assert marks == {}
    (layer, labels) = found.restored(lambda key: None)
    assert (layer.name, labels.made_from) == ("made", layer.id)
    assert not same_project(found, project())  # other ids


def set_in(entry: Any, *path: Any) -> None:
    *way, last, value = path
    for part in way:
        entry = entry[part]
    entry[last] = value


@pytest.mark.parametrize(
    "path",
    [
        ("layers", 0, "volumes", 0, "shape", [10**6] * 3),
        ("layers", 0, "volumes", 0, "affine", [[1]]),
        ("layers", 0, "volumes", 0, "array", "/etc/passwd"),
        ("layers", 1, "segmentation", "maps", 0, "array", "arrays/0.npy"),
        ("layers", 1, "segmentation", "segments", 0, "label", 300),
        ("layers", 0, "window", {"centre": 1}),
        ("layers", 0, "id", None),
        ("layers", [3]),
        ("landmarks", [{"id": "x"}]),
        ("view", "layout", "5x5"),
        ("view", "crosshair", [1, 2]),
        ("view", []),
        ("tomolens_project", "1"),
    ],
    ids=str,
)
def test_what_is_no_project_is_refused_in_a_sentence(saved: Path, path: tuple[Any, ...]) -> None:
    with pytest.raises(OpenError, match=r"damaged or no project of Tomolens"):
        read_project(changed(saved, lambda told: set_in(told, *path)))


def test_a_newer_one_says_so(saved: Path) -> None:
    with pytest.raises(OpenError, match=r"newer Tomolens: update"):
        read_project(changed(saved, lambda told: set_in(told, "tomolens_project", 2)))


@pytest.mark.parametrize(
    "members",
    [
        {"..__..__evil.npy": b""},
        {"arrays__0.npy": npy(np.zeros(3), shape=(10**9,))},
        {"arrays__0.npy": npy(np.zeros(3), shape=(-1,))},
        {"arrays__0.npy": npy(np.zeros(3), descr="|O")},
        {"arrays__0.npy": b"\x93NUMPY\x01\x00v\x00"},
        {"project.json": b"[" * 100_000},
        {"project.json": b"\xff\xfe"},
    ],
    ids=["way out", "huge", "negative", "objects", "cut", "deep", "binary"],
)
def test_hostile_members_are_refused(saved: Path, members: dict[str, bytes]) -> None:
    with pytest.raises(OpenError, match="damaged or no project"):
        read_project(changed(saved, **members))


def test_two_members_of_one_name_are_refused(saved: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(saved, "a") as archive:
        archive.writestr("project.json", "{}")
    with pytest.raises(OpenError, match="damaged or no project"):
        read_project(saved)


PLACES = st.floats(0, 1, exclude_max=True)  # of a byte in the file


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(PLACES, st.integers(0, 255)), max_size=8), st.floats(0.5, 1))
def test_no_bytes_do_harm(
    tmp_path_factory: pytest.TempPathFactory, wrong: list[tuple[float, int]], kept: float
) -> None:
    path = tmp_path_factory.mktemp("mangled") / "case.tomolens"
    save_project(project(), path)
    raw = bytearray(path.read_bytes())
    for place, value in wrong:
        raw[int(place * len(raw))] = value
    path.write_bytes(raw[: int(kept * len(raw))])
    with suppress(OpenError):
        read_project(path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SaveError, match=r"case.tomolens was not saved: the folder is not there"):
        save_project(project(), tmp_path / "none" / "case.tomolens")


def test_nothing_half_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viewer.io.project.project_file.same_project", lambda one, other: False)
    with pytest.raises(SaveError, match="does not read back as it was"):
        save_project(project(), tmp_path / "case.tomolens")
    assert list(tmp_path.iterdir()) == []


def test_who_writes_it_while_it_is_saved_is_not_overwritten(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def meanwhile(*_: object) -> bool:
        saved.write_bytes(b"another window's")
        return True

    known_sha256 = file_mark(saved)[1]
    monkeypatch.setattr("viewer.io.project.project_file.same_project", meanwhile)
    with pytest.raises(SaveError, match="was changed since"):
        save_project(project(), saved, known_sha256=known_sha256)
    assert saved.read_bytes() == b"another window's"
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]
