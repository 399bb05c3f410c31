"""The models as plugins see them: looked at in the background, each with its state and why it cannot be used."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

import pytest

from tests.fixtures.model_card import write_model
from viewer.session.background import Background
from viewer.session.runs.installed_models import Models
from viewer.session.tasks import Messages, Tasks


@pytest.fixture
def folder(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's models; there are no built-in ones."""
    monkeypatch.setattr("viewer.compute.networks.model_cards.BUILT_IN", tmp_path / "built-in")
    return home / "data" / "models"


def models_of(calls: SimpleQueue[Callable[[], None]]) -> Models:
    """calls: gets what is to run on the main thread."""
    return Models(Background(calls.put, Tasks(Messages())))


def looked(models: Models, calls: SimpleQueue[Callable[[], None]]) -> Models:
    models.look()
    calls.get(timeout=300)()
    return models


def test_every_model_has_its_state(folder: Path) -> None:
    write_model(folder, "good")
    write_model(folder, "other", b"another file")
    write_model(folder, "gone", None)
    calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
    models = looked(models_of(calls), calls)
    assert {model.card.name: model.state for model in models.installed} == {
        "good": "verified",
        "other": "wrong hash",
        "gone": "file missing",
    }
    assert models.problem("good") == ""
    assert "Other is not the one" in models.problem("other")
    assert "put weights.safetensors into its folder" in models.problem("gone")
    assert "never is not installed" in models.problem("never")


def test_files_are_hashed_off_the_main_thread_and_told_on_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_model(folder, "good")
    where: list[str] = []
    digest = hashlib.file_digest

    def watched(*arguments: object) -> object:
        where.append(threading.current_thread().name)
        return digest(*arguments)

    monkeypatch.setattr("viewer.compute.networks.model_cards.hashlib.file_digest", watched)
    calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
    models, told = models_of(calls), []
    models.changed.connect(lambda: told.append(models.known))
    models.look()
    models.look()  # one look at a time
    call = calls.get(timeout=300)
    assert not models.known
    assert models.problem("good") == ""
    call()
    assert told == [True]
    assert where == ["tomolens-inventory_0"]
    models.look_once()
    assert calls.empty()


def test_a_file_that_was_changed_meanwhile_is_found_out(folder: Path) -> None:
    place = write_model(folder, "good")
    calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
    models = looked(models_of(calls), calls)
    (place / "weights.safetensors").write_bytes(b"changed")
    looked(models, calls)
    assert models.problem("good")
