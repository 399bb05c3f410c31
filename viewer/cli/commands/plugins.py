"""`plugins`: every plugin with its inputs, parameters and outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from viewer.plugin.discovery import discover

if TYPE_CHECKING:
    from rich.console import Console

    from viewer.data.arrays import Json


def plugins() -> list[Json]:
    """The document that `plugins --json` prints; a plugin that cannot be imported has an "error"."""
    found, broken = discover()
    listed = [plugin.to_json() for plugin in found.values()]
    return listed + [{"id": one.name, "title": one.name, "error": one.reason} for one in broken]


def show(document: list[Json], console: Console) -> None:
    """Print them for people."""
    for plugin in document:
        if "error" in plugin:
            console.print(Text(f"{plugin['id']}: {plugin['error']}", "dim"))
            continue
        about = f"  {plugin['title']} ({plugin['group']}) {plugin['version']}"
        console.print(Text.assemble((plugin["id"], "bold"), about))
        inputs = ", ".join(f"{one['name']}: {one['type']}" for one in plugin["inputs"])
        outputs = ", ".join(f"{one['name']}: {one['type']}" for one in plugin["outputs"])
        console.print(f"    {inputs} -> {outputs}", highlight=False)
        for parameter in plugin["parameters"]:
            console.print(f"    --set {parameter['name']}={parameter.get('default')}", highlight=False)
