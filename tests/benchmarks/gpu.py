"""Everything that differs on a machine with a graphics card, measured there, as one table.

    make gpu        (python tests/benchmarks/gpu.py [--device cuda:0] [--only STEP …])

In under ten minutes, on phantoms: it needs no network, no display and no data. Each step runs in a process of its
own, so that a driver that crashes or hangs costs that step only. Exits 0 where everything passed, and where there is
no graphics card, which it says; else 1.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from gpu_table import Row, table

from viewer.compute.devices import devices

STEPS = {  # what runs, and the seconds after which it is ended: under ten minutes in all
    "device": ("gpu_computing:choice", 30),
    "network": ("gpu_computing:network", 80),
    "memory": ("gpu_computing:ladder", 80),
    "denoise": ("gpu_computing:denoising", 120),
    "register": ("gpu_computing:registration", 150),
    "cancel": ("gpu_computing:cancel", 50),
    "slices": ("gpu_drawing:slices", 30),
    "3-D": ("gpu_drawing:volume", 50),
}


def rows_of(step: str, device: str, side: int) -> list[Row]:
    """Run a step here. side: of its phantoms, voxels."""
    module, _, function = STEPS[step][0].partition(":")
    rows: list[Row] = getattr(import_module(module), function)(device, side)
    return rows


def run(step: str, device: str, side: int) -> tuple[str, float, list[Row]]:
    """Run a step in a process of its own: its seconds and rows; what ends it otherwise is a row that did not pass."""
    begun = time.perf_counter()
    command = [sys.executable, __file__, "--step", step, "--device", device, "--side", str(side)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=STEPS[step][1], check=False)
        said = done.stderr if done.returncode else done.stdout
        last = (said.strip().splitlines() or [""])[-1]
        if done.returncode:
            rows = [Row(f"ended with exit code {done.returncode}", last, "0", False)]
        else:
            rows = [Row(**row) for row in json.loads(last)]
    except subprocess.TimeoutExpired:
        rows = [Row("seconds until it was ended", str(STEPS[step][1]), "less", False)]
    return step, time.perf_counter() - begun, rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="", help="as torch names it; else the first graphics card")
    parser.add_argument("--only", nargs="*", choices=STEPS, default=list(STEPS), metavar="STEP", help=", ".join(STEPS))
    parser.add_argument("--side", type=int, default=128, help="of the phantoms, voxels")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(json.dumps([asdict(row) for row in rows_of(options.step, options.device, options.side)]))
        return 0
    cards = [one for one in devices() if one.id != "cpu"]
    if not cards and not options.device:
        print("There is no graphics card here: nothing to measure.")
        return 0
    for card in cards:
        print(f"{card.id}: {card.name}, {card.memory >> 20} MB, {card.free >> 20} MB free. {card.cure}".rstrip())
    device = options.device or cards[0].id
    done = [run(step, device, options.side) for step in options.only]
    print(table(done), flush=True)
    return int(any(not row.passed for _, _, rows in done for row in rows))


if __name__ == "__main__":
    sys.exit(main())
