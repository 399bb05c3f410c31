"""One setting of a plugin, as its signature declares it: what the form shows and what a value is checked against."""

from __future__ import annotations

import math
from dataclasses import dataclass
from inspect import Parameter as Argument
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from viewer.compute.progress import Refusal
from viewer.data.printable_text import encodable

REQUIRED: Any = Argument.empty
SCHEMA_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", Path: "string"}
WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", Path: "a path"}


@dataclass(frozen=True)
class Range:
    """The values a number may have, both ends included. step: what an arrow of the form adds."""

    low: float
    high: float
    step: float | None = None


@dataclass(frozen=True)
class Parameter:
    """A setting. annotation: bool, int, float, str, Path, a Literal of texts, or tuple[Literal, …] for some of them.

    default: REQUIRED for none. optional: of a Path, that it may be left out, by None.
    """

    name: str
    annotation: Any
    default: Any = REQUIRED
    range: Range | None = None
    description: str = ""
    optional: bool = False

    @property
    def title(self) -> str:
        """Its name in words, for the form."""
        return title_of(self.name)

    @property
    def required(self) -> bool:
        """True where there is no default."""
        return self.default is REQUIRED

    @property
    def choices(self) -> tuple[str, ...]:
        """What a Literal offers; empty for any other type."""
        literal = get_args(self.annotation)[0] if self.several else self.annotation
        return get_args(literal) if get_origin(literal) is Literal else ()

    @property
    def several(self) -> bool:
        """Whether it is some of its choices, in their order, and not one of them."""
        return get_origin(self.annotation) is tuple

    def options(self) -> dict[str, Any]:
        """How magicgui is to make its widget: the range, where there is one, and the tool tip."""
        if self.range is None:
            return {"tooltip": self.description} | ({"nullable": True} if self.optional else {})
        step = {} if self.range.step is None else {"step": self.range.step}
        return {"min": self.range.low, "max": self.range.high, **step, "tooltip": self.description}

    def schema(self) -> dict[str, Any]:
        """Its JSON schema, with the name."""
        schema = {"name": self.name, "title": self.title, "description": self.description}
        schema["type"] = "array" if self.several else "string" if self.choices else SCHEMA_TYPES[self.annotation]
        limits: dict[str, Any] = {}
        if self.several:
            limits["items"] = {"type": "string", "enum": list(self.choices)}
        elif self.choices:
            limits["enum"] = list(self.choices)
        if self.range is not None:
            limits |= {"minimum": self.range.low, "maximum": self.range.high}
        if not self.required and self.default is not None:
            limits["default"] = json_value(self.default)
        return schema | limits

    def checked(self, value: Any) -> Any:
        """The value in the parameter's type. Raises Refusal: one sentence with the name and what is allowed."""
        if self.optional and value in (None, "", Path()):
            return None
        if self.several:
            return self._some(value)
        if self.choices:
            return self._chosen(value)
        if not self._fits(value):
            raise Refusal(f"{self.name} must be {WORDS[self.annotation]}, not {value!r}.")
        if self.range is not None and not self.range.low <= value <= self.range.high:
            raise Refusal(f"{self.name} must lie between {self.range.low} and {self.range.high}, not {value}.")
        return self.annotation(value)

    def _chosen(self, value: Any) -> Any:
        if value not in self.choices:
            raise Refusal(f"{self.name} must be one of {', '.join(self.choices)}; not {value!r}.")
        return value

    def _some(self, value: Any) -> tuple[str, ...]:
        """In the order of the choices. Texts may come as one, with commas between them."""
        names = [name.strip() for name in value.split(",")] if isinstance(value, str) else list(value)
        for name in names:
            self._chosen(name)
        if not names:
            raise Refusal(f"{self.name} must hold one of {', '.join(self.choices)} at least.")
        return tuple(choice for choice in self.choices if choice in names)

    def _fits(self, value: Any) -> bool:
        if self.annotation is bool or isinstance(value, bool):
            return self.annotation is bool and isinstance(value, bool)
        if self.annotation is int:
            return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if self.annotation is float:
            return isinstance(value, (int, float)) and math.isfinite(value)
        return isinstance(value, str) or (self.annotation is Path and isinstance(value, Path))


def declare_parameter(name: str, hint: Any, default: Any, description: str) -> Parameter:
    """The parameter that a keyword argument declares. Raises TypeError for a type that has no place in a form."""
    limits: Range | None = None
    description = description or text_of(hint)
    if get_origin(hint) is Annotated:
        hint, *notes = get_args(hint)
        limits = next((note for note in notes if isinstance(note, Range)), None)
    optional = hint == Path | None
    hint = Path if optional else hint
    several = get_origin(hint) is tuple and get_args(hint)[1:] == (Ellipsis,)
    literal = get_args(hint)[0] if several else hint
    texts = get_origin(literal) is Literal and all(isinstance(choice, str) for choice in get_args(literal))
    if not texts and hint not in SCHEMA_TYPES:
        raise TypeError(
            f"the parameter {name} is of a type that no form can show: use bool, int, float, str, Path, Literal, "
            "or tuple[Literal, ...] for some of several"
        )
    parameter = Parameter(name, hint, default, limits, description, optional)
    try:
        if not parameter.required:
            parameter.checked(default)
    except Refusal as error:
        raise TypeError(f"the default of {error}") from error
    return parameter


def json_value(value: Any) -> Any:
    """A setting as JSON gives it back."""
    if isinstance(value, Path):
        return encodable(str(value))
    return list(value) if isinstance(value, tuple) else value


def text_of(hint: Any) -> str:
    """What an annotation itself says of the value: the text in Annotated[type, "text"], "" where there is none."""
    return next((note for note in getattr(hint, "__metadata__", ()) if isinstance(note, str)), "")


def title_of(name: str) -> str:
    """A name of the code in words: "noise_level" is "Noise level"."""
    return name.replace("_", " ").capitalize()
