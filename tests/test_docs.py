"""The documents tell the truth: each risk is guarded by tests that exist, and what is shown or linked is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROWS = [row for row in (ROOT / "docs" / "risks.md").read_text(encoding="utf-8").splitlines() if row.startswith("| ")][
    1:
]
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(ROOT.glob("docs/*.md"))

NAMING = [
    *DOCUMENTS,
    ROOT / "Makefile",
    *sorted(ROOT.glob("resources/**/*.json")),
    *sorted(ROOT.glob("resources/**/*.md")),
]
PLACE = re.compile(r"(?<![\w./-])(?:(?:viewer|plugins|tests|docs|resources)/[\w./*-]*\w|(?<=`)(?:\w+/)+\w+\.py\b)")
MODULE = re.compile(r"(?<![\w./-])((?:viewer|plugins)(?:\.\w+)+)(?::(\w+))?")


def is_defined(test: str) -> bool:
    path, _, name = test.partition("::")
    source = (ROOT / path).read_text(encoding="utf-8") if (ROOT / path).is_file() else ""
    return re.search(rf"^(?:def {name}\(|class {name}\b|{name} = )", source, re.MULTILINE) is not None


@pytest.mark.parametrize("row", ROWS, ids=[row.split("|")[1].strip() for row in ROWS])
def test_each_risk_is_guarded_by_tests_that_exist(row: str) -> None:
    guards = re.findall(r"`(tests/\S+?\.py::\w+)`", row)
    assert guards
    assert [test for test in guards if not is_defined(test)] == []


def test_the_named_tests_are_looked_for() -> None:
    assert len(ROWS) > 15
    assert not is_defined("tests/test_docs.py::test_that_is_not_there")
    assert not is_defined("tests/gone.py::test_each_risk_is_guarded_by_tests_that_exist")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (document.parent / link).exists()] == []


def missing(text: str) -> list[str]:
    """What a text names of the project that is not there: files, also by their place within viewer/, and modules."""
    places = [name for name in PLACE.findall(text) if not [*ROOT.glob(name), *ROOT.glob(f"viewer/{name}")]]
    modules = [":".join(filter(None, found)) for found in MODULE.findall(text) if not is_importable(*found)]
    return places + modules


def is_importable(module: str, name: str) -> bool:
    """Whether a module of the project is there, or one with that name in it."""
    path = ROOT / module.replace(".", "/")
    if not name and (path.is_dir() or path.with_suffix(".py").is_file()):
        return True
    owner, _, last = (module, "", name) if name else module.rpartition(".")
    return is_defined(f"{owner.replace('.', '/')}.py::{last}")


@pytest.mark.parametrize("file", NAMING, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_is_named_of_the_project_is_there(file: Path) -> None:
    assert missing(file.read_text(encoding="utf-8")) == []


def test_what_is_not_there_is_noticed() -> None:
    text = "`io/gone.py` viewer/gone.py plugins/denoise/train.py plugins.gone viewer.api `plugins.denoise.network:Gone`"
    assert missing(text) == ["io/gone.py", "viewer/gone.py", "plugins.gone", "plugins.denoise.network:Gone"]
