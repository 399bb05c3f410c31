"""Codes of what is said are stable: each stands in docs/formats.md, and none stands there that nothing says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"[a-z]+(-[a-z]+)+|duplicates|inverted|lossy|mosaic|sheared|tilted|transparency")


def said() -> set[str]:
    """The first argument of every Notice in the program, or the constants of its file where it is none itself."""
    found = set()
    for path in (ROOT / "viewer").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Notice":
                code = node.args[0]
                found.add(code.value if isinstance(code, ast.Constant) else constants[ast.unparse(code)])
    return found


def test_every_code_is_documented_and_every_documented_code_is_said() -> None:
    table = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8").split("## What is said")[1].split("\n## ")[0]
    documented = {code for line in table.splitlines() for code in re.findall(r"`([^`]+)`", line.split(" | ")[0])}
    assert said() == documented
    assert all(CODE.fullmatch(code) for code in documented)
