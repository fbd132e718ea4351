"""Spectral radius dimensionality reductions of tuples of matrices, by fixed-point iteration."""
