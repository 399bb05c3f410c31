"""Volumes and registrations as DICOM files, and what such files take over from their source."""
