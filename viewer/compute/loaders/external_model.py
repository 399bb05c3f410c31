"""A model that somebody else made, as every loader describes it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import numpy as np

from viewer.compute.model_files.weights_file import MALFORMED
from viewer.compute.networks.sliding_window import tiles
from viewer.compute.progress import NetworkRun, Progress, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from viewer.compute.loaders.preprocessing.label_stream import LinearHead
    from viewer.compute.networks.network import Net
    from viewer.data.arrays import Floats32
    from viewer.data.box import Shape
    from viewer.data.volume import Volume

log = logging.getLogger(__name__)
T = TypeVar("T")

LARGEST_LABEL = 65535


class PreparedImages(Protocol):
    """Images as a model wants them, and the way back. array: [c, k, j, i]. notes: what was done to them, in words.

    Every slice of the result is taken once, in order; after the last, labels or image is called, once.
    """

    array: Floats32
    notes: tuple[str, ...]

    def use_head(self, head: LinearHead) -> None:
        """What is taken are features, which this layer makes channels of. Only where the greatest channel is wanted."""

    def take(self, slices: slice, slab: Floats32) -> None:
        """Take finished slices [c, k, j, i] of the result, in order."""

    def labels(self) -> NDArray[Any]:
        """The label map [k, j, i] on the first image's grid."""

    def image(self) -> Floats32:
        """The result [k, j, i] on the first image's grid, for a model that makes an image."""


@dataclass(frozen=True)
class Decision:
    """How the channels of a result become labels, one per voxel.

    values: of the labels that the channels stand for; empty for the number of the greatest channel. Else a channel
    holds where it is above `threshold`, and a later one wins over an earlier one. Raises ValueError for labels that a
    label map cannot hold.
    """

    values: tuple[int, ...] = ()
    threshold: float = 0.0

    def __post_init__(self) -> None:
        if not all(0 <= value <= LARGEST_LABEL for value in self.values):
            raise ValueError(f"labels are not numbers from 0 to {LARGEST_LABEL}")

    def __call__(self, slab: Floats32) -> NDArray[np.uint16]:
        """Channels [c, k, j, i] to labels [k, j, i]. Raises Refusal where they are not as many as the values."""
        if not self.values:
            return np.asarray(slab.argmax(0), np.uint16)
        if len(slab) != len(self.values):
            raise Refusal(f"the model makes {len(slab)} channels, but {len(self.values)} are described.")
        out = np.zeros(slab.shape[1:], np.uint16)
        for value, channel in zip(self.values, slab, strict=True):
            out[channel > self.threshold] = value
        return out


@dataclass(frozen=True, eq=False)
class ExternalModel:
    """A model as its files tell it. kind: what these are. sha256: of its file, or of all of them.

    channels: names of the images that it takes. labels: value -> name of what it finds, without the background; empty
    where it makes an image. spacing: mm along the network's axes, None for any. axes: where these point ("RAS": to the
    right, the front, the head), "kji" or "ijk" for those of the stored image. intensity: what is done to values, in
    words. patch, halo, multiple: in voxels, as for tiles. is_code: its file can do anything that a program can.
    """

    title: str
    kind: str
    sha256: str
    channels: tuple[str, ...]
    labels: dict[int, str]
    make: Callable[[Progress], Net]
    preparation: Callable[[Sequence[Volume], Progress], PreparedImages]
    spacing: tuple[float, ...] | None = None
    axes: str = "kji"
    intensity: str = ""
    patch: Shape = (96, 96, 96)
    halo: int | None = 16
    multiple: int = 1
    licence: str = ""
    is_code: bool = False
    make_features: Callable[[Progress], tuple[Net, LinearHead]] | None = None

    def net(self, job: Progress) -> Net:
        """The network, ready to run; the job notes it. Raises Refusal where it cannot run."""
        return self._made(self.make, job, lambda net: net)

    def adapted(self, **changes: Any) -> ExternalModel:
        """The same with other settings of its preparation, where that has them; `axes` is the model's own, too."""
        if not is_dataclass(self.preparation):
            return self
        known = {field.name for field in fields(self.preparation)}
        changes = {name: value for name, value in changes.items() if name in known}
        preparation = cast("Callable[..., PreparedImages]", replace(cast("Any", self.preparation), **changes))
        return replace(self, preparation=preparation, axes=changes.get("axes", self.axes))

    def run(self, volumes: Sequence[Volume], job: Progress) -> PreparedImages:
        """Prepare images, and run the network over them by tiles: what it finds comes back by labels or image.

        Raises what prepare, net and tiles raise.
        """
        with job.stage(f"preparing for {self.title}" + (f": {self.intensity}" if self.intensity else "")):
            prepared = self.prepare(volumes, job)
        if self.make_features is None:
            net = self.net(job)
        else:
            net, head = self._made(self.make_features, job, lambda pair: pair[0])
            prepared.use_head(head)
        array = prepared.array
        tiles(
            net,
            (array.shape[1], array.shape[2], array.shape[3]),
            job,
            read=lambda box: array[:, *box],
            write=prepared.take,
            tile=self.patch,
            halo=self.halo,
            multiple=self.multiple,
            span=(0.1, 0.9),
            text=f"running {self.title}",
        )
        return prepared

    def _made(self, make: Callable[[Progress], T], job: Progress, net_of: Callable[[T], Net]) -> T:
        """What `make` makes, which the job notes. Raises Refusal where it cannot run; Cancelled."""
        try:
            made = job.run_aside(lambda: make(job), lambda: None)
        except Refusal:
            raise
        except (RuntimeError, ImportError, *MALFORMED) as error:
            log.warning("the network of %s cannot run: %s", self.title, error)
            raise Refusal(
                f"the network of the model {self.title} cannot run on a volume with a number of channels of "
                f"{len(self.channels)} ({' '.join(str(error).split())[:100]}): it is for other inputs."
            ) from error
        net = net_of(made)
        job.used = NetworkRun(self.title, self.sha256, net.engine, net.precision, net.device)
        return made

    def prepare(self, volumes: Sequence[Volume], job: Progress) -> PreparedImages:
        """Images as it wants them; the first one's grid is that of the result.

        Raises Refusal for another number of images than channels, for colour and for voxels that are not numbers.
        """
        if len(volumes) != len(self.channels):
            wanted = (
                f"{len(self.channels)} images ({', '.join(self.channels)})" if len(self.channels) > 1 else "1 image"
            )
            raise Refusal(f"the model {self.title} takes {wanted}, not {len(volumes)}.")
        for volume in volumes:
            if volume.color:
                raise Refusal("a colour image cannot be given to a model: choose a grey-scale one.")
            if volume.array.dtype.kind == "f" and not np.isfinite(volume.array).all():
                raise Refusal("the image holds voxels without a value (NaN): fill them first.")
        return self.preparation(volumes, job)
