"""Look at files and say what is in them, by their headers only. Runs in a reader process."""

from __future__ import annotations

import pickle

from viewer.io.dicom.headers.scan import scan_file
from viewer.io.dicom.series.grouping import group
from viewer.io.dicom.series.identity import family_key, series_key
from viewer.io.errors import NoImageError, OpenError, ScanError, sentence
from viewer.io.reader.file_report import Sight, Sorted
from viewer.io.work_item import begin_item


def look(paths: list[str]) -> list[Sight]:
    """One Sight for each path. This is the door for each file: whatever it raises becomes one sentence."""
    sights = []
    for number, path in enumerate(paths):
        begin_item(number)
        try:
            sights.append(_look(path))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001
            sights.append(Sight(reason=sentence(error)))
    return sights


def _look(path: str) -> Sight:
    from viewer.io.images.fsl_gradients import belongs_to_image
    from viewer.io.images.headers.data_files import belongs_to_header, ending_of
    from viewer.io.images.image_files import describe
    from viewer.io.segmentations import seg_nrrd
    from viewer.io.segmentations.dicom_summary import CLASSES, label_file

    if path.lower().endswith(seg_nrrd.ENDING):
        return Sight(labels=seg_nrrd.label_file(path))
    if ending_of(path):
        return Sight(key=path, images=(describe(path),))
    try:
        header = scan_file(path)
    except NoImageError as other:
        if other.sop_class not in CLASSES:
            raise
        return Sight(labels=label_file(path))
    except (ScanError, OpenError):
        if belongs_to_header(path) or belongs_to_image(path):
            return Sight()
        raise
    family = family_key(header) if header.pixels.frames == 1 and header.frames[0].position else ""
    return Sight(series_key(header), pickle.dumps(header, pickle.HIGHEST_PROTOCOL), family=family)


def sort(series: list[list[bytes]]) -> list[Sorted]:
    """The images in each series, from the packed headers that `look` made."""
    done = []
    for number, packed in enumerate(series):
        begin_item(number)
        try:
            done.append(Sorted(tuple(group([pickle.loads(one) for one in packed]))))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001
            done.append(Sorted(reason=sentence(error)))
    return done
