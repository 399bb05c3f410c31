"""The command line: options in, JSON or text out, and the exit code."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from viewer.cli.exit_codes import Failure
from viewer.data.printable_text import encodable, printable
from viewer.settings import application_version

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.cli.headless_session import WindowStage

app = typer.Typer(
    name="tomolens", add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)

INPUT = "A file or folder; PATH#2 is its second image, PATH#qform a NIfTI file by its qform."
Paths = Annotated[list[str], typer.Argument(metavar="PATH …", help="Files, folders, ZIP archives or DICOMDIRs.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
AtTime = Annotated[int | None, typer.Option(help="The time point to take of images that have several: 1, 2, …")]
Placement = Annotated[str, typer.Option(help="How NIfTI files are placed, where they say it twice: sform or qform.")]
Out = Annotated[Path, typer.Option(help="The folder for pictures and results.")]


@dataclass(frozen=True)
class Screen:
    """What a command may ask of the side that draws. window: opens one to picture. graphics: names the renderer.

    pdf: writes a page (HTML, its title) as a PDF file; the number of its sheets. Raises OSError.
    """

    window: Callable[[], WindowStage]
    graphics: Callable[[], str]
    pdf: Callable[[str, str, Path], int]


def command_line(arguments: list[str], screen: Screen) -> int:
    """Run one command. Returns 0 done, 1 the job failed, 2 wrong use, 3 bad input."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # names of files may hold what the terminal's encoding does not
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(arguments, standalone_mode=False, obj=screen)
    except typer.Abort:
        return 1
    except Failure as failure:
        print(printable(str(failure)), file=sys.stderr)
        return failure.code
    except Exception as error:
        if not hasattr(error, "exit_code"):
            raise
        print(printable(str(getattr(error, "message", "") or error)), file=sys.stderr)
        return int(error.exit_code)
    return int(code or 0)


def _print(document: Any, as_json: bool, show: Callable[[Any, Console], None] | None = None) -> None:
    if as_json or show is None:
        print(_json(document, indent=None if as_json else 1))
    else:
        show(_with_texts(document, printable), Console(markup=False, emoji=False))


def _json(document: Any, indent: int | None) -> str:
    text = json.dumps(_with_texts(document, encodable), indent=indent, allow_nan=False)
    return text.replace("\x7f", "\\u007f")  # the one control character that JSON lets pass


def _with_texts(document: Any, write: Callable[[str], str]) -> Any:
    """The same with each text, keys too, as `write` gives it."""
    if isinstance(document, dict):
        return {_with_texts(key, write): _with_texts(value, write) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [_with_texts(value, write) for value in document]
    return write(document) if isinstance(document, str) else document


@app.callback(invoke_without_command=True)
def _options(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Tomolens: a desktop workstation for medical images. Not a medical device; for research and review."""
    if version:
        print(application_version())
        raise typer.Exit


@app.command()
def demo(context: typer.Context, out: Out = Path("out/demo")) -> None:
    """The main job on the built-in sample, with pictures and results."""
    from viewer.cli.commands.demo import demo as play

    _print(play(context.obj.window, out), as_json=False)


@app.command()
def info(paths: Paths, placement: Placement = "", as_json: AsJson = False) -> None:
    """Patients, studies, series, volumes, geometry and warnings."""
    from viewer.cli.commands.info import info as look
    from viewer.cli.commands.info import show

    _print(look(paths, placement), as_json, show)


@app.command()
def plugins(as_json: AsJson = False) -> None:
    """Every plugin with its inputs, parameters and outputs."""
    from viewer.cli.commands.plugins import plugins as look
    from viewer.cli.commands.plugins import show

    _print(look(), as_json, show)


@app.command()
def run(
    plugin: str,
    inputs: Annotated[list[str], typer.Option("--input", metavar="NAME=PATH", help=INPUT)],
    out: Out,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A parameter.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    format: Annotated[str, typer.Option(help="auto, dicom, nifti, nrrd or mha.")] = "auto",
    time: AtTime = None,
    placement: Placement = "",
    as_json: AsJson = False,
) -> None:
    """Run one plugin on images, label maps, transforms and landmarks from disk."""
    from viewer.cli.commands.run import parse_pairs, parse_value
    from viewer.cli.commands.run import run as start

    parameters = {name: parse_value(text) for name, text in parse_pairs(settings or [], "--set").items()}
    _print(start(plugin, parse_pairs(inputs, "--input"), parameters, out, format, device, time, placement), as_json)


@app.command()
def compare(
    first: str,
    second: str,
    kind: Annotated[str, typer.Option("--as", help="auto, image, labels or transform.")] = "auto",
    reference: Annotated[str, typer.Option(help="The fixed image of two transforms, or that of contours.")] = "",
    landmarks: Annotated[str, typer.Option(help="Pairs of landmarks to measure transforms by.")] = "",
    time: AtTime = None,
    placement: Placement = "",
    as_json: AsJson = False,
) -> None:
    """How far two images, label maps or transforms are apart."""
    from viewer.cli.commands.compare import compare as measure

    _print(measure(first, second, kind, reference, landmarks, time, placement), as_json)


@app.command()
def convert(
    source: Annotated[str, typer.Argument(metavar="IN", help="An image, DICOM SEG, RTSTRUCT or .seg.nrrd.")],
    target: Annotated[
        str, typer.Argument(metavar="OUT", help="Its ending chooses the form: .nii.gz, .dcm …; none: a DICOM series.")
    ],
    reference: Annotated[str, typer.Option(help="The image that the segments are of: they come on its grid.")] = "",
    placement: Placement = "",
    time: AtTime = None,
    as_json: AsJson = False,
) -> None:
    """An image or a segmentation in another form."""
    from viewer.cli.commands.convert import convert as turn

    _print(turn(source, target, reference, placement, time), as_json)


@app.command()
def report(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A project, or a DICOM structured report.")],
    out: Annotated[Path | None, typer.Option(help="The folder for reports; without it findings are listed.")] = None,
    image: Annotated[str, typer.Option(help="The image that a structured report is of.")] = "",
    language: Annotated[str, typer.Option(help="en or zh.")] = "en",
    reader: Annotated[str, typer.Option(help="Who reports.")] = "",
    sign: Annotated[bool, typer.Option("--sign", help="The reader answers for it: it is verified and final.")] = False,
    unreviewed: Annotated[bool, typer.Option("--unreviewed", help="With what nobody reviewed, marked so.")] = False,
    pdf: Annotated[bool, typer.Option("--pdf", help="The page as PDF, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """The findings of a project or a structured report, listed or written as DICOM SR, HTML and PDF."""
    from viewer.cli.commands.report import Wishes, show
    from viewer.cli.commands.report import report as write

    wishes = Wishes(out, language, reader, sign, unreviewed, context.obj.pdf if pdf else None)
    _print(write(source, image, wishes), as_json, show)


@app.command()
def snapshot(
    context: typer.Context,
    paths: Paths,
    out: Annotated[Path, typer.Option(help="The PNG to write.")],
    layout: Annotated[str, typer.Option(help="2x2, 1-up, 1+3 or compare.")] = "2x2",
    overlay: Annotated[str, typer.Option(help="An image to lay over the first.")] = "",
    time: AtTime = None,
    placement: Placement = "",
) -> None:
    """A picture of the window with a study opened."""
    from viewer.cli.commands.snapshot import snapshot as take

    take(context.obj.window, paths, layout, out, overlay, time, placement)


@app.command()
def models(as_json: AsJson = False) -> None:
    """Every trained model with its card: licence, tests, and whether its file is the right one."""
    from viewer.cli.commands.models import models as look
    from viewer.cli.commands.models import show

    _print(look(), as_json, show)


@app.command()
def tune(
    cases: Annotated[Path, typer.Argument(metavar="CASES", help="A folder or a table of cases: a task list.")],
    model: Annotated[str, typer.Option(help="The installed model to begin with; by default the one in use.")] = "",
    minutes: Annotated[float, typer.Option(help="At most, interruptions left out.")] = 10.0,
    as_json: AsJson = False,
) -> None:
    """Tune the prompted model on the accepted structures of completed cases, and compare it with what it was."""
    from viewer.cli.commands.tune import show
    from viewer.cli.commands.tune import tune as start

    _print(start(cases, model, minutes), as_json, show)


@app.command()
def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """What this machine offers, what is missing, and its cure."""
    from viewer.cli.commands.doctor import doctor as examine
    from viewer.cli.commands.doctor import show

    document = examine(context.obj.graphics)
    _print(document, as_json, show)
    raise typer.Exit(0 if document["ok"] else 1)
