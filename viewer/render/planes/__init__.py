"""Slices through a grid: where they lie in the world, and the pixels of images and labels on them."""
