"""DICOM: from headers to images, from images to voxels, and back to files."""
