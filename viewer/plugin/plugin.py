"""What a plugin is: a function from values to values, whose signature is its panel."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import Parameter as Argument
from inspect import signature
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from docstring_parser import parse

from viewer.compute.progress import Refusal
from viewer.data.annotations.finding import Findings
from viewer.data.annotations.landmarks import Landmarks
from viewer.data.annotations.measurement_table import MeasurementTable
from viewer.data.annotations.prompts import Prompts
from viewer.data.segmentation import Segmentation
from viewer.data.transform import Transform
from viewer.data.volume import Volume
from viewer.plugin.parameter import Parameter, declare_parameter, text_of, title_of

Value = Volume | Segmentation | Transform | Landmarks | Prompts | MeasurementTable | Findings
KINDS: dict[str, type[Value]] = {
    "volume": Volume,
    "segmentation": Segmentation,
    "transform": Transform,
    "landmarks": Landmarks,
    "prompts": Prompts,
    "table": MeasurementTable,
    "findings": Findings,
}
NAMES = {kind: name for name, kind in KINDS.items()}


@dataclass(frozen=True)
class Input:
    """A value that the plugin works on. type: a key of KINDS."""

    name: str
    type: str
    required: bool = True
    description: str = ""

    @property
    def title(self) -> str:
        """Its name in words, for the form."""
        return title_of(self.name)


@dataclass(frozen=True)
class Output:
    """A value that the plugin makes. type: a key of KINDS. optional: it may be left out, by None in its place."""

    name: str
    type: str
    optional: bool = False


@dataclass(frozen=True, eq=False)
class Plugin:
    """A declared plugin. Called like its function, with each input of a group by itself.

    libraries: the packages that do the work, as pip names them. model: the trained model it uses, "" for none.
    gpu: it can compute on a graphics card. groups: the function's arguments that gather inputs, each a NamedTuple.
    tune: tunes its model (viewer.plugin.tuning.Tuner); None where that cannot be tuned.
    """

    id: str
    title: str
    group: str
    version: str
    function: Callable[..., Any]
    inputs: tuple[Input, ...]
    parameters: tuple[Parameter, ...]
    outputs: tuple[Output, ...]
    summary: str = ""
    description: str = ""
    libraries: tuple[str, ...] = ()
    model: str = ""
    gpu: bool = False
    groups: dict[str, type] = field(default_factory=dict)
    tune: Callable[..., Any] | None = None

    def __call__(self, *args: Any, **options: Any) -> Any:
        """The result of the function, its groups put together of their inputs."""
        if not self.groups:
            return self.function(*args, **options)
        values = dict(zip([*(one.name for one in self.inputs), "job"], args, strict=False)) | options
        for argument, group in self.groups.items():
            fields = get_type_hints(group)
            values[argument] = group(**{name: values.pop(name) for name in fields if name in values})
        return self.function(**values)

    @property
    def has_form(self) -> bool:
        """False where it works on prompts: tools in the views give them, so no form asks for its inputs."""
        return all(one.type != "prompts" for one in self.inputs)

    def validate(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Every parameter, checked, defaults filled in. Raises Refusal: one sentence for the user."""
        known = [one.name for one in self.parameters]
        for name in parameters:
            if name not in known:
                raise Refusal(f"{self.id} has no parameter {name}; it takes {', '.join(known) or 'none'}.")
        for one in self.parameters:
            if one.required and one.name not in parameters:
                raise Refusal(f"{self.id} needs a value for {one.name}.")
        return {one.name: one.checked(parameters.get(one.name, one.default)) for one in self.parameters}

    def check_inputs(self, inputs: Mapping[str, Any]) -> None:
        """Raises Refusal, one sentence for the user, where an input is missing, unknown or of another type."""
        known = {one.name: one for one in self.inputs}
        for name, value in inputs.items():
            if name not in known:
                raise Refusal(f"{self.id} has no input {name}; it takes {', '.join(known)}.")
            if not isinstance(value, KINDS[known[name].type]):
                raise Refusal(f"{self.id} needs a {known[name].type} as its {name}.")
        for one in self.inputs:
            if one.required and one.name not in inputs:
                raise Refusal(f"{self.id} needs a {one.type} as its {one.name}.")

    def to_json(self) -> dict[str, Any]:
        """What the command `plugins --json` prints of it."""
        return {
            "id": self.id,
            "title": self.title,
            "group": self.group,
            "version": self.version,
            "summary": self.summary,
            "models": [self.model] if self.model else [],
            "inputs": [{"name": one.name, "type": one.type, "required": one.required} for one in self.inputs],
            "parameters": [one.schema() for one in self.parameters],
            "outputs": [{"name": one.name, "type": one.type} for one in self.outputs],
        }


def plugin(
    title: str,
    *,
    group: str,
    version: str = "1.0",
    outputs: tuple[str, ...] = (),
    libraries: tuple[str, ...] = (),
    model: str = "",
    gpu: bool = False,
    tune: Callable[..., Any] | None = None,
) -> Callable[[Callable[..., Any]], Plugin]:
    """Declare a function as a plugin: inputs before `job`, parameters after `*`, results by the return type.

    What is said of an input or parameter stands in the docstring, or beside its type where several plugins share it:
    Annotated[Volume, "The image that …"]. A NamedTuple of inputs stands for all of them. A result that is left out
    where nobody asks for it (job.wants), or by a setting, is of type X | None.

    outputs: the results' names; by default their types. tune: what tunes its model on accepted corrections. Raises
    TypeError where the signature is not a plugin's.
    """

    def declare(function: Callable[..., Any]) -> Plugin:
        hints = get_type_hints(function, include_extras=True)
        text = parse(function.__doc__ or "")
        texts = {one.arg_name: (one.description or "").strip() for one in text.params}
        arguments = list(signature(function).parameters.values())
        return Plugin(
            id=function.__name__,
            title=title,
            group=group,
            version=version,
            function=function,
            inputs=_inputs(arguments, hints, texts),
            parameters=_parameters(arguments, hints, texts),
            outputs=_outputs(hints.get("return"), outputs),
            summary=text.short_description or "",
            description=_join_lines(text.long_description or ""),
            libraries=libraries,
            model=model,
            gpu=gpu,
            groups={name: hint for name, hint in hints.items() if _is_group(hint)},
            tune=tune,
        )

    return declare


def _join_lines(text: str) -> str:
    """Paragraphs without the line breaks that the source code needs."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _inputs(arguments: list[Argument], hints: dict[str, Any], texts: dict[str, str]) -> tuple[Input, ...]:
    named = [one.name for one in arguments if one.kind is Argument.POSITIONAL_OR_KEYWORD]
    if not named or named[-1] != "job" or len(named) < 2:
        raise TypeError("its arguments must be one or more inputs, then job, then *, then the parameters")
    inputs: list[Input] = []
    for name in named[:-1]:
        hint = hints.get(name)
        fields = get_type_hints(hint, include_extras=True) if _is_group(hint) else {name: hint}
        inputs += [_input(field, hint, texts.get(field, "")) for field, hint in fields.items()]
    return tuple(inputs)


def _is_group(hint: Any) -> bool:
    """Whether it is a NamedTuple."""
    return isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_fields")


def _input(name: str, hint: Any, description: str) -> Input:
    kind, optional = _value_type(hint)
    if kind not in NAMES or kind in (MeasurementTable, Findings):
        raise TypeError(f"the input {name} must be a Volume, a Segmentation or a Transform")
    return Input(name, NAMES[kind], not optional, description or text_of(hint))


def _value_type(hint: Any) -> tuple[Any, bool]:
    """The type of a value by itself, and whether it may be left out."""
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    optional = get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint)
    return (next(part for part in get_args(hint) if part is not type(None)) if optional else hint), optional


def _parameters(arguments: list[Argument], hints: dict[str, Any], texts: dict[str, str]) -> tuple[Parameter, ...]:
    return tuple(
        declare_parameter(one.name, hints.get(one.name), one.default, texts.get(one.name, ""))
        for one in arguments
        if one.kind is Argument.KEYWORD_ONLY
    )


def _outputs(hint: Any, names: tuple[str, ...]) -> tuple[Output, ...]:
    found = [_value_type(one) for one in (get_args(hint) if get_origin(hint) is tuple else (hint,))]
    kinds = [kind for kind, _ in found]
    if not kinds or any(kind not in NAMES for kind in kinds):
        raise TypeError("its return type must be Volume, Segmentation, Transform or a tuple of them")
    if MeasurementTable in kinds and Segmentation not in kinds:
        raise TypeError("a MeasurementTable is kept with the Segmentation that it is about: return that, too")
    names = names or tuple(NAMES[kind] for kind in kinds)
    if len(names) != len(kinds) or len(set(names)) != len(names):
        raise TypeError(f"it returns {len(kinds)} values: give each a name of its own by outputs=(…)")
    return tuple(Output(name, NAMES[kind], optional) for name, (kind, optional) in zip(names, found, strict=True))
