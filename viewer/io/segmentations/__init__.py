"""Segments in files: label maps, DICOM Segmentation, structure sets, .seg.nrrd and surfaces."""
