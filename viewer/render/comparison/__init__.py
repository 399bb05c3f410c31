"""Two images in one slice: blended, parted by a line, with their deformation and landmarks."""
