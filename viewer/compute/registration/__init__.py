"""Transforms: fits to landmarks, algebra, and how good a registration is."""
