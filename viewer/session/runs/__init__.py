"""Runs of plugins on layers, and what becomes of their results."""
