"""The plugin that CONTRIBUTING.md shows, word for word."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import numpy as np
import pytest

from viewer.compute.engine.job import Job
from viewer.compute.progress import Refusal
from viewer.data.grid import Grid
from viewer.data.volume import Volume
from viewer.plugin.execute import execute


def test_the_example_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    shown = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert shown is not None
    monkeypatch.setenv("TOMOLENS_HOME", str(tmp_path))
    folder = tmp_path / "data" / "plugins"
    folder.mkdir(parents=True)
    (folder / "threshold.py").write_text(textwrap.dedent(shown[1]), encoding="utf-8")
    array = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    image = Volume(array, Grid.of(array.shape), slope=10.0, intercept=-100.0)
    kept = execute(Job(), "keep_range", {"image": image}, {"lower": 0, "upper": 100}).outputs["volume"]
    assert isinstance(kept, Volume)
    assert sorted(set(kept.values().ravel())) == [-100, *range(0, 101, 10)]
    with pytest.raises(Refusal, match="exchange them"):
        execute(Job(), "keep_range", {"image": image}, {"lower": 5, "upper": 1})
