"""The reader, seen from the window's process, which parses nothing itself: foreign files cost a process at most.

Requests return at once; answers come through `post`. See viewer/io/reader/pool.py for the processes.
"""

from __future__ import annotations

import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

from viewer.io import memory_budget
from viewer.io.errors import OpenError
from viewer.io.reader.index_request import IndexCallbacks, IndexRequest
from viewer.io.reader.load_plan import LOST, loaded_grid, read_job
from viewer.io.reader.load_request import LoadCallbacks, LoadRequest, frame_seconds
from viewer.io.reader.pool import Pool, PoolRequest
from viewer.io.reader.request import Request, at_once
from viewer.processes.functions import name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from viewer.data.arrays import Post
    from viewer.data.study import Image, LabelFile, RefusedFile
    from viewer.data.volume import Volume

__all__ = ["OpenError", "Reader", "Request", "index_now", "load_now"]

# What the reader processes are asked to call.
DICOM_PICTURE = "viewer.io.reader.thumbnail:dicom_picture"
FILE_PICTURE = "viewer.io.reader.thumbnail:file_picture"

CALL_SECONDS = 600.0  # that a called function may take

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


class Reader:
    """Reads files in processes of its own.

    post: runs a function on the thread that wants the answers; by default they come on a thread of the reader.
    workers: processes. memory_limit: bytes that each may take beyond what it has at its start; by default so much that
    all together leave room for the window. seconds_per_file: after that a file is given up. seconds_per_frame: that the
    processor may be busy with a compressed frame, and a second for each pool.DECODED_A_SECOND bytes of it. Processes
    start with the first request.
    """

    def __init__(
        self,
        post: Post = at_once,
        *,
        workers: int = 2,
        memory_limit: int | None = None,
        seconds_per_file: float = 20,
        seconds_per_frame: float = 1,
    ) -> None:
        limit = memory_limit or memory_budget.reader_bytes(workers + 1)  # see Pool: one more where one is stuck
        self._closed = False
        self._post: Post = lambda answer: post(lambda: None if self._closed else answer())
        self._pool = Pool(workers, limit, memory_budget.answer_bytes(), seconds_per_file, seconds_per_frame)

    def warm(self) -> None:
        """Start the processes now, so that the first request need not wait for them."""
        self._pool.warm()

    def index(
        self,
        paths: Sequence[str | Path],
        *,
        found: Callable[[str, list[Image]], None],
        labels: Callable[[LabelFile], None],
        refused: Callable[[RefusedFile], None],
        progress: Callable[[int, int], None],
        done: Callable[[], None],
    ) -> Request:
        """Say which images are in folders (with all within), files, ZIP archives and DICOMDIRs, by headers only.

        found: series key and the images of that series as known so far, replacing what was said of it before.
        labels: a file of segments, which is no image.
        progress: files looked at, and files known so far.
        """
        return self._index(self._post, paths, IndexCallbacks(found, labels, refused, progress, done))

    def load(
        self,
        image: Image,
        *,
        started: Callable[[tuple[Volume, ...]], None],
        filled: Callable[[float], None],
        done: Callable[[tuple[Volume, ...]], None],
        failed: Callable[[str], None],
    ) -> Request:
        """Read the pixels into shared memory: one Volume for each time point, in the stored type.

        started: the volumes, when the middle slice of the first is there. filled: the fraction of slices there, which
        arrive from the middle outwards. done: the volumes, whole. failed: one sentence.
        """
        return self._load(self._post, image, LoadCallbacks(started, filled, done, failed))

    def thumbnail(
        self, image: Image, *, done: Callable[[NDArray[np.uint8]], None], failed: Callable[[str], None]
    ) -> Request:
        """A picture [r, c] or [r, c, 3] of the middle slice, windowed, longest side 96, with the pixels' aspect."""
        request = Request(self._post)
        aspect = float(image.grid.spacing[1] / image.grid.spacing[2])
        shown = (aspect, image.plan.windows)

        def ask() -> None:
            if image.plan.kind == "dicom":
                job = read_job(image, [(0, loaded_grid(image).shape[0] // 2)])
                computing = frame_seconds(self._pool, job)
                self._ask(request, DICOM_PICTURE, (job, *shown), done, failed, computing=computing)
            else:
                self._ask(request, FILE_PICTURE, (image.plan, *shown), done, failed)

        self._pool.call_soon(ask)
        return request

    def call(
        self,
        function: Callable[[*Arguments], Result],
        *arguments: *Arguments,
        done: Callable[[Result], None],
        failed: Callable[[str], None],
        seconds: float = CALL_SECONDS,
    ) -> Request:
        """Run a function of a module, as those of viewer.io.requests are, in a reader process.

        Large arrays are lent to it, not copied: it may not write to them. failed: gets one sentence.
        """
        request, name = Request(self._post), name_of(function)
        self._pool.call_soon(lambda: self._ask(request, name, arguments, done, failed, seconds))
        return request

    def close(self) -> None:
        """Stop everything; no process, thread or unused segment is left, and no answer comes any more."""
        self._closed = True
        self._pool.close()

    def _index(self, post: Post, paths: Sequence[str | Path], callbacks: IndexCallbacks) -> Request:
        request = Request(post)
        self._pool.call_soon(IndexRequest(self._pool, request, paths, callbacks).begin)
        return request

    def _load(self, post: Post, image: Image, callbacks: LoadCallbacks) -> Request:
        request = Request(post)
        self._pool.call_soon(LoadRequest(self._pool, request, image, callbacks).begin)
        return request

    def _ask(
        self,
        request: Request,
        function: str,
        arguments: tuple[Any, ...],
        done: Callable[[Any], None],
        failed: Callable[[str], None],
        seconds: float = 0.0,
        computing: float = 0.0,
    ) -> None:
        def stopped(item: int, why: str) -> None:
            request.finish(failed, f"The reader process {why}; nothing was changed, try again or report it.")

        def answered(result: Any) -> None:
            request.finish(done, result)

        def refused(reason: str) -> None:
            request.finish(failed, reason)

        self._pool.add(PoolRequest(request, function, arguments, answered, refused, stopped, 2, seconds, computing))


@contextmanager
def _reader_or_new(reader: Reader | None) -> Iterator[Reader]:
    if reader is not None:
        yield reader
        return
    with closing(Reader()) as new:
        yield new


def index_now(paths: Sequence[str | Path], reader: Reader | None = None) -> tuple[list[Image], list[RefusedFile]]:
    """The images in `paths` and what was refused. Blocks, also where the reader posts to the calling thread."""
    found: dict[str, list[Image]] = {}
    refused: list[RefusedFile] = []
    ended = threading.Event()
    callbacks = IndexCallbacks(
        found.__setitem__, lambda labels: None, refused.append, lambda looked, total: None, ended.set
    )
    with _reader_or_new(reader) as used_reader:
        used_reader._index(at_once, paths, callbacks)
        ended.wait()
    return [image for images in found.values() for image in images], refused


def load_now(image: Image, reader: Reader | None = None, *, whole: bool = False) -> tuple[Volume, ...]:
    """The volumes of an image. Blocks. Raises OpenError with one sentence; with `whole` also where slices are lost."""
    volumes: list[tuple[Volume, ...]] = []
    failures: list[str] = []
    ended = threading.Event()

    def done(result: tuple[Volume, ...]) -> None:
        volumes.append(result)
        ended.set()

    def failed(reason: str) -> None:
        failures.append(reason)
        ended.set()

    with _reader_or_new(reader) as used_reader:
        used_reader._load(at_once, image, LoadCallbacks(lambda volumes: None, lambda fraction: None, done, failed))
        ended.wait()
    if failures:
        raise OpenError(failures[0])
    lost = [badge for badge in volumes[0][0].badges if badge.endswith(LOST)]
    if whole and lost:
        raise OpenError(f"{lost[0]}: they cannot be decoded, and what is computed of the rest would mislead.")
    return volumes[0]
