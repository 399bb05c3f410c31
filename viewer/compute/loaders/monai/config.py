"""The config of a MONAI bundle, read without being evaluated: references followed, expressions only looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viewer.compute.model_files.weights_file import LARGEST_YAML, read_json, read_text
from viewer.compute.networks.known_networks import code_reason
from viewer.compute.progress import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from viewer.data.arrays import Json

CONFIGS = ("configs/inference.json", "configs/inference.yaml", "configs/inference.yml")
MOST_ENTRIES, DEEPEST = 100_000, 100


def read_config(folder: Path) -> Json:
    """The table in a bundle's inference config. Raises Refusal."""
    path = next((folder / name for name in CONFIGS if (folder / name).is_file()), None)
    if path is None:
        raise Refusal(f"the bundle lacks {CONFIGS[0]}, which tells its network and how images are prepared for it.")
    found = read_json(path) if path.suffix == ".json" else _read_yaml(path)
    if not isinstance(found, dict):
        raise Refusal(f"{path.name} of the bundle holds no table.")
    return found


def _read_yaml(path: Path) -> Any:
    """The document in a YAML file; without merges (<<), which double what they hold with every line."""
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        def flatten_mapping(self, node: Any) -> None:
            if any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value):
                raise yaml.YAMLError("a merge")

    try:
        return yaml.load(read_text(path, LARGEST_YAML), Loader)
    except Refusal:
        raise
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Refusal(f"{path.name} of the bundle is no valid YAML that is known here.") from error


class ResolvedConfig:
    """A config whose references to its own entries (@name::name) are followed; nothing is evaluated."""

    def __init__(self, config: Json) -> None:
        self._config = config
        self._left = MOST_ENTRIES

    def entry(self, name: str) -> Any:
        """What stands at a place; KeyError where nothing does."""
        found: Any = self._config
        for part in name.replace("#", "::").split("::"):
            found = found[int(part)] if isinstance(found, list) else found[part]
        return found

    def value(self, name: str) -> Any:
        """The same with references followed, and None where it is not there."""
        try:
            return self.resolve(self.entry(name))
        except (KeyError, TypeError, IndexError):
            return None

    def resolve(self, value: Any, depth: int = 0) -> Any:
        """A copy of a value with every reference replaced by what it names.

        Raises ValueError where that has no end; KeyError and the like where it names nothing.
        """
        self._left -= 1
        if self._left < 0 or depth > DEEPEST:
            raise ValueError("it refers to itself, or is far too large")
        if isinstance(value, str) and value.startswith("@"):
            return self.resolve(self.entry(value[1:]), depth + 1)
        if isinstance(value, list):
            return [self.resolve(one, depth + 1) for one in value]
        if isinstance(value, dict):
            return {str(key): self.resolve(one, depth + 1) for key, one in value.items()}
        return value

    def transforms(self, name: str) -> list[Json]:
        """The transforms of a Compose. Raises Refusal where an expression stands in them."""
        told = self.value(name)
        if told is None:
            return []
        found = told if isinstance(told, list) else list(told.get("transforms", [told]))
        used = [one for one in found if name == "preprocessing" or isinstance(one, dict)]
        if any(not isinstance(one, dict) for one in used):
            raise Refusal(
                f"the {name} of this bundle is told by expressions: only plain lists of transforms are read here."
            )
        if name == "preprocessing" and any(
            text.startswith("$") for one in used for text in _texts(_without_names(one))
        ):
            raise Refusal(f"the {name} of this bundle is told by expressions ($…): only plain values are read here.")
        return used

    def network(self) -> tuple[Any, str]:
        """What tells the network, references followed, and what makes it code, in a few words; "" where it only tells.

        None where there is none. What cannot be followed here is left to MONAI, as code.
        """
        if "network_def" not in self._config:
            return None, ""
        try:
            network = self.resolve(self._config["network_def"])
        except (KeyError, TypeError, IndexError):
            return self._config["network_def"], "references in its configs that only MONAI can follow"
        if not isinstance(network, dict) or any(text.startswith(("$", "%", "@")) for text in _texts(network)):
            return network, "expressions in its configs"
        arguments = {key: value for key, value in network.items() if key != "_target_"}
        return network, code_reason(str(network.get("_target_", "nothing")), arguments)


def _without_names(transform: Json) -> Json:
    """A transform without entries that say nothing about values: which keys it works on, and where."""
    return {
        key: value
        for key, value in transform.items()
        if key not in ("keys", "device", "reader", "source_key", "_disabled_")
    }


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)
