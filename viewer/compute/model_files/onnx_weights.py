"""The files beside an ONNX file that hold weights for it, found without the package onnx.

Messages and field numbers are those of onnx/onnx.proto (ModelProto, GraphProto …); a tensor may stand wherever one is.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from viewer.compute.progress import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

Parts = dict[int, str]  # a field of a message -> the kind of message in it
MESSAGES: dict[str, Parts] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}
KEY, VALUE = 1, 2  # fields of an entry
LOCATION = b"location"
FORBIDDEN = "\\:*\0"  # other systems' paths, and what stands for a place in memory ("*/_ORT_MEM_ADDR_/*")
MOST_FIELDS = 5_000_000
DAMAGED = "{name} is cut off or no ONNX file that OpenVINO reads: get it again."


def data_files(path: Path) -> list[Path]:
    """Every file that an ONNX file names, each once, in its folder or below. Raises Refusal where one leads out."""
    try:
        places = {place.decode() for place in _places(memoryview(path.read_bytes()))}
    except (IndexError, ValueError) as error:
        raise Refusal(DAMAGED.format(name=path.name)) from error
    return [_inside(path, place) for place in sorted(places)]


def _inside(path: Path, place: str) -> Path:
    way = PurePosixPath(place)
    odd = not way.parts or way.is_absolute() or ".." in way.parts or any(mark in place for mark in FORBIDDEN)
    if odd:
        raise Refusal(f"{path.name} names a file of weights outside its folder: it is not read.")
    return path.parent / way


def _places(data: memoryview) -> Iterator[bytes]:
    """The values under "location" in all tensors of a model."""
    waiting, left = [("model", data)], MOST_FIELDS
    while waiting:
        kind, message = waiting.pop()
        entry: dict[int, list[bytes]] = {}
        for field, part in _fields(message):
            left -= 1
            if left < 0:
                raise ValueError("too many parts")
            if kind == "entry":
                entry.setdefault(field, []).append(bytes(part))
            elif field in MESSAGES[kind]:
                waiting.append((MESSAGES[kind][field], part))
        if LOCATION in entry.get(KEY, ()):
            yield from entry.get(VALUE, ())


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Number and content of every field that has a length; numbers are passed over.

    Raises IndexError and ValueError where the message is damaged.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            _, at = _varint(message, at)
        elif kind == 2:
            length, at = _varint(message, at)
            yield key >> 3, message[at : at + length]
            at += length
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise ValueError("a group, which no ONNX file has")
        if at > len(message):
            raise ValueError("a field that goes on behind its message")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number in groups of seven bits, and where it ends."""
    number = 0
    for shift in range(0, 70, 7):
        byte = message[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number & (1 << 64) - 1, at
    raise ValueError("a number that does not end")
