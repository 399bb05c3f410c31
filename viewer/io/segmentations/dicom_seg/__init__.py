"""DICOM Segmentation and Label Map Segmentation (PS3.3 A.51), read and written."""
