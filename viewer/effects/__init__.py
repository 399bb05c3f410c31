"""Effects on segments: what one is, all there are, and their run as one edit."""
