"""Segmentations as DICOM Segmentation (PS3.3 A.51): a frame of bits for each segment in each slice that it is in.

What DICOM has no place for (the whole grid where outer slices are empty, layers, review, exact colours) is in a private
element, which is believed only in the very file that was written.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict
from io import BytesIO
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sr.coding import Code
from pydicom.tag import Tag

from viewer.data.terminology import category_of
from viewer.io.dicom.export.derived_series import CREATOR, decimal_string, describe_file, named_uid
from viewer.io.dicom.export.object_header import object_header, referenced_series
from viewer.io.dicom.export.source_attributes import (
    code_sequence_item,
    is_slice_by_slice,
    source_header,
    source_image_item,
)
from viewer.io.errors import SaveError
from viewer.io.segmentations.dicom_codes import code_item, property_type, review_text
from viewer.io.segmentations.dicom_seg.rle import encode_frame
from viewer.io.stored_values import shear_of
from viewer.settings import NAME, application_version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from viewer.data.arrays import Json, Mask
    from viewer.data.grid import Grid
    from viewer.data.segmentation import Segment, Segmentation

Kind = Literal["BINARY", "FRACTIONAL", "LABELMAP"]
KINDS: tuple[Kind, ...] = ("BINARY", "LABELMAP", "FRACTIONAL")
OWN_RECORD = 0x02  # the element in the private block (0071,xx) of CREATOR
LABEL_MAP = uid.UID("1.2.840.10008.5.1.4.1.1.66.7")
MOST = (1 << 32) - 2  # bytes of uncompressed pixels that one element can say
LARGE = "it needs more than 4 GB in DICOM: save it as .seg.nrrd instead."
SOURCE_IMAGE = Code("121322", "DCM", "Source image for image processing operation")
SEGMENTATION = Code("113076", "DCM", "Segmentation")
INDEX, NUMBER = 0xBEEF0001, 0xBEEF  # placeholders in the header of a slice's frames
UNDEFINED = 0xFFFFFFFF  # the length of compressed pixels
END = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)  # of their items

Planes = list[tuple[int, int]]  # number of the segment, and slice, of every frame


def write_seg(segmentation: Segmentation, path: Path, kind: Kind = "BINARY") -> None:
    """Write segments as a DICOM Segmentation or a Label Map Segmentation.

    kind: Segmentation Type; fractional ones are compressed, as they have a byte for each pixel of each segment. Raises
    SaveError, one sentence, for what DICOM cannot hold; OSError.
    """
    shear_of(segmentation.grid)
    if not segmentation.segments:
        raise SaveError("it has no segments: add one first.")
    if len(segmentation.segments) > 65535:
        raise SaveError("it has more segments than DICOM can number.")
    ds = _header(segmentation, kind)
    frames = {"BINARY": _bit_frames, "FRACTIONAL": _packed_frames, "LABELMAP": _label_frames}[kind]
    planes, pixels = frames(segmentation, ds)
    ds.NumberOfFrames = len(planes)
    size = sum(map(len, pixels))
    if size > MOST:
        raise SaveError(LARGE)
    groups = _frame_groups(segmentation, planes, kind)
    head = BytesIO()
    ds.save_as(head, enforce_file_format=True)
    length = UNDEFINED if kind == "FRACTIONAL" else size + size % 2
    with path.open("wb") as file:
        file.write(head.getbuffer())
        file.write(struct.pack("<HH2s2xL", 0x5200, 0x9230, b"SQ", len(groups)) + groups)
        file.write(struct.pack("<HH2s2xL", 0x7FE0, 0x0010, b"OW" if ds.BitsAllocated == 16 else b"OB", length))
        for part in pixels:
            file.write(part)
        file.write(b"\0" * (size % 2))


def _bit_frames(segmentation: Segmentation, ds: Dataset) -> tuple[Planes, list[bytes]]:
    """The planes of all frames that are not empty, and their pixels; bits run on over frames."""
    planes: Planes = []
    parts: list[bytes] = []
    frames = np.zeros((8, *segmentation.grid.shape[1:]), np.bool_)  # eight frames end at a whole byte
    used = 0
    for number, k, box, mask in _segment_masks(segmentation):
        frames[used] = False
        frames[used][box] = mask
        planes.append((number, k))
        used += 1
        if used == len(frames):
            parts.append(np.packbits(frames.ravel(), bitorder="little").tobytes())
            used = 0
    if not planes:  # a file needs a frame
        frames[0], used = False, 1
        planes.append((1, 0))
    if used:
        parts.append(np.packbits(frames[:used].ravel(), bitorder="little").tobytes())
    return planes, parts


def _packed_frames(segmentation: Segmentation, ds: Dataset) -> tuple[Planes, list[bytes]]:
    """The same, each frame compressed."""
    _, rows, columns = segmentation.grid.shape
    found = list(_segment_masks(segmentation)) or [(1, 0, (slice(0, 1), slice(0, 1)), np.zeros((1, 1), np.bool_))]
    frames = [encode_frame(mask, box, columns, rows) for _, _, box, mask in found]
    try:
        return [(number, k) for number, k, _, _ in found], [encapsulate(frames), END]
    except ValueError as error:  # offsets of frames end at 4 GB
        raise SaveError(LARGE) from error


def _segment_masks(segmentation: Segmentation) -> Iterator[tuple[int, int, tuple[slice, slice], Mask]]:
    from scipy import ndimage

    boxes = [ndimage.find_objects(array) for array in segmentation.maps]
    for number, segment in enumerate(segmentation.segments, 1):
        found = boxes[segment.layer][segment.label - 1 : segment.label]
        if not found or found[0] is None:
            continue
        depth, *plane = found[0]
        box = plane[0], plane[1]
        for k in range(depth.start, depth.stop):
            mask = segmentation.maps[segment.layer][k][box] == segment.label
            if mask.any():
                yield number, k, box, mask


def _label_frames(segmentation: Segmentation, ds: Dataset) -> tuple[Planes, list[bytes]]:
    if segmentation.overlapping:
        raise SaveError("its segments overlap, which a label map cannot hold: save it as a plain .dcm instead.")
    array = segmentation.array.astype(f"<u{ds.BitsAllocated // 8}", copy=False)
    return [(0, k) for k in range(len(array))], [plane.tobytes() for plane in array]


def _frame_groups(segmentation: Segmentation, planes: Planes, kind: Kind) -> bytes:
    """The items of the Per-Frame Functional Groups Sequence: encoded once a slice, then the segment is put in.

    Thousands of items take pydicom many seconds.
    """
    slices = sorted({k for _, k in planes})
    references = _references(segmentation)
    encoded = {k: _frame_group(segmentation.grid, k, references.get(k), kind) for k in slices}
    order = {k: place for place, k in enumerate(slices, 1)}
    items = []
    for number, k in planes:
        item = encoded[k]
        if kind == "LABELMAP":
            item = item.replace(struct.pack("<L", INDEX), struct.pack("<L", order[k]))
        else:
            item = item.replace(struct.pack("<LL", INDEX, INDEX), struct.pack("<LL", number, order[k]))
            item = item.replace(b"US\2\0" + struct.pack("<H", NUMBER), b"US\2\0" + struct.pack("<H", number))
        items.append(item)
    return b"".join(items)


def _frame_group(grid: Grid, k: int, source: Dataset | None, kind: Kind) -> bytes:
    group, content, position, segment = Dataset(), Dataset(), Dataset(), Dataset()
    content.DimensionIndexValues = [INDEX] if kind == "LABELMAP" else [INDEX, INDEX]
    position.ImagePositionPatient = [decimal_string(mm) for mm in grid.to_world((k, 0, 0))]
    group.FrameContentSequence, group.PlanePositionSequence = [content], [position]
    if kind != "LABELMAP":
        segment.ReferencedSegmentNumber = NUMBER
        group.SegmentIdentificationSequence = [segment]
    if source is not None:
        derivation = Dataset()
        derivation.DerivationCodeSequence, derivation.SourceImageSequence = [code_sequence_item(SEGMENTATION)], [source]
        group.DerivationImageSequence = [derivation]
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, group)
    value = buffer.getvalue()
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(value)) + value


def _references(segmentation: Segmentation) -> dict[int, Dataset]:
    """Of slice k: the source image that it lies on; {} where the source has other slices."""
    source = segmentation.source
    if not is_slice_by_slice(source, segmentation.grid):
        return {}
    header = source_header(source)
    assert header is not None
    return {
        k: source_image_item(header.SOPClassUID, instance, SOURCE_IMAGE, same_place=True)
        for k, instance in enumerate(source.sop_instance_uids)
    }


def _header(segmentation: Segmentation, kind: Kind) -> Dataset:
    grid, source = segmentation.grid, segmentation.source
    ds = object_header(source, "SEG", segmentation.name)
    ds.SOPClassUID = LABEL_MAP if kind == "LABELMAP" else uid.SegmentationStorage
    describe_file(ds)
    if kind == "FRACTIONAL":
        ds.file_meta.TransferSyntaxUID = uid.RLELossless
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.ImageType = ["DERIVED", "PRIMARY"]
    mark = f" [{segmentation.badges[0]}]"[:64] if segmentation.badges else ""
    ds.SeriesDescription = f"{(segmentation.name or 'Segmentation')[: 64 - len(mark)]}{mark}"
    ds.ContentLabel, ds.ContentDescription, ds.ContentCreatorName = "SEGMENTATION", "For research and review", ""
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = grid.frame_of_reference or uid.generate_uid(None), ""
    ds.LossyImageCompression = "00"
    if source.dicom and source.sop_instance_uids:
        ds.ReferencedSeriesSequence = [referenced_series(source)]
    ds.SegmentationType = kind
    ds.SegmentsOverlap = "YES" if segmentation.overlapping else "NO"
    if kind == "FRACTIONAL":
        ds.SegmentationFractionalType, ds.MaximumFractionalValue = "OCCUPANCY", 1
    _pixels(ds, segmentation, kind)
    _dimensions(ds, kind)
    numbers = [one.label if kind == "LABELMAP" else n for n, one in enumerate(segmentation.segments, 1)]
    ds.SegmentSequence = [_segment(one, n, ds) for one, n in zip(segmentation.segments, numbers, strict=True)]
    ds.SharedFunctionalGroupsSequence = [_shared_groups(grid)]
    record = {
        "instance": ds.SOPInstanceUID,
        "shape": grid.shape,
        "affine": grid.affine.tolist(),
        "frame_of_reference": grid.frame_of_reference,
        "name": segmentation.name,
        "badges": segmentation.badges,
        "dtypes": [array.dtype.str for array in segmentation.maps],
        "segments": [asdict(one) for one in segmentation.segments],
        "provenance": segmentation.provenance.to_json() if segmentation.provenance else None,
    }
    ds.private_block(0x0071, CREATOR, create=True).add_new(OWN_RECORD, "UT", json.dumps(record, ensure_ascii=False))
    return ds


def _pixels(ds: Dataset, segmentation: Segmentation, kind: Kind) -> None:
    top = max(one.label for one in segmentation.segments)
    bits = 1 if kind == "BINARY" else 16 if kind == "LABELMAP" and max(top, int(segmentation.array.max())) > 255 else 8
    ds.Rows, ds.Columns = segmentation.grid.shape[1:]
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
    ds.BitsAllocated = ds.BitsStored = bits
    ds.HighBit = bits - 1
    if kind == "LABELMAP":
        ds.PixelPaddingValue = 0  # the background (PS3.3 C.8.20.2.4)


def _dimensions(ds: Dataset, kind: Kind) -> None:
    """Frames are told apart by segment, then by position (PS3.3 C.7.6.17)."""
    organization = Dataset()
    organization.DimensionOrganizationUID = named_uid(f"{ds.SOPInstanceUID}/dimensions")
    ds.DimensionOrganizationSequence = [organization]
    pointers = [] if kind == "LABELMAP" else [(0x0062000B, 0x0062000A, "Referenced Segment Number")]
    pointers.append((0x00200032, 0x00209113, "Image Position (Patient)"))
    ds.DimensionIndexSequence = []
    for pointer, group, label in pointers:
        item = Dataset()
        item.DimensionOrganizationUID = organization.DimensionOrganizationUID
        item.DimensionIndexPointer, item.FunctionalGroupPointer = Tag(pointer), Tag(group)
        item.DimensionDescriptionLabel = label
        ds.DimensionIndexSequence.append(item)


def _segment(segment: Segment, number: int, ds: Dataset) -> Dataset:
    from highdicom.color import CIELabColor

    item = Dataset()
    item.SegmentNumber, item.SegmentLabel = number, segment.name[:64].replace("\\", " ") or f"Segment {number}"
    item.SegmentedPropertyCategoryCodeSequence = [code_item(category_of(segment.code))]
    item.SegmentedPropertyTypeCodeSequence = [property_type(segment)]
    item.SegmentAlgorithmType = segment.algorithm
    if segment.algorithm != "MANUAL":
        model = f" ({segment.provenance.model})" if segment.provenance else ""
        name = f"{segment.algorithm_name or f'{NAME} {application_version()}'}{model}"
        item.SegmentAlgorithmName = name.replace("\\", " ")[:64]
    item.RecommendedDisplayCIELabValue = list(CIELabColor.from_rgb(*segment.color).value)
    item.TrackingID = item.SegmentLabel
    item.TrackingUID = named_uid(f"{ds.SOPInstanceUID}/{number}")
    item.SegmentDescription = review_text(segment)
    return item


def _shared_groups(grid: Grid) -> Dataset:
    shared, orientation, measures = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = [decimal_string(part) for part in grid.direction[:, :2].T.ravel()]
    measures.PixelSpacing = [decimal_string(mm) for mm in grid.spacing[1:]]
    measures.SliceThickness = measures.SpacingBetweenSlices = decimal_string(grid.spacing[0])
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [orientation], [measures]
    return shared


def own_record(ds: Dataset) -> Json | None:
    """What this program wrote about the very file; None where somebody else wrote or changed it."""
    try:
        record = json.loads(ds.private_block(0x0071, CREATOR)[OWN_RECORD].value)
    except (KeyError, ValueError, TypeError):
        return None
    return record if isinstance(record, dict) and record.get("instance") == ds.get("SOPInstanceUID") else None
