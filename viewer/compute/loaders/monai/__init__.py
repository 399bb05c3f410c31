"""MONAI bundles: their config, and the transforms that it names."""
