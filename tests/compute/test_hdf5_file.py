"""HDF5 files of others: whatever leads to other files or to code is refused, what lies in them is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from viewer.compute.hdf5_file import is_hdf5, open_hdf5
from viewer.compute.progress import Refusal

VALUES = np.arange(12.0)


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((12,), "f8")
    layout[:] = h5py.VirtualSource("outside.h5", "x", (12,))
    file["inner"].create_virtual_dataset("v", layout)


def filtered(file: h5py.File) -> None:
    file["inner"].create_dataset("f", (12,), "f8", chunks=(12,), compression="lzf")


def linked(link: object) -> Callable[[h5py.File], None]:
    return lambda file: file["inner"].__setitem__("e", link)


OUT: dict[str, tuple[Callable[[h5py.File], object], str]] = {
    "external link": (linked(h5py.ExternalLink("outside.h5", "x")), "holds a link"),
    "soft link": (linked(h5py.SoftLink("/x")), "holds a link"),
    "external link at the top": (lambda file: file.__setitem__("e", h5py.ExternalLink("outside.h5", "/")), "a link"),
    "external storage": (
        lambda file: file["inner"].create_dataset("d", (12,), "f8", external=[("outside.h5", 0, 96)]),
        "in other files",
    ),
    "virtual data set": (virtual, "in other files"),
    "filter": (filtered, "plug-in"),
    "claim": (lambda file: file["inner"].create_dataset("c", (10**12,), "f8", chunks=(64,)), "claims more numbers"),
}


@pytest.mark.parametrize("kind", OUT)
def test_what_leads_out_is_refused(tmp_path: Path, kind: str) -> None:
    with h5py.File(tmp_path / "outside.h5", "w") as outside:
        outside["x"] = VALUES
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_group("inner")
        OUT[kind][0](file)
    with pytest.raises(Refusal, match=OUT[kind][1]), open_hdf5(tmp_path / "a.h5"):
        pytest.fail("it was opened")


def test_what_lies_in_the_file_is_read_and_circles_end(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w", userblock_size=1024) as file:
        inner = file.create_group("inner")
        inner.create_dataset("x", data=VALUES, compression="gzip", shuffle=True, fletcher32=True)
        inner["again"] = file["/"]
        inner["same"] = inner["x"]
        inner.attrs["text"] = "words"
    assert is_hdf5(tmp_path / "a.h5")
    with open_hdf5(tmp_path / "a.h5") as file:
        assert (file["inner/again/inner/same"][()] == VALUES).all()


@pytest.mark.parametrize("size", [8, 100, 1000, 3000])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, size: int) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.zeros(1000)
    (tmp_path / "a.h5").write_bytes((tmp_path / "a.h5").read_bytes()[:size])
    with pytest.raises(Refusal, match="damaged"), open_hdf5(tmp_path / "a.h5"):
        pytest.fail("it was opened")
