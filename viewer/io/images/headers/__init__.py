"""Headers of images that are not DICOM, read strictly: geometry, and the files that hold the pixels."""
