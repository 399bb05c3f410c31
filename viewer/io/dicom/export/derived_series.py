"""Volumes as a derived DICOM series: one single-frame file a slice, with where it came from and how.

A series from CT, MR or PET keeps its classic class (so that every viewer opens it), any other becomes Secondary
Capture. Values are 16-bit integers (PS3.3 C.8.2.1.1, C.8.3.1.1, C.8.9.4.1); colour is 8-bit RGB.
"""

from __future__ import annotations

import json
import re
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING
from uuid import NAMESPACE_OID, uuid5

import numpy as np
from pydicom import uid
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_sequence
from pydicom.sr.coding import Code
from pydicom.tag import Tag
from pydicom.valuerep import format_number_as_ds

from viewer.data.provenance import ALTERED, is_learned
from viewer.io.dicom.export import source_attributes as carried
from viewer.io.dicom.headers.mosaic import is_mosaic
from viewer.io.errors import SaveError
from viewer.io.stored_values import Coding, int16_coding, mark_of
from viewer.settings import NAME, NOTICE, application_version

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from viewer.data.arrays import ProgressCallback
    from viewer.data.grid import Grid
    from viewer.data.volume import Diffusion, Volume

CREATOR, PROVENANCE = "TOMOLENS", 0x01  # private block (0071,xx01): the whole provenance as JSON
PROCESSING_EQUIPMENT = Code("109102", "DCM", "Processing Equipment")  # CID 7005
SOURCE_IMAGE = Code("121322", "DCM", "Source image for image processing operation")  # CID 7202
RESAMPLED = Code("113085", "DCM", "Spatial resampling")  # CID 7203, as are the next
DERIVATIONS = (
    (re.compile("denois|smooth|diffusion|median|means", re.I), Code("113087", "DCM", "Smoothing")),
    (re.compile("deform", re.I), Code("125027", "DCM", "Deformed for Registration")),
    (re.compile("regist|resampl", re.I), RESAMPLED),
    (re.compile("subtract|difference", re.I), Code("113062", "DCM", "Pixel by pixel subtraction")),
)


@dataclass(frozen=True, eq=False)
class Series:
    """What every slice of a series shares. placed: False for a picture whose source has no position in the patient."""

    header: Dataset
    coding: Coding
    placed: bool
    sources: RawDataElement | None  # references to all source files
    note: tuple[str, ...] = ()

    @property
    def color(self) -> bool:
        """Whether its pixels are RGB."""
        return bool(self.header.SamplesPerPixel == 3)


def derived_series(volumes: Sequence[Volume], mark: str = "") -> Series:
    """The shared header of the series that the volumes (time points) become, with new UIDs.

    mark: what the description says of the result; by default "AI, not reviewed" where a trained model made it, else
    "processed". Raises SaveError for what DICOM cannot hold, or a source that is no longer what was loaded.
    """
    first = volumes[0]
    source = carried.source_header(first.source)
    header = carried.derived_header(first, source)
    placed = not first.source.dicom or source is None or carried.is_placed(source)
    if first.color and first.array.dtype != np.uint8:
        raise SaveError(f"DICOM holds colour of 8 bits, not {first.array.dtype}: save as NRRD instead.")
    coding = Coding("|u1") if first.color else int16_coding(volumes, through_zero=header.Modality == "PT")
    _describe_series(header, first, mark)
    _describe_derivation(header, first, source)
    describe_pixels(header, first, coding)
    describe_geometry(header, first.grid, placed)
    if len(volumes) > 1:
        header.NumberOfTemporalPositions = len(volumes)
    return Series(header, coding, placed, _source_images(first, source), _notes(first, source, coding))


def write_series(
    series: Series, volumes: Sequence[Volume], folder: Path, progress: ProgressCallback
) -> Iterator[tuple[Path, Volume, int]]:
    """Write the slices into the folder in order along the normal; yields file, volume and slice index of each."""
    order = slice_order(volumes[0].grid)
    total = len(order) * len(volumes)
    digits = max(4, len(str(total)))
    for time, volume in enumerate(volumes):
        for place, k in enumerate(order):
            number = time * len(order) + place + 1
            path = folder / f"{number:0{digits}d}.dcm"
            encoded = BytesIO()  # pydicom's own errors of a full disk have lost their number
            slice_dataset(series, volumes, time, k, number).save_as(encoded, enforce_file_format=True)
            path.write_bytes(encoded.getbuffer())
            yield path, volume, k
            progress(number / total)


def slice_order(grid: Grid) -> range:
    """Slice indices along rows × columns, so that file names, instance numbers and positions all rise together."""
    n = grid.shape[0]
    return range(n) if np.linalg.det(grid.direction) > 0 else range(n - 1, -1, -1)


def slice_dataset(series: Series, volumes: Sequence[Volume], time: int, k: int, number: int) -> Dataset:
    """Slice k of a time point as a whole DICOM file; number: its place in the series, from 1."""
    volume = volumes[time]
    ds = deepcopy(series.header)
    instance = named_uid(f"{ds.SeriesInstanceUID}/{number}")
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = instance
    ds.InstanceNumber = number
    origin = carried.source_slice(volume, k, time, len(volumes))
    if origin is not None:
        for keyword in carried.PER_SLICE.split():
            if keyword in origin:
                ds[keyword] = origin[keyword]
        item = carried.source_image_item(origin.SOPClassUID, origin.SOPInstanceUID, SOURCE_IMAGE, same_place=True)
        ds.SourceImageSequence = [item]
    elif series.sources is not None:
        ds[series.sources.tag] = series.sources
    if len(volumes) > 1:
        ds.TemporalPositionIdentifier = ds.AcquisitionNumber = time + 1
    if volume.diffusion is not None:
        describe_diffusion(ds, volume.diffusion)
    if ds.Modality == "PT":
        ds.ImageIndex = number
    if series.placed:
        position = volume.grid.to_world((k, 0, 0))
        ds.ImagePositionPatient = [decimal_string(x) for x in position]
        normal = np.cross(volume.grid.direction[:, 0], volume.grid.direction[:, 1])
        ds.SliceLocation = decimal_string(float(position @ normal))
    plane = np.ascontiguousarray(volume.array[k]) if series.color else series.coding.encode(volume, k)
    ds.PixelData = plane.tobytes() + b"\0" * (plane.nbytes % 2)
    return ds


def describe_diffusion(ds: Dataset, diffusion: Diffusion) -> None:
    """The attributes of the MR Diffusion macro (PS3.3 C.8.13.5.9), which readers know outside of it, too."""
    ds.DiffusionBValue = diffusion.b_value
    if diffusion.direction:
        ds.DiffusionDirectionality, ds.DiffusionGradientOrientation = "DIRECTIONAL", list(diffusion.direction)
    else:
        ds.DiffusionDirectionality = "ISOTROPIC" if diffusion.b_value else "NONE"


def _source_images(volume: Volume, source: Dataset | None) -> RawDataElement | None:
    """A Source Image Sequence with every source file, encoded once, for the slices that have no single origin."""
    uids = volume.source.sop_instance_uids
    if source is None or not uids:
        return None
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    items = [
        carried.source_image_item(source.SOPClassUID, one, SOURCE_IMAGE, same_place=False)
        for one in dict.fromkeys(uids)
    ]
    write_sequence(buffer, DataElement(Tag("SourceImageSequence"), "SQ", items), ["utf8"])
    value = buffer.getvalue()
    return RawDataElement(Tag("SourceImageSequence"), "SQ", len(value), value, 0, False, True)


def _describe_series(header: Dataset, volume: Volume, mark: str) -> None:
    """New series and file identity, and the mark that a reader of the series must see."""
    now = datetime.now().astimezone()
    describe_file(header)
    header.SeriesInstanceUID = uid.generate_uid(prefix=None)
    header.SeriesNumber = volume.source.series_number + 9000
    header.InstanceCreationDate = header.ContentDate = now.strftime("%Y%m%d")
    header.InstanceCreationTime = header.ContentTime = now.strftime("%H%M%S.%f")
    provenance = volume.provenance
    tail = f"[{mark or mark_of(volume)}: {provenance.plugin}]"[:64] if provenance else f"[saved by {NAME}]"
    name = (volume.source.series_description or volume.name).replace("\\", " ")  # it parts the values of a text
    header.SeriesDescription = f"{name[: max(0, 63 - len(tail))]} {tail}".strip()
    kinds = [kind for kind in header.get("ImageType", [])[2:] if not is_mosaic((kind,))]
    kinds = kinds or ["AXIAL" if header.Modality == "CT" else "OTHER"]
    header.ImageType = ["DERIVED", "SECONDARY", *kinds]


def _describe_derivation(header: Dataset, volume: Volume, source: Dataset | None) -> None:
    """How it was derived: in words, in codes, by which equipment (PS3.3 C.7.6.1.1.3, C.12.1), and in full as JSON."""
    provenance = volume.provenance
    plugin = provenance.plugin if provenance else ""
    words = f"Saved by {NAME} {application_version()} without processing. {NOTICE}"
    if provenance:
        parameters = json.dumps(provenance.parameters, ensure_ascii=False)
        model = f" Model {provenance.model}, SHA-256 {provenance.model_sha256}." if provenance.model else ""
        made = f"{plugin} {provenance.plugin_version} of {NAME} {provenance.application_version}"
        words = f"{made} on {provenance.device}.{model} {NOTICE} Parameters: {parameters}"
        block = header.private_block(0x0071, CREATOR, create=True)
        block.add_new(PROVENANCE, "UT", json.dumps(provenance.to_json(), ensure_ascii=False))
    if is_learned(provenance, volume.badges):
        words = f"{ALTERED}. {words}"
    header.DerivationDescription = words[:1024]
    codes = [code for pattern, code in DERIVATIONS if pattern.search(plugin)][:1]
    if RESAMPLED not in codes and (carried.is_resampled(volume, source) or "resampled" in volume.badges):
        codes.append(RESAMPLED)
    if codes:
        header.DerivationCodeSequence = [carried.code_sequence_item(code) for code in codes]
    equipment = Dataset()
    equipment.PurposeOfReferenceCodeSequence = [carried.code_sequence_item(PROCESSING_EQUIPMENT)]
    equipment.Manufacturer = equipment.ManufacturerModelName = NAME
    equipment.SoftwareVersions = application_version()
    equipment.ContributionDateTime = datetime.now(UTC).strftime("%Y%m%d%H%M%S.%f+0000")
    equipment.ContributionDescription = words[:1024]
    header.ContributingEquipmentSequence = [*header.get("ContributingEquipmentSequence", []), equipment]


def describe_file(header: Dataset) -> None:
    """The file meta information (PS3.10 7.1) of the header's SOP class, uncompressed, texts in UTF-8."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = header.SOPClassUID
    meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    meta.ImplementationVersionName = f"{NAME} {application_version()}"[:16]
    header.file_meta = meta
    header.SpecificCharacterSet = "ISO_IR 192"


def decimal_string(number: float) -> str:
    """A coordinate or cosine as a decimal string; what is 0 but for rounding is 0, which some readers rely on."""
    return format_number_as_ds(float(number) if abs(number) > 1e-12 else 0.0)


def named_uid(name: str) -> uid.UID:
    """The UID that a name always has: 2.25 and a version 5 UUID (PS3.5 B.2)."""
    return uid.UID(f"2.25.{uuid5(NAMESPACE_OID, name).int}")


def describe_pixels(header: Dataset, volume: Volume, coding: Coding) -> None:
    """The Image Pixel, Modality LUT and VOI LUT modules (PS3.3 C.7.6.3, C.11.1, C.11.2)."""
    header.Rows, header.Columns = volume.grid.shape[1:]
    header.SamplesPerPixel = 3 if volume.color else 1
    header.BitsAllocated = header.BitsStored = 8 * np.dtype(coding.dtype).itemsize
    header.HighBit = header.BitsStored - 1
    header.PixelRepresentation = int(np.dtype(coding.dtype).kind == "i")
    if volume.color:
        header.PhotometricInterpretation, header.PlanarConfiguration = "RGB", 0
        return
    header.PhotometricInterpretation = "MONOCHROME1" if volume.inverted else "MONOCHROME2"
    header.RescaleSlope = format_number_as_ds(coding.slope)
    header.RescaleIntercept = format_number_as_ds(coding.intercept)
    header.RescaleType = "HU" if volume.unit == "HU" else "US"
    if header.Modality == "PT":
        header.NumberOfSlices = volume.grid.shape[0]
        header.Units = carried.PET_UNITS.get(volume.unit) or header.get("Units") or "NONE"
    if volume.windows:
        header.WindowCenter = [format_number_as_ds(float(w.center)) for w in volume.windows]
        header.WindowWidth = [format_number_as_ds(float(w.width)) for w in volume.windows]


def describe_geometry(header: Dataset, grid: Grid, placed: bool) -> None:
    """The Image Plane and Frame of Reference modules (PS3.3 C.7.6.2, C.7.4.1), as far as all slices share them."""
    header.PixelSpacing = [format_number_as_ds(float(mm)) for mm in grid.spacing[1:]]
    if not placed:
        return
    header.ImageOrientationPatient = [decimal_string(x) for x in grid.direction[:, :2].T.ravel()]
    header.SpacingBetweenSlices = format_number_as_ds(float(grid.spacing[0]))
    header.SliceThickness = header.get("SliceThickness") or format_number_as_ds(float(grid.spacing[0]))
    header.FrameOfReferenceUID = grid.frame_of_reference or uid.generate_uid(prefix=None)
    header.PositionReferenceIndicator = header.get("PositionReferenceIndicator", "")


def _notes(volume: Volume, source: Dataset | None, coding: Coding) -> tuple[str, ...]:
    """What a person should know about the saved series."""
    notes = []
    if coding.error:
        unit = f" {volume.unit}" if volume.unit else ""
        notes.append(f"Values were rounded to 16 bits: at most {coding.error:.3g}{unit} off.")
    if volume.source.dicom and source is None:
        notes.append("The source file could not be read any more: only patient and study were carried over from it.")
    return tuple(notes)
