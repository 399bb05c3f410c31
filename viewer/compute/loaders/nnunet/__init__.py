"""Results folders of nnU-Net v2: plans, preprocessing, networks."""
