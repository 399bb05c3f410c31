from __future__ import annotations

import pytest

from tests.fixtures.nninteractive import install, write_weights
from viewer.session.runs.nninteractive import OFFICIAL, NnInteractive, is_weights, licence


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TOMOLENS_HOME", str(tmp_path / "home"))


def test_it_is_missing_until_it_is_installed(monkeypatch) -> None:
    assert "pip install nninteractive" in NnInteractive().problem
    install(monkeypatch)
    assert NnInteractive().problem == ""


def test_weights_count_from_when_their_licence_was_accepted_until_it_changes(tmp_path) -> None:
    folder = write_weights(tmp_path / "weights", "Only on Sundays.")
    assert NnInteractive().settings() == {"weights": None, "licence_accepted": False}
    NnInteractive().accept(folder, licence(folder))
    assert NnInteractive().settings() == {"weights": folder, "licence_accepted": True}
    (folder / "LICENSE").write_text("Only on Mondays.")
    assert NnInteractive().weights is None
    NnInteractive().accept(folder, licence(folder))
    NnInteractive().accept(folder, "Another text than lies there.")
    assert NnInteractive().weights is None
    NnInteractive().accept(folder, licence(folder))
    (folder / "plans.json").unlink()
    assert NnInteractive().weights is None


def test_without_a_text_the_terms_of_the_official_weights_are_shown(tmp_path) -> None:
    folder = write_weights(tmp_path / "one" / "weights")
    assert licence(folder) == OFFICIAL
    (tmp_path / "one" / "LICENSE.txt").write_text("Above.")
    assert licence(folder) == "Above."
    assert not is_weights(tmp_path / "one")


def test_a_damaged_choice_costs_the_choice_alone(tmp_path) -> None:
    folder = write_weights(tmp_path / "weights")
    NnInteractive().accept(folder, licence(folder))
    for text in ("{", "[]", "{}"):
        NnInteractive()._file().write_text(text)
        assert NnInteractive().weights is None
