"""Nothing lost: a session is killed at random moments while it labels, and the next start gives the work back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "kills.py"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the script forks")
def test_kills_cost_nothing_that_was_done() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "--kills", "40"], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "40 kills, 40 times everything came back", done.stdout + done.stderr
    assert done.returncode == 0
