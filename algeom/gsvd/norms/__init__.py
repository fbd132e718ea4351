"""Bounds of 2-induced norms: exact, covered by Lipschitz bounds, sampled."""
