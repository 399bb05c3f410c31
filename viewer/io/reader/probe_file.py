"""Look at files and say what is in them, by their headers only. Runs in a reader process."""

from __future__ import annotations

import pickle

from viewer.io.dicom.headers.scan import scan_file
from viewer.io.dicom.series.grouping import group
from viewer.io.dicom.series.identity import family_key, series_key
from viewer.io.errors import NoImageError, OpenError, ScanError, sentence
from viewer.io.reader.file_report import FileReport, SeriesReport
from viewer.io.work_item import begin_item


def probe_files(paths: list[str]) -> list[FileReport]:
    """One report for each path. This is the door for each file: whatever it raises becomes one sentence."""
    reports = []
    for number, path in enumerate(paths):
        begin_item(number)
        try:
            reports.append(_probe(path))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001
            reports.append(FileReport(reason=sentence(error)))
    return reports


def _probe(path: str) -> FileReport:
    from viewer.io.images.fsl_gradients import belongs_to_image
    from viewer.io.images.headers.data_files import belongs_to_header, ending_of
    from viewer.io.images.image_files import describe_image
    from viewer.io.segmentations import seg_nrrd
    from viewer.io.segmentations.dicom_summary import CLASSES, label_file

    if path.lower().endswith(seg_nrrd.ENDING):
        return FileReport(labels=seg_nrrd.label_file(path))
    if ending_of(path):
        return FileReport(key=path, images=(describe_image(path),))
    try:
        header = scan_file(path)
    except NoImageError as other:
        if other.sop_class not in CLASSES:
            raise
        return FileReport(labels=label_file(path))
    except (ScanError, OpenError):
        if belongs_to_header(path) or belongs_to_image(path):
            return FileReport()
        raise
    family = family_key(header) if header.pixels.frames == 1 and header.frames[0].position else ""
    return FileReport(series_key(header), pickle.dumps(header, pickle.HIGHEST_PROTOCOL), family=family)


def group_series(series: list[list[bytes]]) -> list[SeriesReport]:
    """The images in each series, from the packed headers of its files' reports."""
    done = []
    for number, packed in enumerate(series):
        begin_item(number)
        try:
            done.append(SeriesReport(tuple(group([pickle.loads(one) for one in packed]))))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001
            done.append(SeriesReport(reason=sentence(error)))
    return done
