"""What imports what in the house, with imports under TYPE_CHECKING and inside functions: circles, full rooms, climbs.

`python tests/import_graph.py` prints the measures; `--circles` names the files of each circle.
"""

from __future__ import annotations

import argparse
import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UI = ("widgets", "preferences", "actions", "studies", "dialogs", "jobs", "plugins", "layers", "views", "segments")
UI = (*UI, "register", "inspect", "review", "window")  # from the lowest floor up


def modules(root: Path = ROOT) -> dict[str, Path]:
    """Every module of viewer and plugins by its dotted name; a package has the name of its folder."""
    paths = [path for part in ("viewer", "plugins") for path in (root / part).rglob("*.py")]
    return {".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def imports(name: str, path: Path, known: dict[str, Path]) -> Iterator[str]:
    """The modules of the house that a module imports, wherever in it."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: package.count(".") + 2 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield from ([found for found in (f"{base}.{alias.name}", base) if found in known][:1])


def graph(root: Path = ROOT) -> dict[str, set[str]]:
    """The imports of every module."""
    known = modules(root)
    return {
        name: {found for found in imports(name, path, known) if known[found].stat().st_size and found != name}
        for name, path in known.items()
    }


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """The groups of modules that import each other, the largest first (Tarjan, SIAM J. Comput. 1972)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(one: str) -> None:
        number[one] = low[one] = len(number)
        stack.append(one)
        for other in arrows[one]:
            if other not in number:
                visit(other)
                low[one] = min(low[one], low[other])
            elif other in stack:
                low[one] = min(low[one], number[other])
        if low[one] == number[one]:
            group = stack[stack.index(one) :]
            del stack[stack.index(one) :]
            found.append(sorted(group))

    for one in sorted(arrows):
        if one not in number:
            visit(one)
    return sorted((group for group in found if len(group) > 1), key=len, reverse=True)


def rooms(root: Path = ROOT) -> Counter[str]:
    """How many files each folder of the viewer and the plugins has, without `__init__.py`."""
    paths = [path for path in modules(root).values() if path.name != "__init__.py"]
    return Counter(str(path.parent.relative_to(root)) for path in paths)


def family(name: str) -> str:
    """The family of the window that a module belongs to."""
    return name.split(".")[2]


def within_ui(arrows: dict[str, set[str]]) -> list[tuple[str, str]]:
    """Pairs of families of the window of which the first imports the second."""
    pairs = {
        (family(one), family(other))
        for one, others in arrows.items()
        for other in others
        if one.startswith("viewer.ui.") and other.startswith("viewer.ui.")
    }
    return sorted((one, other) for one, other in pairs if one != other)


def main() -> None:
    """Print the measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--circles", action="store_true", help="name the files of each circle")
    parser.add_argument("--root", type=Path, default=ROOT, help="of another checkout")
    asked = parser.parse_args()
    arrows, full = graph(asked.root), rooms(asked.root)
    rings = circles(arrows)
    (room, most), *_ = full.most_common(1)
    between = within_ui(arrows)
    print(f"circles of files            {len(rings)}, of {', '.join(str(len(ring)) for ring in rings) or 'no'} files")
    print(f"files in the fullest room   {most} ({room})")
    print(f"rooms with over 12 files    {sum(count > 12 for count in full.values())}")
    print(f"arrows between ui families  {len(between)}")
    climbing = [pair for pair in between if set(pair) <= set(UI) and UI.index(pair[0]) < UI.index(pair[1])]
    print(f"of these climbing           {len(climbing)}: {', '.join(' -> '.join(pair) for pair in climbing)}")
    for ring in rings if asked.circles else ():
        print(*ring, sep="\n  ")


if __name__ == "__main__":
    main()
