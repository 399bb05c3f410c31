"""All that a plugin may use of Tomolens. Arrays are indexed [k, j, i]; places are LPS millimetres."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from viewer.compute.effects.image.mask_volume import masked
from viewer.compute.engine.job import Job
from viewer.compute.hdf5_file import is_hdf5, open_hdf5
from viewer.compute.images.input_rules import InputRules, check_input, refusal
from viewer.compute.images.resample import resample, resample_labels
from viewer.compute.labels.doubt import Calibration, with_doubts
from viewer.compute.labels.doubt_map import doubt_map, entropy
from viewer.compute.labels.lesion_change import ChangeLimit, LesionChange, lesion_changes
from viewer.compute.labels.lesions import Lesion, connected_lesions, measure_lesions
from viewer.compute.loaders.external_model import ExternalModel, PreparedImages
from viewer.compute.loaders.find_models import FoundModel, find_models
from viewer.compute.loaders.open_model import open_model
from viewer.compute.memory_check import check_memory
from viewer.compute.model_files.copies import private_copy
from viewer.compute.model_files.trust import digest
from viewer.compute.model_files.weights_file import MALFORMED, read_checkpoint, read_json, read_weights
from viewer.compute.networks.network import DeviceLost, Net
from viewer.compute.networks.sliding_window import tiles
from viewer.compute.progress import Cancelled, NetworkRun, Refusal
from viewer.compute.registration.landmark_fit import rigid_fit
from viewer.compute.registration.similarity import similarity
from viewer.data.annotations.doubt import Doubt, DoubtFlag
from viewer.data.annotations.finding import (
    SALIENCY,
    Finding,
    Findings,
    InputCheck,
    InputRefusal,
    Measurement,
    Probability,
    SegmentRegion,
    Statement,
)
from viewer.data.annotations.landmarks import Landmarks
from viewer.data.annotations.mask_doubt import MaskDoubt
from viewer.data.annotations.measurement_table import Column, MeasurementTable
from viewer.data.annotations.prompts import Prompt, Prompts
from viewer.data.annotations.region import Region
from viewer.data.grid import Grid
from viewer.data.notice import UNMEASURED
from viewer.data.preview import CurvePoint, Preview
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.terminology import class_term, finding_site, statement, totalsegmentator_classes
from viewer.data.transform import Transform
from viewer.data.volume import Volume, Window
from viewer.plugin.parameter import Range
from viewer.plugin.plugin import plugin
from viewer.plugin.tuning import Score, Tuned, TuningCase, TuningRequest, TuningState

Foreign, Prepared = ExternalModel, PreparedImages  # names of version 0.1.0, for plugins that users have

__all__ = [
    "MALFORMED",
    "SALIENCY",
    "UNMEASURED",
    "Annotated",
    "Calibration",
    "Cancelled",
    "ChangeLimit",
    "Column",
    "CurvePoint",
    "DeviceLost",
    "Doubt",
    "DoubtFlag",
    "ExternalModel",
    "Finding",
    "Findings",
    "FoundModel",
    "Grid",
    "InputCheck",
    "InputRefusal",
    "InputRules",
    "Job",
    "Landmarks",
    "Lesion",
    "LesionChange",
    "MaskDoubt",
    "Measurement",
    "MeasurementTable",
    "Net",
    "NetworkRun",
    "PreparedImages",
    "Preview",
    "Probability",
    "Prompt",
    "Prompts",
    "Range",
    "Refusal",
    "Region",
    "Score",
    "Segment",
    "SegmentRegion",
    "Segmentation",
    "Statement",
    "Transform",
    "Tuned",
    "TuningCase",
    "TuningRequest",
    "TuningState",
    "Volume",
    "Window",
    "check_input",
    "check_memory",
    "class_term",
    "connected_lesions",
    "digest",
    "doubt_map",
    "entropy",
    "find_models",
    "finding_site",
    "is_hdf5",
    "lesion_changes",
    "masked",
    "measure_lesions",
    "open_hdf5",
    "open_model",
    "plugin",
    "private_copy",
    "read_checkpoint",
    "read_json",
    "read_weights",
    "refusal",
    "replace",
    "resample",
    "resample_labels",
    "rigid_fit",
    "similarity",
    "statement",
    "tiles",
    "totalsegmentator_classes",
    "with_doubts",
]
