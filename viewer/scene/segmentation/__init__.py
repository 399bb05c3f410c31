"""How segments are edited: strokes, masking, and the one edit that the history keeps."""
