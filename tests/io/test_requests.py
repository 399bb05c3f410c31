from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np

from tests.io.asking import ask
from viewer.data.annotations.landmarks import Landmarks
from viewer.io import requests
from viewer.io.reader.reader import Reader
from viewer.processes.functions import function_of, name_of


def test_every_verb_is_found_by_its_name() -> None:
    verbs = [verb for _, verb in inspect.getmembers(requests, inspect.isfunction)]
    assert verbs
    assert all(function_of(name_of(verb)) is verb for verb in verbs)


def test_a_verb_runs_in_a_reader_process(reader: Reader, tmp_path: Path) -> None:
    pairs = Landmarks(np.eye(3), np.eye(3) + 1, ("a", "b", "c"))
    assert ask(reader, requests.write_landmarks, pairs, tmp_path / "a.csv") == ("done", (tmp_path / "a.csv",))
    kind, found = ask(reader, requests.read_landmarks, tmp_path / "a.csv")
    assert (kind, found.names) == ("done", pairs.names)
    np.testing.assert_array_equal(found.moving, pairs.moving)


def test_what_a_verb_refuses_is_a_sentence(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "a.tomolens").write_bytes(b"no project")
    kind, sentence = ask(reader, requests.open_project, tmp_path / "a.tomolens")
    assert kind == "failed"
    assert sentence.endswith(".")
