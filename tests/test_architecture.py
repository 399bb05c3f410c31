"""The rules of docs/architecture.md that a test can hold: sizes, names, doors, start-up costs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests import import_graph

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = sorted([ROOT / "main.py", *(ROOT / "viewer").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")])
PYTHON = sorted([*PROGRAM, *(ROOT / "tests").rglob("*.py")])

FILE_LINES = 400  # a file has one reason to change; a longer one must be a table
ROOM_FILES = 12  # the thirteenth says that a family wants a room of its own
FUNCTION_LINES = 40
NESTING = 3
FORBIDDEN = {"utils", "util", "core", "common", "base", "manager", "helper", "helpers"}

# Where any exception of foreign code is caught and told: plugin discovery, the job runner, the doors of the reader
# process (a hostile file may raise anything), and wrong use of the command line.
DOORS = {
    "viewer/plugin/discovery.py",
    "viewer/compute/engine/run_job.py",
    "viewer/io/reader/reader_worker.py",
    "viewer/io/dicom/pixels/decode.py",
    "viewer/io/find_files.py",
    "viewer/io/reader/probe_file.py",
    "viewer/cli/command_line.py",
}

# The one room that names functions of the program in strings, of the reader processes'. Others ask by the verbs of
# viewer/io/requests.py and viewer/plugin/execute.py.
NAMES_IN_STRINGS = "viewer/io/reader/"

Function = ast.FunctionDef | ast.AsyncFunctionDef
BLOCKS = (ast.For, ast.AsyncFor, ast.While, ast.If, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)
TABLES = (ast.Dict, ast.List, ast.Tuple, ast.Set)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, Function))


def table_lines(body: list[ast.stmt]) -> int:
    """A table (a literal over several lines) may be as long as it is: it counts as one line."""
    tables = [node for node in body if isinstance(getattr(node, "value", None), TABLES)]
    return sum(node.end_lineno - node.lineno for node in tables if node.end_lineno)


def file_lines(path: Path) -> int:
    text = path.read_text(encoding="utf-8")
    return len(text.splitlines()) - table_lines(ast.parse(text).body)


def function_lines(function: Function) -> int:
    """Lines of code: the docstring, which for a plugin is its page of explanation, does not count."""
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(getattr(first.value, "value", None), str)
    explained = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - explained - table_lines(function.body)


def depth(node: ast.AST) -> int:
    """How deep blocks stand in each other; an elif does not stand in its if."""
    deepest = 0
    for child in ast.iter_child_nodes(node):
        elif_of = isinstance(node, ast.If) and node.orelse == [child] and isinstance(child, ast.If)
        deepest = max(deepest, depth(child) + (isinstance(child, BLOCKS) and not elif_of))
    return deepest


def swallows_anything(handler: ast.ExceptHandler) -> bool:
    """True where Exception, BaseException or everything is caught and not raised again."""
    kinds = ast.walk(handler.type) if handler.type else ()
    wide = handler.type is None or any(getattr(kind, "id", "") in ("Exception", "BaseException") for kind in kinds)
    return wide and not isinstance(handler.body[-1], ast.Raise)


def catches_anything(path: Path) -> bool:
    handlers = (node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.ExceptHandler))
    return any(swallows_anything(handler) for handler in handlers)


def texts() -> list[Path]:
    """Every text file that belongs to the project, hidden and generated folders aside."""
    top = [path for path in ROOT.iterdir() if path.is_file()]
    folders = [
        path for name in (".ci", "docs", "plugins", "resources", "tests", "viewer") for path in (ROOT / name).rglob("*")
    ]
    endings = {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".json", ".cfg", ".sh", ".svg", ".qss", ""}
    return [path for path in (*top, *folders) if path.is_file() and path.suffix in endings]


def test_files_are_short() -> None:
    long = {name_of(path): size for path in PYTHON if (size := file_lines(path)) >= FILE_LINES}
    assert not long


def test_rooms_are_small() -> None:
    assert not {room: count for room, count in import_graph.rooms().items() if count > ROOM_FILES}


def test_no_files_import_each_other_in_a_circle() -> None:
    assert not import_graph.circles(import_graph.graph())


def test_functions_are_short() -> None:
    sizes = {f"{name_of(path)}::{one.name}": function_lines(one) for path in PYTHON for one in functions(path)}
    assert not {name: size for name, size in sizes.items() if size >= FUNCTION_LINES}


def test_nesting_is_shallow() -> None:
    depths = {f"{name_of(path)}::{one.name}": depth(one) for path in PROGRAM for one in functions(path)}
    assert not {name: deepest for name, deepest in depths.items() if deepest > NESTING}


def test_packages_hold_nothing_but_their_files_and_what_these_are() -> None:
    packages = [path for path in PYTHON if path.name == "__init__.py" and path.parent.parent != ROOT / "plugins"]
    trees = {name_of(path): ast.parse(path.read_bytes()) for path in packages}
    assert not [name for name, tree in trees.items() if len(tree.body) > (ast.get_docstring(tree) is not None)]


def test_names_say_what_a_thing_is() -> None:
    stems = {name_of(path): set(path.stem.lower().split("_")) for path in PYTHON}
    classes = {
        f"{name_of(path)}::{node.name}": {word.lower() for word in re.findall(r"[A-Z][a-z]*", node.name)}
        for path in PROGRAM
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.ClassDef)
    }
    assert not [name for name, words in {**stems, **classes}.items() if words & FORBIDDEN]


def test_only_the_doors_catch_everything() -> None:
    assert {name_of(path) for path in PROGRAM if catches_anything(path)} == DOORS


def test_no_path_of_a_machine_stands_in_the_project() -> None:
    machine = re.compile(
        r"(?<![\w.])/(?:work|root|home)(?![\w.-])|(?<![\w.])/opt/(?:wheels|pypi)|shared/(?:data|reference)"
    )
    told = {name_of(path) for path in texts() if machine.search(path.read_text(encoding="utf-8"))}
    assert told - {name_of(Path(__file__)), ".ci/run"} == set()  # this file's pattern; the one place that may look


def strings(path: Path) -> Iterator[str]:
    nodes = ast.walk(ast.parse(path.read_bytes()))
    return (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


def test_only_the_doors_name_functions_in_strings() -> None:
    named = re.compile(r"viewer(\.\w+)+:\w+")
    telling = {name_of(path) for path in PROGRAM if any(map(named.fullmatch, strings(path)))}
    assert telling
    assert not [name for name in telling if not name.startswith(NAMES_IN_STRINGS)]


def imported_with(modules: str) -> set[str]:
    """Top-level names in sys.modules after a fresh process imported the modules (a Python expression: their names)."""
    program = f"import importlib, sys\nfor name in {modules}: importlib.import_module(name)\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=600)
    assert run.returncode == 0, run.stderr
    return {name.split(".")[0] for name in run.stdout.split()}


def test_the_window_starts_without_torch() -> None:
    loaded = imported_with("['viewer.app']")
    assert "PySide6" in loaded
    assert not loaded & {"torch", "openvino", "monai", "highdicom", "pydicom", "SimpleITK", "skimage"}


def test_what_computes_loads_neither_qt_nor_vtk_nor_torch() -> None:
    upper = {"app.py", "render", "tools", "ui"}
    parts = [path.relative_to(ROOT).with_suffix("").parts for path in PROGRAM if path.is_relative_to(ROOT / "viewer")]
    names = [".".join(part).removesuffix(".__init__") for part in parts if not upper & {part[1], f"{part[1]}.py"}]
    loaded = imported_with(repr(names))
    assert "pydicom" in loaded
    assert not loaded & {"PySide6", "vtkmodules", "torch", "openvino"}


def test_controllers_know_no_widgets() -> None:
    """What a panel does is of its panel; import-linter sees no sub-packages of PySide6."""
    controllers = [path for path in PROGRAM if path.stem.split("_")[-1] == "controller"]
    assert controllers
    assert not [name_of(path) for path in controllers if "QtWidgets" in path.read_text(encoding="utf-8")]


def test_text_of_files_meets_no_parser_of_markup() -> None:
    """Labels are plain by the style, the terminal by its console; HTML is made in few places, which escape."""
    for path in PROGRAM:
        text, name = path.read_text(encoding="utf-8"), name_of(path)
        assert "setHtml(" not in text or name in (
            "viewer/ui/findings/report_dialog.py",
            "viewer/ui/register/quality/sign_off_dialog.py",
            "viewer/ui/widgets/pdf_page.py",
        ), name
        assert not re.search(
            r"RichText|AutoText\)|MarkdownText|setMarkdown|insertHtml|rich\.markup|from_markup", text
        ), name
        assert not re.search(r"\bConsole\((?!markup=False, emoji=False\))", text), name
        assert not re.search(r"\.setLabel\((?!html\.escape|self\.)", text), name  # of a plot: HTML


def test_a_command_prints_what_is_fit_to_be_printed() -> None:
    for path in PROGRAM:
        if "viewer/cli" not in name_of(path):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                said = ast.unparse(node.args[0])
                assert said.startswith(("printable(", "application_version()", "_json(")), f"{name_of(path)}: {said}"
