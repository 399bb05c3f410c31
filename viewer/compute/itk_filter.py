"""A filter of ITK that tells how far it is and can be cancelled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from viewer.compute.job import Cancelled


def execute(itk_filter: Any, tell: Callable[[float], None] | None, *images: Any) -> Any:
    """What the filter makes of the images. tell: gets the fraction done; it may raise Cancelled.

    An exception may not pass through ITK: it waits until ITK has stopped.
    """
    import SimpleITK as sitk

    stops: list[Cancelled] = []

    def told() -> None:
        try:
            if tell is not None and not stops:
                tell(itk_filter.GetProgress())
        except Cancelled as stop:
            stops.append(stop)
            itk_filter.Abort()

    itk_filter.AddCommand(sitk.sitkProgressEvent, told)
    try:
        made = itk_filter.Execute(*images)
    except RuntimeError:
        if stops:
            raise stops[0] from None
        raise
    if stops:
        raise stops[0]
    return made
