"""Valid files of every kind that is read, to be damaged: see tests/benchmarks/attack.py."""

from __future__ import annotations

import os
import shutil
import signal
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom import uid

from tests.benchmarks import attack_doors
from tests.benchmarks.kills import killed, tell
from tests.fixtures import model_files
from tests.fixtures.compressed import SYNTAXES, picture, write_compressed
from tests.fixtures.dicom_phantom import dataset, ramp, write, write_enhanced, write_series
from tests.fixtures.painter import Painter
from viewer.cli.headless_session import HeadlessStage
from viewer.data.annotations.landmarks import Landmarks
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.study import Source
from viewer.data.transform import ImageReference, Transform
from viewer.data.volume import Volume
from viewer.io import requests
from viewer.io.errors import SaveError
from viewer.io.project.project_file import save_project
from viewer.io.reports.worklist_file import open_worklist
from viewer.io.segmentations.segmentation_file import save_segmentation
from viewer.io.transforms.landmark_file import write_landmarks
from viewer.io.transforms.transform_save import save_transform
from viewer.scene.document import Document
from viewer.scene.journal.project_state import describe_project
from viewer.scene.layer import volume_layer
from viewer.scene.segmentation_layer import segmentation_layer
from viewer.scene.view_state import ViewState

LARGEST = 150_000  # bytes of a seed
GRID = Grid.of((4, 12, 14), (2, 1, 1.5), (-3, 4, 5), frame_of_reference="1.2.3.3")
Door = Callable[[Path], object] | None
IMAGES: Door = None  # a file that is indexed and loaded
LABELS = requests.read_segmentation
TRANSFORMS = requests.load_transform
LANDMARKS = requests.read_landmarks
PROJECTS = requests.open_project
WORK_LISTS = open_worklist
MODELS = attack_doors.model
JOURNALS = attack_doors.journals


@dataclass(frozen=True)
class Seed:
    """kind: in the table. name: of the file that is damaged. beside: what must lie beside it. door: what opens it.

    whole: the door is given the folder.
    """

    kind: str
    name: str
    data: bytes
    door: Door
    beside: tuple[tuple[str, bytes], ...] = ()
    whole: bool = False


def dicom_seeds(folder: Path) -> list[Seed]:
    """pydicom's test files, and phantoms in every transfer syntax that can be written."""
    array = ramp(GRID.shape)
    write_series(folder, array, GRID, slices=[0], prefix="ct", RescaleSlope=1, RescaleIntercept=-1024)
    for syntax in (uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.DeflatedExplicitVRLittleEndian):
        write(folder / f"{syntax}.dcm", dataset(array[0]), array[0], syntax)
    write_enhanced(folder / "enhanced.dcm", array[None].astype(np.uint16), GRID)
    for syntax in SYNTAXES:
        write_compressed(folder / f"{syntax}.dcm", picture(), syntax)
        write_compressed(folder / f"{syntax}-3.dcm", np.stack([picture()] * 3), syntax)
    theirs = Path(pydicom.__file__).parent / "data" / "test_files"
    files = [*sorted(folder.iterdir()), *sorted(theirs.glob("*.dcm"))]
    return [
        Seed("DICOM", "file.dcm", one.read_bytes(), IMAGES)
        for one in files
        if one.is_file() and one.stat().st_size < LARGEST
    ]


def other_seeds(folder: Path) -> list[Seed]:
    """Images, segments, transforms, landmarks, projects, task lists, models, journals."""
    makers = (_images, _labels, _transforms, _landmarks, _projects, _work_lists, _models, _journals)
    found = []
    for maker in makers:
        place = folder / maker.__name__
        place.mkdir()
        found += list(maker(place))
    return found


def _images(folder: Path) -> Iterator[Seed]:
    array = ramp(GRID.shape)
    for ending in (".nii", ".nii.gz", ".nrrd", ".mha", ".hdr", ".png", ".jpg"):
        path = folder / f"a{ending}"
        sitk.WriteImage(sitk.GetImageFromArray(array[0].astype(np.uint8) if ending[1] in "pj" else array), str(path))
        beside = tuple((one.name, one.read_bytes()) for one in folder.glob("a.img"))
        yield Seed(ending, path.name, path.read_bytes(), IMAGES, beside if ending == ".hdr" else ())
    vectors = sitk.GetImageFromArray(np.zeros((*GRID.shape, 3), np.float32), isVector=True)
    sitk.WriteImage(vectors, str(folder / "vectors.nrrd"), useCompression=True)
    yield Seed(".nrrd", "vectors.nrrd", (folder / "vectors.nrrd").read_bytes(), IMAGES)
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a.nii.gz", "a.mha", "a.png"):
            archive.write(folder / name, name)
    yield Seed(".zip", "a.zip", (folder / "a.zip").read_bytes(), IMAGES)


def _segmentation() -> Segmentation:
    array = np.zeros(GRID.shape, np.uint8)
    array[1:3, 3:8, 4:9] = 1
    array[2, 6:10, 6:10] = 2
    return Segmentation(array, GRID, (Segment(1, "Liver"), Segment(2, "Kidney", side="left")), "made")


def _labels(folder: Path) -> Iterator[Seed]:
    paths = write_series(folder / "ct", ramp(GRID.shape), GRID)
    uids = tuple(str(pydicom.dcmread(one).SOPInstanceUID) for one in paths)
    source = Source(
        patient_id="P-77", study_uid="1.2.3.1", series_uid="1.2.3.2", modality="CT", dicom=True,
        files=tuple(map(str, paths)), sop_instance_uids=uids,
    )  # fmt: skip
    for ending in (".seg.nrrd", ".dcm", ".labelmap.dcm", ".fractional.dcm", ".rtstruct.dcm"):
        made = _segmentation()
        path = folder / f"a{ending}"
        save_segmentation(Segmentation(made.array, made.grid, made.segments, "made", source), path)
        yield Seed(f"labels {ending}", path.name, path.read_bytes(), LABELS)


def _transforms(folder: Path) -> Iterator[Seed]:
    field = np.random.default_rng(0).normal(0, 0.3, (*GRID.shape, 3)).astype(np.float32)
    moved = np.eye(4)
    moved[:3, 3] = 3, -2, 1
    source = Source(patient_id="P-77", study_uid="1.2.3.1", series_uid="1.2.3.2", modality="CT")
    end = ImageReference(GRID, source)
    for ending in (".tfm", ".h5", ".nii.gz", ".dcm"):
        for kind, transform in (("rigid", Transform(moved)), ("field", Transform(np.eye(4), field, GRID))):
            path = folder / f"{kind}-{ending[1:3]}{ending}"  # each has a JSON of its own beside it
            try:
                save_transform(transform, path, end, end)
            except SaveError:
                continue  # a form that cannot hold it
            yield Seed(f"transform {ending}", path.name, path.read_bytes(), TRANSFORMS)


def _landmarks(folder: Path) -> Iterator[Seed]:
    points = np.arange(12, dtype=np.float64).reshape(4, 3)
    for ending in (".csv", ".json", ".fcsv", ".mrk.json"):
        first, *rest = write_landmarks(Landmarks(points, points + 1, ("a", "b", "c", "d")), folder / f"a{ending}")
        beside = tuple((one.name, one.read_bytes()) for one in rest)
        yield Seed(f"landmarks {ending}", first.name, first.read_bytes(), LANDMARKS, beside)


def _projects(folder: Path) -> Iterator[Seed]:
    document = Document()
    image = volume_layer((Volume(np.zeros(GRID.shape, np.float32), GRID, "made"),))
    document.insert(0, image)
    document.insert(1, segmentation_layer(_segmentation(), image))
    save_project(describe_project(document, ViewState()), folder / "a.tomolens")
    yield Seed("project", "a.tomolens", (folder / "a.tomolens").read_bytes(), PROJECTS)


def _work_lists(folder: Path) -> Iterator[Seed]:
    table = b"case,image,segmentation\none,a.nii,\ntwo,b.nii,b.seg.nrrd\n"
    yield Seed("task list", "cases.csv", table, WORK_LISTS)


def _models(folder: Path) -> Iterator[Seed]:
    for make in (model_files.bundle, model_files.bright_onnx, model_files.meshnet):
        place = make(folder / make.__name__)
        packed = Path(shutil.make_archive(str(place), "zip", place))
        yield Seed(f"model {make.__name__}", packed.name, packed.read_bytes(), MODELS)


def _work(start: int) -> None:
    with HeadlessStage() as stage:
        Painter(stage, 0, lambda: None).work(6)
        tell(start)
        signal.pause()


def _journals(folder: Path) -> Iterator[Seed]:
    """What a session leaves that is killed. The damage is to one of its files."""
    home = os.environ.get("TOMOLENS_HOME")
    killed(folder, _work, 0)
    if home is not None:
        os.environ["TOMOLENS_HOME"] = home
    files = {one.relative_to(folder).as_posix(): one.read_bytes() for one in folder.rglob("*") if one.is_file()}
    for name, data in files.items():
        if data and len(data) < LARGEST:
            beside = tuple((other, there) for other, there in files.items() if other != name)
            yield Seed("journal", name, data, JOURNALS, beside, whole=True)
