"""A filter of ITK that tells how far it is and can be cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viewer.compute.progress import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable


def execute(itk_filter: Any, tell: Callable[[float], None] | None, *images: Any) -> Any:
    """What the filter makes of the images. tell: gets the fraction done; it may raise Cancelled.

    An exception may not pass through ITK: it waits until ITK has stopped. A filter made of several begins its
    progress anew with each: what was told does not fall.
    """
    import SimpleITK as sitk

    stops: list[Cancelled] = []
    most = 0.0

    def told() -> None:
        nonlocal most
        most = max(most, itk_filter.GetProgress())
        try:
            if tell is not None and not stops:
                tell(most)
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
