"""Generalized singular value decompositions of nonlinear maps and trained networks."""
