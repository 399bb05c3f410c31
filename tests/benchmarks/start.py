"""How long until the window is there: `python tests/benchmarks/start.py [REPEATS]`, on a screen or under xvfb-run.

Each repeat is a fresh process. "exposed": the window system shows the window; "painted": the first frame is complete;
both from the moment before Python starts. Target: 2 s on a warm disk (the first repeat warms it and is left out).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROBE = """
import json, sys, time
began = float(sys.argv[1])
stamps = {}
def stamp(name):
    stamps[name] = time.time() - began
stamp("python")
from PySide6.QtCore import QTimer
import viewer.app as program
stamp("imported")
from viewer.ui.window.main_window import MainWindow
class Timed(MainWindow):
    def showEvent(self, event):
        super().showEvent(event)
        stamp("shown")
        def look():
            if "exposed" not in stamps and self.windowHandle().isExposed():
                stamp("exposed")
                QTimer.singleShot(0, finish)
            elif "exposed" not in stamps:
                QTimer.singleShot(1, look)
        def finish():
            self.repaint()
            stamp("painted")
            stamps["torch"] = float("torch" in sys.modules)
            self.close()
        look()
program.MainWindow = Timed
program.start([])
print(json.dumps(stamps))
"""
STAGES = ("python", "imported", "shown", "exposed", "painted")


def measure(home: str) -> dict[str, float]:
    """Seconds to each stage of one start."""
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "TOMOLENS_HOME": home, "PYTHONPATH": root}
    arguments = [sys.executable, "-c", PROBE, repr(time.time())]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=120, check=True)
    stages: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return stages


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory() as home:
        measure(home)
        runs = [measure(home) for _ in range(repeats)]
    print(f"{'stage':10} {'p50 s':>7} {'p95 s':>7}   ({repeats} starts)")
    for name in STAGES:
        times = sorted(run[name] for run in runs)
        print(f"{name:10} {statistics.median(times):7.2f} {times[min(len(times) - 1, round(0.95 * len(times)))]:7.2f}")
    print("torch imported:", any(run["torch"] for run in runs))


if __name__ == "__main__":
    main()
