from __future__ import annotations

import pytest

from viewer.processes.functions import function_of, name_of


def test_a_function_is_found_again_by_its_name() -> None:
    assert name_of(function_of) == "viewer.processes.functions:function_of"
    assert function_of(name_of(function_of)) is function_of


@pytest.mark.parametrize("name", ["viewer.nowhere:run", "viewer.processes.functions:nothing"])
def test_what_is_not_there_is_an_error(name: str) -> None:
    with pytest.raises((ImportError, AttributeError)):
        function_of(name)
