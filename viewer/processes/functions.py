"""Functions by name: what one process asks another one to call."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def name_of(function: Callable[..., Any]) -> str:
    """The name by which another process finds a function of a module: "package.module:function"."""
    return f"{function.__module__}:{function.__qualname__}"


def function_of(name: str) -> Callable[..., Any]:
    """The function that "package.module:function" names; its module is imported.

    Raises ImportError or AttributeError where there is none, and what the module raises when it is imported.
    """
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found
