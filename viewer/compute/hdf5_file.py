"""HDF5 files of others: opened only where everything that they hold lies in them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from viewer.compute.progress import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import h5py

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MOST_OBJECTS = 100_000  # groups and data sets
MOST_RATIO = 1032  # of a data set's bytes to those of the file: deflate packs no tighter
FILTERS = (1, 2, 3)  # deflate, shuffle, checksum: any other may need a plug-in, which is code


@contextmanager
def open_hdf5(path: Path) -> Iterator[h5py.File]:
    """The file, open for reading. Raises Refusal where it is damaged, or leads to other files or to code.

    Refused are links (external, symbolic, user-defined), data sets that are stored in other files or put together of
    others (virtual), and filters that HDF5 does not bring with it.
    """
    import h5py

    try:
        with h5py.File(path, "r", locking=False) as file:
            _check(file, path)
            yield file
    except Refusal:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise Refusal(f"{path.name} is damaged or cut off: get it again.") from error


def is_hdf5(path: Path) -> bool:
    """True for a file with HDF5's signature, which stands at byte 0, 512, 1024, 2048 …; False without one."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        size, place = file.seek(0, 2), 0
        while place < size:
            file.seek(place)
            if file.read(len(SIGNATURE)) == SIGNATURE:
                return True
            place = max(512, 2 * place)
    return False


def _check(file: h5py.File, path: Path) -> None:
    import h5py

    size = path.stat().st_size
    waiting: list[Any] = [file.id]
    known: set[int] = set()
    while waiting:
        one = waiting.pop()
        address = h5py.h5o.get_info(one).addr
        if address in known:
            continue
        known.add(address)
        if len(known) > MOST_OBJECTS:
            raise Refusal(f"{path.name} holds far too many parts: no file of its kind does.")
        if isinstance(one, h5py.h5d.DatasetID):
            _check_data(one, path.name, size)
        elif isinstance(one, h5py.h5g.GroupID | h5py.h5f.FileID):
            waiting.extend(_members(one, path.name))


def _members(group: Any, name: str) -> Iterator[Any]:
    import h5py

    root = h5py.h5g.open(group, b"/") if isinstance(group, h5py.h5f.FileID) else group
    for member in root:
        if root.links.get_info(member).type != h5py.h5l.TYPE_HARD:
            raise Refusal(f"{name} holds a link, which may lead to another file: it was not opened.")
        yield h5py.h5o.open(root, member)


def _check_data(data: Any, name: str, size: int) -> None:
    import h5py

    about = data.get_create_plist()
    if about.get_external_count() or about.get_layout() == h5py.h5d.VIRTUAL:
        raise Refusal(f"{name} keeps its numbers in other files: it was not opened.")
    if any(about.get_filter(n)[0] not in FILTERS for n in range(about.get_nfilters())):
        raise Refusal(f"{name} is packed in a way that needs a plug-in: it was not opened.")
    if data.get_space().get_simple_extent_npoints() * data.get_type().get_size() > MOST_RATIO * size:
        raise Refusal(f"{name} claims more numbers than its {size:,} bytes can hold: it is damaged or hostile.")
