"""Effects that look at the image: thresholds, growing from seeds, moving surfaces, live wire."""
