"""An index, seen from the window's process: spreads files over the reader processes and gathers the images.

Nothing is parsed here: headers pass through as the bytes that a reader process packed, and are grouped in one.
All of it runs on the pool's thread.
"""

from __future__ import annotations

import os
import time
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from viewer.data.study import Image, LabelFile, RefusedFile
from viewer.io.errors import GONE
from viewer.io.reader.load_plan import base_name, stopped_sentence
from viewer.io.reader.pool import Pool, PoolRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from viewer.io.find_files import Contents
    from viewer.io.reader.file_report import FileReport, SeriesReport
    from viewer.io.reader.request import Request

# What the reader processes are asked to call.
LIST_CONTENTS = "viewer.io.find_files:list_contents"
PROBE_FILES = "viewer.io.reader.probe_file:probe_files"
GROUP_SERIES = "viewer.io.reader.probe_file:group_series"

FIRST_BATCH, LAST_BATCH = 8, 64  # files in one request: small at first, so that something shows at once
CONTAINERS = 32  # folders in one request
HEADERS = 256  # headers in one request to group, unless a series alone has more
EVERY = 0.1  # seconds between two reports, and between two groupings of one series
GROWTH = 1.5  # a series is grouped again when it has grown by this


LEFT = (
    "{count:,} of what it held went away while it was read ({first} first): what was read before is kept; reconnect "
    "the drive, then open it again."
)


@dataclass(frozen=True)
class IndexCallbacks:
    """What is called with the answers of an index; see Reader.index."""

    found: Callable[[str, list[Image]], None]
    labels: Callable[[LabelFile], None]
    refused: Callable[[RefusedFile], None]
    progress: Callable[[int, int], None]
    done: Callable[[], None]


@dataclass
class _Series:
    """The packed headers of one series, and how many of them have been grouped, and when."""

    paths: list[str] = field(default_factory=list)
    headers: list[bytes] = field(default_factory=list)
    family: str = ""  # of a single file that may belong to other single files, see FileReport
    grouped: int = 0
    at: float = 0.0
    busy: bool = False
    shown: int = 0  # keys under which its images were told: one for each patient and study


class IndexRequest:
    """One index. `begin` starts it."""

    def __init__(self, pool: Pool, request: Request, paths: Sequence[str | Path], callbacks: IndexCallbacks) -> None:
        self._pool, self._request, self._callbacks = pool, request, callbacks
        self._roots = [os.path.realpath(path) for path in paths]
        self._containers = deque(dict.fromkeys(self._roots))
        self._files: deque[str] = deque()
        self._known: set[str] = set(self._containers)
        self._series: dict[str, _Series] = {}
        self._gone: list[str] = []  # what was found and is not there any more
        self._running = 0
        self._batch = FIRST_BATCH
        self._looked = self._total = self._images = self._refusals = 0
        self._reported = 0.0

    def begin(self) -> None:
        """Ask for the first files. On the pool's thread only."""
        self._continue()

    def _continue(self) -> None:
        """Hand out what there is, a few requests ahead; say that it is done when nothing is left."""
        while self._containers and self._running < 2 * self._pool.count:
            self._list([self._containers.popleft() for _ in range(min(CONTAINERS, len(self._containers)))])
        while self._files and self._running < 2 * self._pool.count:
            self._probe([self._files.popleft() for _ in range(min(self._batch, len(self._files)))])
            self._batch = min(2 * self._batch, LAST_BATCH)
        self._group_due()
        self._report()
        if not self._running:
            self._finish()

    def _report(self) -> None:
        now = time.monotonic()
        if now - self._reported > EVERY or not self._running:
            self._reported = now
            self._request.answer(self._callbacks.progress, self._looked, self._total)

    def _finish(self) -> None:
        self._refuse_gone()
        if not self._images and not self._refusals:
            for root in self._roots:
                self._refuse(root, f"No image in {base_name(root)}: choose a folder with DICOM, NIfTI or NRRD files.")
        self._request.finish(self._callbacks.done)

    def _refuse(self, path: str, reason: str, *, many: bool = False) -> None:
        if reason in GONE and path not in self._roots:
            self._gone.append(path)
            return
        self._refusals += 1
        self._request.answer(self._callbacks.refused, RefusedFile(path, reason, many))

    def _refuse_gone(self) -> None:
        """One sentence for all that went away of a folder or archive while it was read."""
        gone: dict[str, list[str]] = {}
        for path in self._gone:
            within = (root for root in self._roots if path.startswith((os.path.join(root, ""), f"{root}!")))
            gone.setdefault(next(within, os.path.dirname(path)), []).append(path)
        for root, paths in gone.items():
            self._refuse(root, LEFT.format(count=len(paths), first=base_name(paths[0])), many=True)

    def _ask(
        self,
        function: str,
        arguments: tuple[object, ...],
        done: Callable[..., None],
        stopped: Callable[[int, str], None],
    ) -> None:
        def answered(result: object) -> None:
            self._running -= 1
            done(result)
            self._continue()

        def ended(item: int, why: str) -> None:
            self._running -= 1
            stopped(item, why)
            self._continue()

        self._running += 1
        self._pool.add(PoolRequest(self._request, function, arguments, answered, partial(ended, 0), ended, urgency=2))

    # ---- folders and archives
    def _list(self, containers: list[str]) -> None:
        def stopped(item: int, why: str) -> None:
            self._refuse(containers[item], stopped_sentence(base_name(containers[item]), why))
            self._containers.extendleft(containers[:item] + containers[item + 1 :])

        self._ask(LIST_CONTENTS, (containers, self._roots), self._add_contents, stopped)

    def _add_contents(self, found: Contents) -> None:
        for path, reason in found.refused:
            self._refuse(path, reason)
        self._containers.extend(self._new_paths(found.containers))
        files = self._new_paths(found.files, known=self._roots)
        self._total += len(files)
        self._files.extend(files)

    def _new_paths(self, paths: list[str], known: Sequence[str] = ()) -> list[str]:
        """Those not met before. A root that turned out to be a file is known but still to be looked at."""
        new = [path for path in dict.fromkeys(paths) if path not in self._known or path in known]
        self._known.update(new)
        return new

    # ---- files
    def _probe(self, paths: list[str]) -> None:
        def done(reports: list[FileReport]) -> None:
            self._looked += len(paths)
            for path, report in zip(paths, reports, strict=True):
                self._add_report(path, report)

        def stopped(item: int, why: str) -> None:
            self._looked += 1
            self._refuse(paths[item], stopped_sentence(base_name(paths[item]), why))
            self._files.extendleft(reversed(paths[:item] + paths[item + 1 :]))

        self._ask(PROBE_FILES, (paths,), done, stopped)

    def _add_report(self, path: str, report: FileReport) -> None:
        if report.reason:
            self._refuse(path, report.reason)
        if report.images:
            self._images += 1
            self._request.answer(self._callbacks.found, report.key, list(report.images))
        if report.labels:
            self._images += 1
            self._request.answer(self._callbacks.labels, report.labels)
        if report.header:
            series = self._series.setdefault(report.key, _Series())
            series.family = "" if series.paths else report.family
            series.paths.append(path)
            series.headers.append(report.header)

    # ---- series
    def _group_due(self) -> None:
        """Group the series that have grown; all that are not up to date once no more headers will come."""
        last = not (self._files or self._containers or self._running)
        now = time.monotonic()
        if last:
            self._join_single_files()
        due = [
            (key, one)
            for key, one in self._series.items()
            if not one.busy
            and len(one.headers) > one.grouped
            and (last or (now - one.at > EVERY and len(one.headers) >= GROWTH * one.grouped))
        ]
        while due:
            take = [due.pop()]
            while due and sum(len(one.headers) for _, one in take) + len(due[-1][1].headers) <= HEADERS:
                take.append(due.pop())
            self._group(take, now)

    def _join_single_files(self) -> None:
        """Series of one file each that may be one series all the same are grouped together, in place of each alone."""
        families: dict[str, list[str]] = {}
        for key, one in self._series.items():
            if one.family:
                families.setdefault(one.family, []).append(key)
        for family, keys in families.items():
            if len(keys) > 1 or family in self._series:
                together = self._series.setdefault(family, _Series())
                for key in keys:
                    alone = self._series.pop(key)
                    self._answer_images(key, alone, [])
                    together.paths += alone.paths
                    together.headers += alone.headers

    def _group(self, chosen: list[tuple[str, _Series]], now: float) -> None:
        for _, one in chosen:
            one.busy, one.grouped, one.at = True, len(one.headers), now

        def done(results: list[SeriesReport]) -> None:
            for (key, one), result in zip(chosen, results, strict=True):
                one.busy = False
                self._add_images(key, one, result)

        def stopped(item: int, why: str) -> None:
            key, one = chosen[item]
            self._refuse(one.paths[0], stopped_sentence(f"The series of {base_name(one.paths[0])}", why))
            del self._series[key]
            for _, other in chosen:
                other.busy, other.grouped = False, 0

        self._ask(GROUP_SERIES, ([one.headers[: one.grouped] for _, one in chosen],), done, stopped)

    def _add_images(self, key: str, series: _Series, result: SeriesReport) -> None:
        if result.reason:
            self._refuse(series.paths[0], result.reason)
        else:
            self._images += len(result.images)
            self._answer_images(key, series, result.images)

    def _answer_images(self, key: str, series: _Series, images: Sequence[Image]) -> None:
        """Tell of the images of a series, those of each patient and study under a key of their own."""
        owners: dict[tuple[str, ...], list[Image]] = {}
        for image in images:
            source = image.source
            owner = (source.patient_id, source.patient_name, source.patient_birth_date, source.study_uid)
            owners.setdefault(owner, []).append(image)
        sets = list(owners.values())
        sets += [[]] * (series.shown - len(sets))
        series.shown = len(owners)
        for number, some in enumerate(sets):
            self._request.answer(self._callbacks.found, f"{key}|{number}" if number else key, some)
