"""One run of a computation, with the trained models and the memory that it may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viewer.compute.memory_check import check_memory
from viewer.compute.progress import NetworkRun, Progress

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from viewer.compute.networks.network import Net


class Job(Progress):
    """A run that may ask for trained models.

    model_name: the trained model that its plugin declares, "" for none.
    """

    def __init__(self, **progress: Any) -> None:
        super().__init__(**progress)
        self.model_name = ""

    def model(
        self, name: str = "", *, channels: int, multiple: int = 8, example: NDArray[np.float32] | None = None
    ) -> Net:
        """A trained model by its name (else the one that the plugin declares), ready to run on the job's device.

        channels: of its input. multiple: what the sides of its input must be multiples of. example: [c, k, j, i], what
        it may be given, to check by what runs it; else a noisy ramp. It is loaded and compiled once per process.
        Raises Refusal where it is not there or cannot be loaded.
        """
        from viewer.compute.networks.network_cache import cached_network  # torch comes with it

        name = name or self.model_name
        net, sha256 = cached_network(name, self, channels=channels, multiple=multiple, example=example)
        self.used = NetworkRun(name, sha256, net.engine, net.precision, net.device)
        return net

    def network(
        self,
        module: torch.nn.Module,
        name: str,
        sha256: str,
        *,
        channels: int,
        multiple: int = 8,
        example: NDArray[np.float32] | None = None,
    ) -> Net:
        """A network that a plugin made of weights that the user gave, ready to run on the job's device.

        module: in evaluation mode, in float32 on the processor. name, sha256: of the file of its weights, for the
        provenance. Else as `model`.
        """
        from viewer.compute.networks.network_cache import cached

        net = cached(lambda: module, sha256, self, channels=channels, multiple=multiple, example=example)
        self.used = NetworkRun(name, sha256, net.engine, net.precision, net.device)
        return net

    def need(self, size: int, what: str) -> None:
        """Ask for `size` bytes on the job's device before taking them. what: "the result", "a copy of the image" ….

        Raises Refusal, a sentence with what is needed and what is free, where they are not there.
        """
        check_memory(size, what, self.device)
