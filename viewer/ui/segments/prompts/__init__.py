"""Segmentation by prompts: the tools, what they mean, the prompts of a segment, and how sure its mask is."""
