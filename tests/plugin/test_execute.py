"""viewer/plugin/execute.py: one run of a plugin."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from viewer.compute.engine.job import Job
from viewer.compute.progress import Refusal
from viewer.data.grid import Grid
from viewer.data.provenance import Provenance
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.study import Source
from viewer.data.volume import Volume
from viewer.plugin.execute import Result, execute

PLUGINS = '''
import numpy as np
from pathlib import Path
from viewer.api import Annotated, Grid, Job, Range, Refusal, Segment, Segmentation, Transform, Volume, plugin, replace

@plugin("Shift", group="Tests", version="1.2", libraries=("numpy",))
def shift(image: Volume, job: Job, *, by: Annotated[int, Range(-5, 5)] = 1, file: Path = Path("/x")) -> Volume:
    """Add."""
    with job.stage("adding"):
        return replace(image, array=image.array + np.int16(by))

@plugin("Anew", group="Tests", outputs=("one", "label_map", "map"), model="some-net")
def anew(image: Volume, job: Job) -> tuple[Volume, Segmentation, Transform]:
    """Make values without a source."""
    grid = Grid(image.grid.shape, image.grid.affine + 1e-9)
    labels = Segmentation(np.ones(image.array.shape, np.uint8), grid, (Segment(1, "all"),))
    return Volume(image.array.astype(float)[:, :, ::-1], grid), labels, Transform(np.eye(4))

@plugin("Beside", group="Tests")
def beside(image: Volume, mask: Segmentation, job: Job) -> Segmentation:
    """Add segments to others."""
    return mask.with_segments((*mask.segments, Segment(2, "made"), Segment(3, "both", algorithm="SEMIAUTOMATIC")))

@plugin("Wrong", group="Tests")
def wrong(image: Volume, job: Job, *, how: str = "") -> Volume:
    """Do what a plugin must not do."""
    if how == "refuse":
        raise Refusal("the image is too dull.")
    if how == "error":
        raise KeyError("oops")
    if how == "int64":
        return replace(image, array=image.array.astype(np.int64))
    if how == "nan":
        return replace(image, array=np.full(image.array.shape, np.nan))
    return (image, image) if how == "two" else None
'''


@pytest.fixture(autouse=True)
def _plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOMOLENS_HOME", str(tmp_path))
    folder = tmp_path / "data" / "plugins"
    folder.mkdir(parents=True)
    (folder / "several.py").write_text(PLUGINS)


@pytest.fixture
def image() -> Volume:
    array = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
    source = Source(patient_id="p", series_uid="1.2.3", modality="MR", dicom=True)
    return Volume(array, Grid.of(array.shape, (3, 1, 1)), name="T1", source=source)


def run(plugin: str, image: Volume, **parameters: Any) -> Result:
    return execute(Job(), plugin, {"image": image}, parameters)


def test_a_result_says_where_it_came_from(image: Volume) -> None:
    result = run("shift", image, by=2)
    shifted = result.outputs["volume"]
    assert isinstance(shifted, Volume)
    assert np.array_equal(shifted.array, image.array + 2)
    assert shifted.name == "T1 – Shift"
    assert shifted.grid is image.grid
    made = shifted.provenance
    assert made is not None
    assert (made.plugin, made.plugin_version, made.inputs, made.device) == ("shift", "1.2", ("1.2.3",), "cpu")
    assert made.parameters == {"by": 2, "file": "/x"}
    assert made.engine == f"numpy {np.__version__}"
    assert not made.learned
    assert made.started.endswith("+00:00") or made.started[-6] in "+-"
    assert result.stages["adding"] >= 0
    assert result.peak_memory > 1 << 20
    assert 0 <= made.seconds <= result.seconds + 0.0005  # rounded to milliseconds


def test_two_runs_in_a_row_can_be_told_apart(image: Volume) -> None:
    assert len({run("shift", image, by=2).provenance.started for _ in range(5)}) == 5


def test_values_made_anew_get_grid_and_source_of_the_input(image: Volume) -> None:
    result = run("anew", image)
    one, labels, transform = result.outputs.values()
    assert list(result.outputs) == ["one", "label_map", "map"]
    assert [value.name for value in (one, labels, transform)] == [
        "T1 – Anew, one",
        "T1 – Anew, label map",
        "T1 – Anew, map",
    ]
    assert isinstance(one, Volume)
    assert one.grid is image.grid
    assert one.source == image.source
    assert one.array.dtype == np.float32
    assert one.array.flags.c_contiguous
    assert one.provenance is not None
    assert not one.provenance.learned  # it declares a model, but this run did not ask for it


def test_segments_that_were_given_stay_as_they_are(image: Volume) -> None:
    own = Segment(1, "by hand", reader="A")
    given = Segmentation(np.ones(image.array.shape, np.uint8), image.grid, (own,))
    (labels,) = execute(Job(), "beside", {"image": image, "mask": given}, {}).outputs.values()
    assert isinstance(labels, Segmentation)
    assert labels.segments[0] == own
    assert [(one.algorithm, one.algorithm_name) for one in labels.segments[1:]] == [
        ("AUTOMATIC", "beside"),
        ("SEMIAUTOMATIC", "beside"),
    ]


def test_inputs_without_a_uid_are_named_by_their_hash(image: Volume, tmp_path: Path) -> None:
    file = tmp_path / "image.nii"
    file.write_bytes(b"not read, only hashed")
    named = run("shift", replace(image, source=Source(files=(str(file),)))).outputs["volume"].provenance
    assert named is not None
    assert named.inputs == (f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}",)
    placed = Source(files=(str(file),), placement=("qform",))
    (same,) = run("shift", replace(image, source=placed)).outputs["volume"].provenance.inputs
    assert same == f"{named.inputs[0]} by its qform"
    nameless = run("shift", replace(image, source=Source())).outputs["volume"].provenance
    assert nameless is not None
    assert nameless.inputs == (f"sha256:{hashlib.sha256(image.array.tobytes()).hexdigest()}",)


@pytest.mark.parametrize(
    ("parameters", "kind", "sentence"),
    [
        ({"how": "refuse"}, Refusal, "Wrong: the image is too dull."),
        ({"how": 3}, Refusal, "Wrong: how must be a text"),
        ({"what": 3}, Refusal, "Wrong: wrong has no parameter what"),
        ({"how": "error"}, KeyError, "oops"),
        ({"how": "int64"}, TypeError, "convert them to int16, int32 or float32"),
        ({"how": "nan"}, ValueError, "not numbers"),
        ({"how": "two"}, TypeError, "returned 2 values instead of 1"),
        ({}, TypeError, "its result volume is a NoneType and no volume"),
    ],
)
def test_what_goes_wrong(image: Volume, parameters: dict[str, Any], kind: type[Exception], sentence: str) -> None:
    with pytest.raises(kind, match=sentence):
        run("wrong", image, **parameters)


def test_a_plugin_that_is_gone_or_broken(image: Volume, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="The plugin nothing cannot run: it is not installed"):
        run("nothing", image)
    (tmp_path / "data" / "plugins" / "torn.py").write_text("import not_there")
    with pytest.raises(Refusal, match="torn cannot run: It needs the package not_there"):
        run("torn", image)


def test_a_changed_file_runs_changed(image: Volume, tmp_path: Path) -> None:
    file = tmp_path / "data" / "plugins" / "several.py"
    assert run("shift", image, by=2).outputs["volume"].array[0, 0, 0] == 2  # type: ignore[union-attr]
    file.write_text(PLUGINS.replace("+ np.int16(by)", "- np.int16(by)"))
    os.utime(file, (file.stat().st_atime, file.stat().st_mtime + 10))
    assert run("shift", image, by=2).outputs["volume"].array[0, 0, 0] == -2  # type: ignore[union-attr]


def test_what_is_made_of_a_learned_image_stays_marked_as_learned(image: Volume) -> None:
    learned = replace(image, provenance=Provenance("net", "1", "1", learned=True))
    assert run("shift", learned).outputs["volume"].provenance.learned
    opened = replace(image, badges=("AI-altered",))  # from a file that said so
    assert run("shift", opened).outputs["volume"].provenance.learned
    assert not run("shift", image).outputs["volume"].provenance.learned
