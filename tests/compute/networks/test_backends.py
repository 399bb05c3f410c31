"""What a network runs on: chosen, checked, kept, and what happens where something of it fails."""

from __future__ import annotations

import json
import logging
import math
import os
import subprocess
import sys
import threading
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nets import small
from numpy.typing import NDArray

from viewer.compute.engine.job import Job
from viewer.compute.networks import backends, openvino_network
from viewer.compute.networks.backends import prepare_network
from viewer.compute.networks.benchmark_tile import Probe, ramp
from viewer.compute.networks.network import DeviceLost, StoppableNet, Stopped, plain_errors
from viewer.compute.networks.openvino_network import OpenVinoNet, convert_network, network_folder, saved_network
from viewer.compute.networks.torch_network import TorchNet
from viewer.compute.progress import Cancelled

ROOT = Path(__file__).parents[3]
KEY = "0" * 64


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOMOLENS_HOME", str(tmp_path))


def batch(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(5, 2, (1, *shape)).astype(np.float32)


def made(job: Job | None = None, **options: Any) -> Any:
    return prepare_network(
        small(**options), "cpu", key=KEY, channels=options.get("channels", 1), multiple=2, job=job or Job()
    )


def test_a_network_runs_on_the_processor_as_torch_runs_it() -> None:
    job = Job()
    net = made(job, channels=2)
    assert net.device == "cpu"
    assert net.engine.startswith(("OpenVINO 20", "torch "))
    assert net.precision in ("float32", "bfloat16")  # no ranges, no integers
    assert job.stages["preparing the network"] > 0
    for shape in ((2, 24, 18, 40), (2, 32, 32, 32)):
        given = batch(*shape)
        expected = TorchNet(small(channels=2), "cpu")(given)
        assert expected.shape == (1, 1, *shape[1:])
        assert np.abs(net(given) - expected).max() < (0.2 if net.precision == "bfloat16" else 1e-4)


@pytest.mark.parametrize("precision", openvino_network.precisions())
def test_what_is_converted_is_kept_and_comes_back(precision: str) -> None:
    model = convert_network(small(), 1, 2)
    openvino_network.save_network(model, precision, network_folder(KEY, {}))
    assert [path.name for path in network_folder(KEY, {}).parent.iterdir()] == [network_folder(KEY, {}).name]
    again = saved_network(network_folder(KEY, {}))
    assert again is not None
    assert again.precision == precision
    given = batch(1, 16, 16, 16)
    assert np.array_equal(again(given), OpenVinoNet(model, precision)(given))


def test_a_kept_network_is_used_and_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    openvino_network.save_network(convert_network(small(), 1, 2), "float32", network_folder(KEY, {}))
    monkeypatch.setattr(backends, "convert_network", lambda *_: pytest.fail("converted again"))
    assert made().engine.startswith("OpenVINO")


@pytest.mark.parametrize("damage", ["cut", "changed", "about", "other"])
def test_a_damaged_or_wrong_kept_network_is_made_anew(damage: str, caplog: pytest.LogCaptureFixture) -> None:
    other = damage == "other"  # of other weights: only the check against torch can tell
    openvino_network.save_network(convert_network(small(seed=int(other)), 1, 2), "float32", network_folder(KEY, {}))
    weights = network_folder(KEY, {}) / "net.bin"
    data = bytearray(weights.read_bytes())
    if damage == "cut":
        weights.write_bytes(data[: len(data) // 2])
    elif damage == "changed":
        data[100] ^= 255
        weights.write_bytes(data)
    elif damage == "about":
        (network_folder(KEY, {}) / "kept.json").write_text("[1]")
    net = made()
    given = batch(1, 16, 16, 16)
    assert np.abs(net(given) - TorchNet(small(), "cpu")(given)).max() < 0.2
    if net.engine.startswith("OpenVINO"):
        assert saved_network(network_folder(KEY, {})) is not None


def test_what_openvino_cannot_run_torch_runs(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("No conversion rule found for operations: aten::odd")

    monkeypatch.setattr(backends, "convert_network", fail)
    with caplog.at_level(logging.WARNING):
        assert made().engine.startswith("torch")
    assert "OpenVINO cannot run the network" in caplog.text


def test_a_precision_that_cannot_be_compiled_costs_the_others_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_one(model: Any, precision: str) -> OpenVinoNet:
        if precision != "float32":
            raise RuntimeError("no such primitive")
        return OpenVinoNet(model, precision)

    monkeypatch.setattr(backends, "OpenVinoNet", only_one)
    model = convert_network(small(), 1, 2)
    assert [net.precision for net in backends._compile_models({"int8": model, "float32": model})] == ["float32"]


def test_without_openvino_torch_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise ImportError("No module named 'openvino'")

    monkeypatch.setattr(backends, "library", missing)
    assert made().engine.startswith("torch")


class Altered:
    """The reference, off by a factor, and as slow or as fast as told."""

    engine, precision, device = "altered", "bfloat16", "cpu"

    def __init__(self, net: Any, factor: float) -> None:
        self._net, self._factor = net, factor

    def __call__(self, given: NDArray[np.float32]) -> NDArray[np.float32]:
        result: NDArray[np.float32] = self._net(given) * np.float32(self._factor)
        return result


@pytest.mark.parametrize(("factor", "exact"), [(1.0, True), (1.001, True), (1.05, False), (float("nan"), False)])
def test_only_what_is_exact_enough_is_chosen(factor: float, exact: bool) -> None:
    plain = TorchNet(small(), "cpu")
    probe = Probe(plain, ramp(1, 2), Job())
    assert probe.agrees(Altered(plain, factor)) == exact
    if not exact:
        assert probe.fastest([plain, Altered(lambda given: given, factor)]) is plain


def test_what_cannot_run_is_left_out() -> None:
    def fail(_: Any) -> Any:
        raise RuntimeError("unsupported autocast dtype")

    plain = TorchNet(small(), "cpu")
    assert Probe(plain, ramp(1, 2), Job()).fastest([plain, Altered(fail, 1)]) is plain


def test_preparing_can_be_cancelled_at_every_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many steps there are depends on the precisions that the processor offers."""

    def stopped_at(step: float) -> int:
        """How often it asks whether to stop, where it is told so from that time on."""
        monkeypatch.setenv("TOMOLENS_HOME", str(tmp_path / str(step)))  # nothing is kept of the time before
        asked: list[bool] = []

        def cancelled() -> bool:
            asked.append(len(asked) >= step)
            return asked[-1]

        with nullcontext() if step == math.inf else pytest.raises(Cancelled):
            assert made(Job(cancelled=cancelled)) is not None
        return len(asked)

    steps = stopped_at(math.inf)
    assert steps >= 4  # the stage, the reference, and the speed of one engine, at the least
    assert [stopped_at(step) for step in range(steps)] == list(range(1, steps + 1))


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX limits")
def test_a_full_disk_costs_nothing_but_the_next_conversion(tmp_path: Path) -> None:
    code = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "import numpy as np, torch\n"
        "from nets import small\nfrom viewer.compute.networks.backends import prepare_network\n"
        "from viewer.compute.engine.job import Job\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        "net = prepare_network(small(), 'cpu', key='0' * 64, channels=1, multiple=2, job=Job())\n"
        "print(net(np.ones((1, 1, 8, 8, 8), np.float32)).shape)\n"
    )
    path = os.pathsep.join([str(ROOT), str(Path(__file__).parents[1])])
    env = {**os.environ, "PYTHONPATH": path, "TOMOLENS_HOME": str(tmp_path)}
    run = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True, env=env, timeout=600)
    assert run.stdout.strip() == "(1, 1, 8, 8, 8)", run.stderr
    folder = tmp_path / "cache" / "openvino"
    assert not folder.exists() or list(folder.iterdir()) == []


def test_a_cache_that_is_no_folder_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert made() is not None


LISTEN = (
    "import sys, socket, urllib.request\n"
    "tried = []\n"
    "def refuse(*args, **_):\n    tried.append(args)\n    raise OSError('no network here')\n"
    "socket.getaddrinfo = socket.create_connection = urllib.request.urlopen = refuse\n"
    "socket.socket.connect = refuse\n"
    "import time\n"
)


def told(code: str, home: Path) -> dict[str, Any]:
    """What a fresh process that runs the code tried to reach, and what it left in the home folder."""
    env = {name: value for name, value in os.environ.items() if name not in ("CI", "TF_BUILD", "JENKINS_URL")}
    env |= {"HOME": str(home), "USERPROFILE": str(home), "LOCALAPPDATA": str(home)}
    env |= {"PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parents[1])])}
    ending = (
        "\nimport json; time.sleep(1); module = 'openvino_telemetry.main' in sys.modules\n"
        "print(json.dumps({'tried': len(tried), 'module': module}))"
    )
    run = subprocess.run(
        [sys.executable, "-B", "-c", LISTEN + code + ending], capture_output=True, text=True, env=env, timeout=600
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1]) | {"left": (home / "intel").exists()}


def test_openvino_reports_nothing_to_anybody(tmp_path: Path) -> None:
    ours = (
        "import os; os.environ['TOMOLENS_HOME'] = os.environ['HOME']\n"
        "from nets import small\nfrom viewer.compute.networks.backends import prepare_network\n"
        "from viewer.compute.engine.job import Job\n"
        "prepare_network(small(), 'cpu', key='0' * 64, channels=1, multiple=2, job=Job())\n"
        "assert 'openvino' in sys.modules"
    )
    assert told(ours, tmp_path) == {"tried": 0, "module": False, "left": False}


def test_what_openvino_would_do_by_itself(tmp_path: Path) -> None:
    """Imported without care it prepares reports: if it ever does not, the care is no longer needed."""
    assert told("import openvino", tmp_path)["module"]


@pytest.mark.parametrize(
    ("text", "device", "kind"),
    [
        ("CUDA out of memory. Tried to allocate 2.00 GiB", "cuda:0", MemoryError),
        ("[enforce fail] DefaultCPUAllocator: can't allocate memory", "cpu", MemoryError),
        ("Exception: std::bad_alloc", "cpu", MemoryError),
        ("CUDA error: unspecified launch failure", "cuda:0", DeviceLost),
        ("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED", "cuda:1", DeviceLost),
        ("Given groups=1, expected input to have 2 channels", "cuda:0", RuntimeError),
    ],
)
def test_errors_of_the_engines_are_told_apart(text: str, device: str, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught, plain_errors(device):
        raise RuntimeError(text)
    assert type(caught.value) is kind


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on address space")
def test_real_want_of_memory_is_a_memory_error() -> None:
    code = (
        "import resource, numpy as np, torch\nfrom nets import small\n"
        "from viewer.compute.networks.torch_network import TorchNet\n"
        "from viewer.compute.networks.openvino_network import OpenVinoNet, convert_network\n"
        "nets = [TorchNet(small(width=64), 'cpu'), OpenVinoNet(convert_network(small(width=64), 1, 2), 'float32')]\n"
        "for net in nets: net(np.ones((1, 1, 16, 16, 16), np.float32))\n"
        "given = np.ones((1, 1, 128, 256, 256), np.float32)\n"
        "import psutil; room = psutil.Process().memory_info().vms + (1 << 30)\n"
        "resource.setrlimit(resource.RLIMIT_AS, (room, room))\n"
        "for net in nets:\n"
        "    try: net(given)\n"
        "    except MemoryError: print('MemoryError')\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parents[1])])}
    run = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True, env=env, timeout=600)
    assert run.stdout.split() == ["MemoryError", "MemoryError"], run.stderr


@pytest.mark.parametrize("engine", ["torch", "OpenVINO"])
def test_a_network_that_is_stopped_ends_with_its_layer(engine: str) -> None:
    """Torch's can be called again; OpenVINO's is spent: in its shared memory lies what was left in the middle."""
    network = small(width=32)
    net = TorchNet(network, "cpu") if engine == "torch" else OpenVinoNet(convert_network(network, 1, 2), "float32")
    assert isinstance(net, StoppableNet)
    short, long = np.ones((1, 1, 16, 16, 16), np.float32), np.ones((1, 1, 160, 160, 160), np.float32)
    expected, ends = net(short), []

    def work() -> None:
        try:
            net(long)
        except Stopped:
            ends.append("stopped")

    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():  # however late it begins
        time.sleep(0.05)
        net.stop()
    assert ends == ["stopped"]
    if not net.spent:
        assert np.allclose(net(short), expected, atol=1e-5)
        return
    with pytest.raises(Stopped):
        net(short)


def test_torchscript_knows_no_place_to_stop_at() -> None:
    import torch

    assert TorchNet(small(), "cpu").stoppable
    assert not TorchNet(torch.jit.script(small()), "cpu").stoppable


def test_a_network_is_freed_with_the_last_that_knows_it() -> None:
    """Not when the collector comes by: weights of hundreds of megabytes would lie beside those of the engine."""
    import weakref

    network = small()
    alive = weakref.ref(network)
    net = TorchNet(network, "cpu")
    net(np.ones((1, 1, 8, 8, 8), np.float32))
    del network, net
    assert alive() is None


def test_what_openvino_lends_is_what_it_gives() -> None:
    net = OpenVinoNet(convert_network(small(), 1, 2), "float32")
    one, other = np.ones((1, 1, 8, 8, 8), np.float32), np.full((1, 1, 12, 8, 4), 2, np.float32)
    kept = net(one)
    assert np.allclose(net.lend(other), net(other), atol=1e-5)
    assert np.allclose(kept, net.lend(one), atol=1e-5)
