"""Effects that look at the segment alone: margins, islands, holes, smoothing, filling between slices."""
