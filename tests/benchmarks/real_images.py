"""Where the real images are that benchmarks measure on."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def data_folder() -> Path:
    """What TOMOLENS_DATA names; without it there is nothing to measure: the script says so and ends."""
    if "TOMOLENS_DATA" not in os.environ:
        print("skipped: TOMOLENS_DATA does not name the folder of the real images that this measures")
        sys.exit(0)
    return Path(os.environ["TOMOLENS_DATA"])
