"""Spectral radii of superoperators with certificates, nilpotency, and the similarity of two tuples of matrices.

`spectral_radius` chooses among the Perron root of a nonnegative matrix (`perron_root`), bounds of positive maps from
both sides (`collatz_wielandt`), an estimated error (`eigensolver`) and exact zeros (`nilpotency`).
"""
