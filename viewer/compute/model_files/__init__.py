"""Files of models as data: copies, checksums, trust, weights."""
