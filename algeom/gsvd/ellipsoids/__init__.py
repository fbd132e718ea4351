"""Minimum-volume ellipsoids: solvers and certificates."""
