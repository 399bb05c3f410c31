"""Paths as scripts meet them: whatever is on disk is opened under its own name, and what is not is one sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli.test_command_line import ROOT, ball, printed, refused, write

__all__ = ["ball"]
SMALL = np.arange(60, dtype=np.int16).reshape(3, 4, 5)


def described(document: dict[str, Any]) -> str:
    return document["patients"][0]["studies"][0]["series"][0]["description"]


@pytest.mark.parametrize("name", ["study#3", "#7"])
def test_an_existing_path_is_never_taken_for_a_number(
    capsys: pytest.CaptureFixture[str], ball: Path, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    os.link(ball, folder / "x.nii.gz")
    (tmp_path / name.rpartition("#")[0]).mkdir(exist_ok=True)  # an empty one that the number would be taken of
    assert printed(capsys, "compare", folder, folder, "--json")["metrics"]["mae"] == 0
    inputs = ["--input", f"image={folder}", "--input", f"onto={folder}#1"]
    ran = printed(capsys, "run", "resample_image", *inputs, "--out", tmp_path / "out", "--json")
    assert ran["outputs"]
    assert printed(capsys, "compare", f"{folder}#1", folder, "--json")["metrics"]["mae"] == 0
    assert printed(capsys, "info", folder, "--json")["refused"] == []


def test_a_file_whose_name_ends_in_a_number(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write(tmp_path / "a.nii", SMALL)
    (tmp_path / "a.nii").rename(tmp_path / "a#2.nii")
    labels = write(tmp_path / "b#1.nii.gz", (SMALL > 30).astype(np.uint8))
    assert printed(capsys, "compare", tmp_path / "a#2.nii", tmp_path / "a#2.nii", "--json")["metrics"]
    saved = printed(capsys, "convert", labels, tmp_path / "c#3.seg.nrrd", "--json")
    assert saved["path"] == str(tmp_path / "c#3.seg.nrrd")
    assert printed(capsys, "convert", tmp_path / "c#3.seg.nrrd", tmp_path / "d.nii.gz", "--reference", labels, "--json")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("missing", "no such file or folder"),
        ("missing#2", "no such file or folder"),
        ("ball.nii.gz/x", "no such file or folder"),
        ("a\0b", "no such file or folder"),
        ("x" * 4000, "longer than this system takes"),
        ("x/" * 4000, "longer than this system takes"),
        ("x" * 300 + "#2", "longer than this system takes"),
        ("two\nlines", "two\\x0alines"),
    ],
)
def test_what_is_not_there_is_one_short_sentence(
    capsys: pytest.CaptureFixture[str], ball: Path, tmp_path: Path, path: str, said: str
) -> None:
    for arguments in (["info", path], ["compare", path, ball], ["convert", path, tmp_path / "a.nii"]):
        sentence = refused(capsys, *(tmp_path / one if one == path else one for one in arguments), code=3)
        assert said in sentence
        assert "\n" not in sentence
        assert len(sentence) < 700


def test_a_refusal_names_the_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "bad.nrrd").write_text("NRRD0005\ntype: uchar\ndata file: ../outside\n")
    assert "bad.nrrd" in refused(capsys, "info", tmp_path / "bad.nrrd", code=3)
    assert "bad.nrrd" in refused(capsys, "compare", tmp_path / "bad.nrrd", tmp_path / "bad.nrrd", code=3)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_names_that_are_no_utf8_come_out_as_utf8(tmp_path: Path, encoding: str) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    write(tmp_path / "a.nii", SMALL).rename(folder / os.fsdecode(b"\xff\xfe.nii"))
    (folder / os.fsdecode(b"letter \xe9\n.dcm")).write_bytes(b"%PDF-1.7 not an image")
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT)}
    for options in (["--json"], []):
        command = [sys.executable, str(ROOT / "main.py"), "info", os.fsencode(folder), *options]
        done = subprocess.run(command, capture_output=True, env=environment, timeout=120)
        assert done.returncode == 0, done.stderr
        text = done.stdout.decode(encoding)
        assert "\\xff\\xfe" in text.replace("\\\\", "\\")
        if options:
            document = json.loads(text)
            assert document["refused"][0]["path"].encode().endswith(b"caf\\xe9/letter \\xe9\n.dcm")
            assert described(document) == "\\xff\\xfe.nii"
    command[-1:] = [os.fsencode(folder) + b"\xfd"]
    done = subprocess.run(command, capture_output=True, env=environment, timeout=120)
    assert done.returncode == 3
    assert "caf\\xe9\\xfd: there is no such file" in done.stderr.decode(encoding)


def test_a_name_that_begins_with_a_dash(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sitk.WriteImage(sitk.GetImageFromArray(SMALL), "-x.nii")
    assert described(printed(capsys, "info", "--json", "--", "-x.nii")) == "-x.nii"
