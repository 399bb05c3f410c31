"""Which plugins there are: built in, in the user's folder, and in installed packages (entry points)."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from viewer.compute.no_network import no_network, offline_cause
from viewer.data.printable_text import keep_printable
from viewer.plugin.plugin import Plugin
from viewer.settings import plugin_folder

log = logging.getLogger(__name__)

BUILT_IN = "plugins"  # the package beside this one; its parts are found by name, never imported by the viewer's code
ENTRY_POINTS = "tomolens.plugins"


@dataclass(frozen=True)
class PluginFailure:
    """A plugin that cannot be used: which one, and why in one sentence."""

    name: str
    reason: str

    def __post_init__(self) -> None:
        keep_printable(self, "name", "reason")


def discover(folder: Path | None = None) -> tuple[dict[str, Plugin], tuple[PluginFailure, ...]]:
    """Every plugin by its id, and those that cannot be used; none has a network while it is loaded.

    folder: the user's, by default the one of the settings.
    """
    found: dict[str, Plugin] = {}
    broken: list[PluginFailure] = []
    for name, load in _places(folder or plugin_folder()):
        try:
            with no_network():
                plugins = _plugins_in(load())
        except (Exception, SystemExit) as error:
            log.warning("the plugin %s cannot be loaded", name, exc_info=True)
            broken.append(PluginFailure(name, _reason(error)))
            continue
        for plugin in plugins:
            if plugin.id in found:
                broken.append(
                    PluginFailure(name, f"Another plugin has the id {plugin.id} already: rename the function.")
                )
            else:
                found[plugin.id] = plugin
    return found, tuple(broken)


def _places(folder: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    """(name, how to load it) of everything that may hold plugins, in an order that does not change."""
    package = importlib.util.find_spec(BUILT_IN)
    for root in sorted(package.submodule_search_locations or ()) if package else ():
        for path in sorted(Path(root).glob("*/__init__.py")):
            yield path.parent.name, partial(importlib.import_module, f"{BUILT_IN}.{path.parent.name}")
    for path in sorted([*folder.glob("*.py"), *folder.glob("*/__init__.py")]):
        name = path.parent.name if path.name == "__init__.py" else path.stem
        yield name, partial(_load_file, f"tomolens_user_{name}", path)
    for entry in sorted(entry_points(group=ENTRY_POINTS)):
        yield entry.name, entry.load


def _load_file(name: str, path: Path) -> ModuleType:
    """A module from a file that is in no package; a folder's own modules are imported relatively."""
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _plugins_in(loaded: Any) -> list[Plugin]:
    """An entry point may name a plugin itself; else they are a module's attributes."""
    candidates = vars(loaded).values() if isinstance(loaded, ModuleType) else [loaded]
    plugins = list({id(one): one for one in candidates if isinstance(one, Plugin)}.values())
    if not plugins:
        raise ImportError("it declares no plugin: put @plugin(…) above its function")
    return plugins


def _reason(error: BaseException) -> str:
    """Why it could not be loaded, in one sentence."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"It needs the package {error.name}, which is not installed."
    if isinstance(error, SyntaxError):
        return f"Line {error.lineno} of {Path(error.filename or '').name} is not valid Python: {error.msg}."
    text = str(offline_cause(error) or error).rstrip(".")
    if (type(error) in (TypeError, ImportError) and text) or offline_cause(error):
        return f"It cannot be loaded: {text}."
    return f"It cannot be loaded ({type(error).__name__}: {text})."
