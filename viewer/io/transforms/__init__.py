"""Transforms and pairs of landmarks in files."""
