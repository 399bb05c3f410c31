"""Findings as DICOM structured reports (TID 1500) and key object selections (TID 2010), written and read."""
