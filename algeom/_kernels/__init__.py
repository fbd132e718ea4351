"""Numba kernels: arrays and scalars in and out; nothing here imports from the rest of algeom."""
