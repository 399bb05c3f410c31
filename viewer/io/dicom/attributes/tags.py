"""The attributes that indexing reads, and the kinds of DICOM object that are no image."""

from __future__ import annotations

from viewer.io.dicom.attributes.private import TAGS

SEQUENCES = frozenset(
    {
        *(0x00186011, 0x00283000, 0x00540022),  # ultrasound regions, modality LUT, detectors of nuclear medicine
        *(0x52009229, 0x52009230),  # functional groups: shared, per frame; and the groups in them:
        *(0x00209111, 0x00209113, 0x00209116, 0x00289110, 0x00289132, 0x00289145),  # content, plane, measures, values
        *(
            0x00189226,
            0x00189329,
            0x00189751,
            0x00189114,
            0x00189117,
            0x00189076,
            0x00189118,
            0x00209310,
            0x00189115,
        ),  # MR CT PT
        *(0x0020930E, 0x0020930F, 0x00189504, 0x00189806, 0x00409092),  # place against a transducer; kinds of frames
        0x00220031,  # ophthalmic frame location
        *(0x00540016, 0x00189601),  # radiopharmaceutical, diffusion b-matrix
        *(0x00209170, 0x00209171),  # what a legacy converted file has kept of its classic slices
        *(0x00409096, 0x004008EA),  # real-world values, their unit
    }
)

WANTED = frozenset(
    {
        *(0x00080031, 0x00181072, 0x00181074, 0x00181075, 0x00181078, 0x00181242, 0x00280051, 0x00541006, 0x00541102),
        *(0x00101030, 0x00090010, 0x0009100D, 0x70530010, 0x70531000, 0x70531009),  # SUV, with GE's and Philips' own
        *(0x00080021, 0x00080201, 0x00100021, 0x00201041),
        *range(0x00189602, 0x00189608),  # diffusion b-matrix
        *(0x00081155, 0x00220032, 0x00220039),  # ophthalmic frame location
        *(0x00020002, 0x00020010, 0x00080005, 0x00080008, 0x00080016, 0x00080018, 0x00080020, 0x00080022, 0x00080023),
        *(0x0008002A, 0x00080030, 0x00080032, 0x00080033, 0x00080050, 0x00080060, 0x00080070, 0x00080100),
        *(0x00081030, 0x0008103E, 0x00082111, 0x00089007, 0x00089208, 0x00100010, 0x00100020, 0x00100030, 0x00100040),
        *(0x00180010, 0x00280301),  # contrast agent, burned-in annotation: what diagnosis asks for
        *(0x00180015, 0x00180050, 0x00180081, 0x00180082, 0x00180086, 0x00180088, 0x00181060, 0x00181063),
        *(0x00209156, 0x00209228),  # frame acquisition number, offset of a part of a concatenation
        *(0x00181065, 0x00181114, 0x00181164, 0x00181210, 0x00182010, 0x00185101),
        *(0x00186012, 0x00186024, 0x00186026, 0x0018602C, 0x0018602E, 0x00189074, 0x00189079, 0x00189082),
        *(
            0x00189087,
            0x00189089,
            0x00189151,
            0x00181312,
            0x00189075,
            0x00204000,
            0x00209301,
            0x00209302,
            0x00280121,
            0x30020011,
            *TAGS,
        ),
        *(0x0020000D, 0x0020000E, 0x00200010, 0x00200011, 0x00200012, 0x00200013, 0x00200032, 0x00200037),
        *(0x00200052, 0x00200060, 0x00200062, 0x00200100, 0x00209056, 0x00209128, 0x00209153, 0x0020930D),
        *(0x00280002, 0x00280004, 0x00280006, 0x00280008, 0x00280010, 0x00280011, 0x00280030, 0x00280034),
        *(0x00280100, 0x00280101, 0x00280102, 0x00280103, 0x00280120, 0x00280A02),
        *(0x00281050, 0x00281051, 0x00281052, 0x00281053, 0x00281054, 0x00281055, 0x00282110, 0x00282112),
        *(
            0x00409211,
            0x00409213,
            0x00409214,
            0x00409216,
            0x00409224,
            0x00409225,
            0x00540010,
            0x00540020,
            0x00540030,
            0x00540050,
            0x00540060,
            0x00540070,
        ),
        *(0x00540080, 0x00540090, 0x00540100, 0x00541001, 0x00541300, 0x30040002, 0x3004000C, 0x3004000E),
    }
)

# By the beginning of the SOP Class UID (PS3.6 table A-1), longest match first.
NOT_IMAGES = {
    "1.2.840.10008.1.3.10": "a DICOM directory (DICOMDIR); open the folder it lies in",
    "1.2.840.10008.5.1.4.1.1.11.": "a presentation state",
    "1.2.840.10008.5.1.4.1.1.9.": "a waveform",
    "1.2.840.10008.5.1.4.1.1.88.59": "a key object selection",
    "1.2.840.10008.5.1.4.1.1.88.": "a structured report",
    "1.2.840.10008.5.1.4.1.1.104.1": "a PDF document",
    "1.2.840.10008.5.1.4.1.1.104.3": "a 3-D model (STL)",
    "1.2.840.10008.5.1.4.1.1.104.": "a document",
    "1.2.840.10008.5.1.4.1.1.481.3": "a radiotherapy structure set",
    "1.2.840.10008.5.1.4.1.1.481.2": "",  # dose: an image
    "1.2.840.10008.5.1.4.1.1.481.1": "",  # radiotherapy image
    "1.2.840.10008.5.1.4.1.1.481.": "a radiotherapy plan or record",
    "1.2.840.10008.5.1.4.1.1.66.1": "a spatial registration",
    "1.2.840.10008.5.1.4.1.1.66.2": "a set of spatial fiducials",
    "1.2.840.10008.5.1.4.1.1.66.3": "a deformable spatial registration",
    "1.2.840.10008.5.1.4.1.1.66.4": "a segmentation",
    "1.2.840.10008.5.1.4.1.1.66.5": "a surface segmentation",
    "1.2.840.10008.5.1.4.1.1.66.6": "a set of tracts",
    "1.2.840.10008.5.1.4.1.1.66.7": "a segmentation",
    "1.2.840.10008.5.1.4.1.1.66": "raw data",
    "1.2.840.10008.5.1.4.1.1.67": "a real-world value mapping",
    "1.2.840.10008.5.1.4.1.1.68.": "a surface scan",
    "1.2.840.10008.5.1.4.1.1.4.2": "MR spectroscopy",
    "1.2.840.10008.5.1.4.1.1.91.1": "a set of microscopy annotations",
    "1.2.840.10008.5.1.4.1.1.77.1.6": "a tiled whole-slide microscopy image",
    "1.2.840.10008.5.1.4.1.1.77.1.1.1": "a video",
    "1.2.840.10008.5.1.4.1.1.77.1.2.1": "a video",
    "1.2.840.10008.5.1.4.1.1.77.1.4.1": "a video",
}


def not_an_image(sop_class: str) -> str:
    """What the object is ("a segmentation") where its SOP class is no image; "" for an image or an unknown class."""
    for start in sorted(NOT_IMAGES, key=len, reverse=True):
        exact = not start.endswith(".")
        if sop_class == start or (not exact and sop_class.startswith(start)):
            return NOT_IMAGES[start]
    return ""
