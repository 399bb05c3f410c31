"""Text of files in a terminal: it is printed letter by letter, is no markup, and moves no cursor."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.test_command_line import main, write
from tests.fixtures.dicom_phantom import ramp, write_series
from tests.fixtures.model_card import write_model
from viewer.data.grid import Grid

GRID = Grid.of((1, 8, 8))
FOREIGN = [
    ("[/bold]x", "[/bold]x"),
    ("[link=http://x.example][red]y[/]", "[link=http://x.example][red]y[/]"),
    (":skull: <b>x</b>", ":skull: <b>x</b>"),
    ("a\x07b\x9b2Jc", "a\\x07b\\x9b2Jc"),
    ("a\u202eb\u2066", "a\\u202eb\\u2066"),
]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is broken."""
    monkeypatch.setenv("COLUMNS", "999")


def shown(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 0) -> str:
    """What a command prints on both streams; no control character is in it."""
    assert main([str(one) for one in arguments]) == code
    said = capsys.readouterr()
    assert all(letter.isprintable() or letter == "\n" for letter in said.out + said.err)
    return said.out + said.err


@pytest.mark.parametrize(("text", "letters"), FOREIGN)
def test_texts_of_a_header(capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, letters: str) -> None:
    facts = {"PatientName": text, "StudyDescription": text, "SeriesDescription": text}
    write_series(tmp_path, ramp(GRID.shape), GRID, **facts)
    assert shown(capsys, "info", tmp_path).count(letters) == 4  # the image is named after its series
    assert shown(capsys, "info", tmp_path, "--json")


@pytest.mark.skipif(sys.platform == "win32", reason="names hold no such characters there")
def test_names_of_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tmp_path / "\x1b[31m["  # with what is in it a closing tag
    folder.mkdir()
    bad = folder / "bold]\x1b]0;x\x07.nii"
    bad.write_bytes(b"no image")
    good = write(tmp_path / "a.nii.gz", ramp((3, 4, 5))).rename(folder / "[b]\x1b[2J.nii.gz")
    for command in (["info", folder], ["info", folder, "--json"], ["compare", good, good], ["compare", good, folder]):
        assert shown(capsys, *command)
    assert "not opened: " in shown(capsys, "info", folder)
    assert "[/bold]\\x1b]0;x\\x07.nii: " in shown(capsys, "info", folder)
    for command in (
        ["info", bad],
        ["compare", bad, good],
        ["convert", bad, tmp_path / "out.nii"],
        ["run", "denoise", "--input", f"image={bad}", "--out", tmp_path / "out"],
        ["info", folder / "bold]x"],
    ):
        assert "\\x1b[31m[/bold]" in shown(capsys, *command, code=3)


@pytest.mark.parametrize("arguments", [["info", "--\x1b[31m[/]"], ["compare", "a", "b", "--as", "\x1b[31m[/]"]])
def test_wrong_use(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert "\\x1b[31m[/]" in shown(capsys, *arguments, code=2)


def test_cards_of_models(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOMOLENS_HOME", str(tmp_path))
    write_model(tmp_path / "data" / "models", "odd", title="[/]\x1b[31mx", task="[red]y", licence="\u202ez")
    said = shown(capsys, "models")
    assert "[/]\\x1b[31mx" in said
    assert "[red]y, \\u202ez" in said


def test_an_image_without_a_name_begins_with_its_size(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "── 5 × 4 × 3 at" in shown(capsys, "info", write(tmp_path / "a.nii.gz", ramp((3, 4, 5))))
