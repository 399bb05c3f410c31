from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from viewer.plugin import discovery as module
from viewer.plugin.discovery import discover

GOOD = '''
from viewer.api import Job, Volume, plugin

@plugin("Copy", group="Tests")
def {name}(image: Volume, job: Job) -> Volume:
    """Copy it."""
    return image
'''


def reasons(folder: Path) -> dict[str, str]:
    return {one.name: one.reason for one in discover(folder)[1]}


def test_the_built_in_plugins_are_found(tmp_path: Path) -> None:
    found, broken = discover(tmp_path)
    assert {"denoise", "correct_bias"} <= set(found)
    assert broken == ()


def test_files_and_folders_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(GOOD.format(name="first"))
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "__init__.py").write_text("from .inner import second")
    (tmp_path / "two" / "inner.py").write_text(GOOD.format(name="second"))
    (tmp_path / "notes.txt").write_text("not a plugin")
    found, broken = discover(tmp_path)
    assert {"first", "second", "denoise"} <= set(found)
    assert broken == ()
    (tmp_path / "one.py").write_text(GOOD.format(name="renamed_first"))
    assert "renamed_first" in discover(tmp_path)[0]


def test_the_users_folder_is_the_one_of_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOMOLENS_HOME", str(tmp_path))
    (tmp_path / "data" / "plugins").mkdir(parents=True)
    (tmp_path / "data" / "plugins" / "one.py").write_text(GOOD.format(name="first"))
    assert "first" in discover()[0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import not_there", "It needs the package not_there, which is not installed."),
        ("def f(:", "Line 1 of broken.py is not valid Python: invalid syntax."),
        ("x = 1", "It cannot be loaded: it declares no plugin: put @plugin(…) above its function."),
        ("1 / 0", "It cannot be loaded (ZeroDivisionError: division by zero)."),
        ("import socket; socket.socket()", "It cannot be loaded: it asked for the network, which plugins and models"),
        ("import sys; sys.exit(2)", "It cannot be loaded (SystemExit: 2)."),
        (GOOD.format(name="x").replace(", job: Job", ""), "It cannot be loaded: its arguments must be"),
        (GOOD.format(name="x").replace("-> Volume", "-> Volum"), "It cannot be loaded (NameError: name 'Volum'"),
        (GOOD.format(name="denoise"), "Another plugin has the id denoise already: rename the function."),
    ],
)
def test_a_broken_plugin_is_named_with_its_reason_and_the_rest_work(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "broken.py").write_text(text)
    (tmp_path / "good.py").write_text(GOOD.format(name="good"))
    assert reasons(tmp_path)["broken"].startswith(reason)
    assert {"good", "denoise"} <= set(discover(tmp_path)[0])


def test_installed_packages_offer_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "offered.py").write_text(GOOD.format(name="offered"))
    monkeypatch.syspath_prepend(tmp_path)
    entries = [
        EntryPoint("whole", "offered", "tomolens.plugins"),
        EntryPoint("missing", "offered:nothing", "tomolens.plugins"),
    ]

    def listed(group: str) -> list[Any]:
        return [entry for entry in entries if entry.group == group]

    monkeypatch.setattr(module, "entry_points", listed)
    found, broken = discover(tmp_path / "empty")
    assert "offered" in found
    assert [one.name for one in broken] == ["missing"]


def test_discovery_is_light(tmp_path: Path) -> None:
    """The window finds the plugins: none may drag in what only its run needs."""
    heavy = ("torch", "PySide6", "vtkmodules", "SimpleITK", "skimage", "scipy")
    code = (
        "import sys; from viewer.plugin.discovery import discover; discover(); "
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    assert subprocess.check_output([sys.executable, "-c", code], cwd=root, text=True).strip() == "[]"
