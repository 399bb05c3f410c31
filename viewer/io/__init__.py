"""Files: from bytes on disk to images, segmentations, transforms, projects and reports, and back."""
