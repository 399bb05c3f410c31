"""Run the benchmarks and write docs/benchmarks.md: `python docs/make_benchmarks.py [--only NAME …]`.

Run it on an idle machine, with TOMOLENS_DATA set for the tables on real studies. With --only the other tables stay as
they are; each names its day and machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
SCRIPTS = {
    "index": "Indexing a folder",
    "load": "Loading an indexed series",
    "memory": "Memory of the whole program",
    "views": "Views",
    "click": "From a click to the picture",
    "start": "Start",
    "engine": "Engine and denoising",
    "painting": "Painting, below the window",
    "brush": "Painting, in the window",
    "label_views": "Segments in the views",
    "effects": "Effects on segments",
    "segmentation_files": "Segmentation files",
    "kills": "Nothing lost",
    "label_metrics": "Agreement of segmentations, beside SimpleITK and MONAI",
}
AIMS = """
| what | aim | where |
|---|---|---|
| full volume from an indexed series | ≤ 1/5 of SimpleITK, ≤ 1/10 of 3D Slicer's core | Loading |
| index of 1,000 files | ≤ 1/2 of a pydicom loop | Indexing |
| first slice on the screen | ≤ 0.3 s after the click | From a click |
| pixels in memory, all processes | ≤ 1.6 × stored | Memory |
| scroll, window/level, cross-hair of 512 × 512 × 400 | p95 ≤ 16 ms a view | Views |
| turning in 3-D | p50 ≤ 65 ms a frame | Views |
| window visible | ≤ 2 s after the command | Start |
| a movement of the brush, 100 segments on 512 × 512 × 400 | p95 ≤ 20 ms | Painting |
| what a step keeps to be undone | ≤ 1 % of the label map on average | Painting |
| 100 segments on 512 × 512 × 400, DICOM | written in ≤ 5 s, read in ≤ 3 s | Segmentation files |
| what a kill at any moment costs | at most the stroke that is being drawn | Nothing lost |
"""
GPU = """
`make gpu` measures what differs on a machine with a graphics card (`tests/benchmarks/gpu.py`): the choice of the
device, the network's precisions beside the processor, what happens where the card's memory is capped, the gates of
denoising and registration with seconds, a cancel in the middle, and through EGL the drawing of slices and the mapper
of volumes. It takes less than ten minutes, prints one table and needs no network, no display and no data; without a
card it says so. It exits with 1 where a limit is not kept. None of the figures below was taken on a graphics card.
"""


def main() -> None:
    """Run, and write the page."""
    sys.path.insert(0, str(ROOT))
    from viewer.cli.virtual_display import ensure_display

    ensure_display()
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", nargs="*", choices=SCRIPTS, default=list(SCRIPTS), help="these alone")
    options.add_argument("--slicer-python", default="", help="Python of an environment with the slicer-core wheel")
    chosen = options.parse_args()
    parts = known()
    for name in chosen.only:
        print(f"{name} …", flush=True)
        slicer = ["--slicer-python", chosen.slicer_python] if name == "load" and chosen.slicer_python else []
        parts[SCRIPTS[name]] = table(name, slicer)
    head = [
        "# Benchmarks",
        "Made by `python docs/make_benchmarks.py`, with software OpenGL (llvmpipe) on a virtual screen. Trust the "
        "ratios, taken side by side in one run, more than the times. What was aimed at:",
        AIMS.strip(),
        GPU.strip(),
    ]
    found = [f"## {title}\n\n{parts[title]}" for title in SCRIPTS.values() if title in parts]
    PAGE.write_text("\n\n".join([*head, *found]) + "\n", encoding="utf-8")


def known() -> dict[str, str]:
    """The tables that the page has, by their titles."""
    sections = PAGE.read_text(encoding="utf-8").split("\n## ")[1:]
    return {title: text.strip() for title, _, text in (section.partition("\n") for section in sections)}


def table(name: str, options: list[str]) -> str:
    """What one benchmark says, with the day and the machine."""
    command = [sys.executable, f"tests/benchmarks/{name}.py", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    said = re.sub(r"(/[\w.+-]+){2,}/", "…/", done.stdout.strip())  # paths are this machine's own affair
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()) if os.name == "posix" else None
    machine = (
        f"{date.today()}: {model[1] if model else platform.processor()}, {os.cpu_count()} cores, "
        f"{psutil.virtual_memory().total / 2**30:.0f} GB, {platform.platform()}"
    )
    return f"`python tests/benchmarks/{name}.py`, {machine}\n\n```\n{said}\n```"


if __name__ == "__main__":
    main()
