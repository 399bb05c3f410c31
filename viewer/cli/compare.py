"""`compare`: how far two images are apart."""

from __future__ import annotations

from typing import Any

from viewer.cli.failure import BadInput
from viewer.cli.stage import HeadlessStage, one_image
from viewer.compute.compare import compare_images
from viewer.io.reader import OpenError, load_now

Json = dict[str, Any]


def compare(first: str, second: str) -> Json:
    """The document that `compare --json` prints. Raises BadInput where the two cannot be compared."""
    volumes = []
    for text in (first, second):
        with HeadlessStage() as stage:
            try:
                volumes.append(load_now(one_image(stage, text), stage.session.reader)[0])
            except OpenError as error:
                raise BadInput(str(error)) from error
    try:
        metrics = compare_images(*volumes)
    except ValueError as error:
        raise BadInput(str(error)) from error
    return {"kind": "image", "metrics": metrics, "labels": {}}
