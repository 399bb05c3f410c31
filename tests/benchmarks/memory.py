"""How much memory the pixels of a loaded series cost the whole program, at the worst moment and afterwards.

    python tests/benchmarks/memory.py [--slices 400]

Proportional set size of this process, the reader processes and the shared memory, sampled while a series is indexed,
loaded and read through once; what the processes took before is subtracted. Linux only (smaps_rollup).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders import RLELosslessEncoder
from pydicom.uid import RLELossless

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.fixtures.dicom_phantom import write_series
from viewer.data.grid import Grid
from viewer.io.reader.reader import Reader, index_now, load_now
from viewer.processes.shared_array import FOLDER, PREFIX


def program_bytes() -> int:
    """Proportional set size of the program; a segment that nobody has mapped yet counts whole."""
    own = psutil.Process()
    total = 0
    for process in [own, *own.children(recursive=True)]:
        try:
            lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
            total += sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except (OSError, psutil.Error):
            continue
    segments = sum(path.stat().st_blocks * 512 for path in FOLDER.glob(f"{PREFIX}{own.pid}-*"))
    return max(total, total - mapped_shared() + segments)


def mapped_shared() -> int:
    """Resident bytes of our segments in this process."""
    total, inside = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if line[0] in "0123456789abcdef" and "-" in line.split()[0]:
            inside = PREFIX in line
        elif inside and line.startswith("Pss:"):
            total += 1024 * int(line.split()[1])
    return total


class Peak:
    """Samples the program's memory until it is told to stop."""

    def __init__(self) -> None:
        self.bytes = self.samples = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.bytes = max(self.bytes, program_bytes())
            self.samples += 1
            time.sleep(0.005)

    def end(self) -> None:
        self._stop.set()
        self._thread.join()


def compress(paths: list[Path]) -> None:
    """Turn files into RLE Lossless, in place."""
    for path in paths:
        ds = dcmread(path)
        ds.PixelData = encapsulate([RLELosslessEncoder.encode(ds)])
        ds["PixelData"].is_undefined_length = True
        ds.file_meta.TransferSyntaxUID = RLELossless
        ds.save_as(path)


def measure(reader: Reader, title: str, folder: Path) -> None:
    before = program_bytes()
    peak = Peak()
    (image,), _ = index_now([folder], reader)
    (volume,) = load_now(image, reader)
    total = sum(int(plane.sum(dtype=np.int64)) for plane in volume.array)
    peak.end()
    after = program_bytes() - before
    worst = peak.bytes - before
    print(
        f"  {title:<26}{image.bytes / 2**20:9.0f}{worst / 2**20:9.0f}{worst / image.bytes:8.2f}"
        f"{after / 2**20:9.0f}{after / image.bytes:8.2f}   {peak.samples} samples, checksum {total}"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--slices", type=int, default=400)
    given = options.parse_args()
    grid = Grid.of((given.slices, 512, 512), (1, 0.9, 0.9))
    smooth = np.add.outer(np.arange(512), np.arange(512)).astype(np.int16)
    array = np.broadcast_to(smooth, grid.shape)
    reader = Reader()
    with tempfile.TemporaryDirectory() as place:
        small = Path(place) / "small"
        write_series(small, array[:2], grid.crop((0, 0, 0), (2, 512, 512)))
        compress(write_series(small / "rle", array[:2], grid.crop((0, 0, 0), (2, 512, 512)), SeriesInstanceUID="1.9"))
        for image in index_now([small], reader)[0]:
            load_now(image, reader)  # what the processes need once, whatever the image
        write_series(Path(place) / "plain", array, grid)
        compress(write_series(Path(place) / "rle", array, grid))
        print(f"  {'MB':<26}{'stored':>9}{'peak':>9}{'ratio':>8}{'after':>9}{'ratio':>8}")
        measure(reader, "uncompressed", Path(place) / "plain")
        measure(reader, "RLE Lossless", Path(place) / "rle")
    reader.close()


if __name__ == "__main__":
    main()
