"""Run every benchmark and write docs/benchmarks.md: `python docs/make_benchmarks.py [--slicer-python PATH]`.

Run it on an idle machine, with TOMOLENS_DATA set for the tables on real studies.
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
SCRIPTS = {
    "index": "Indexing a folder",
    "load": "Loading an indexed series",
    "memory": "Memory of the whole program",
    "views": "Views",
    "click": "From a click to the picture",
    "start": "Start",
    "engine": "Engine and denoising",
    "painting": "Painting, below the window",
    "kills": "Nothing lost",
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
| what a kill at any moment costs | at most the stroke that is being drawn | Nothing lost |
"""


def main() -> None:
    """Run, and write the page."""
    sys.path.insert(0, str(ROOT))
    from viewer.cli.display import ensure_display

    ensure_display()
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--slicer-python", default="", help="Python of an environment with the slicer-core wheel")
    slicer = options.parse_args().slicer_python
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()) if os.name == "posix" else None
    parts = [
        "# Benchmarks",
        f"Made by `python docs/make_benchmarks.py` on {date.today()}: {model[1] if model else platform.processor()}, "
        f"{os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GB, {platform.platform()}, "
        "software OpenGL (llvmpipe) on a virtual screen. Trust the ratios, taken side by side in one run, more than "
        "the times. What was aimed at:",
        AIMS.strip(),
    ]
    for name, title in SCRIPTS.items():
        given = ["--slicer-python", slicer] if name == "load" and slicer else []
        print(f"{name} …", flush=True)
        done = subprocess.run(
            [sys.executable, f"tests/benchmarks/{name}.py", *given],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        said = re.sub(r"(/[\w.+-]+){2,}/", "…/", done.stdout.strip())  # paths are this machine's own affair
        parts += [f"## {title}", f"`python tests/benchmarks/{name}.py`", f"```\n{said}\n```"]
    (ROOT / "docs" / "benchmarks.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
