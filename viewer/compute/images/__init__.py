"""Volumes on other grids, differences, and how alike images are."""
