"""The Segments tab: segmentations, their segments, and what is done with them."""
