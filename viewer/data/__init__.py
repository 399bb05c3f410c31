"""Frozen values: grids, volumes, segmentations, transforms, where they came from, and the study tree."""
