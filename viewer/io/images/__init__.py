"""Images that are not DICOM (NIfTI, Analyze, NRRD, MetaImage, PNG, JPEG), and the one verb that saves any image."""
