"""Invariant and equivariant linear networks: components, dimensions, degrees and nearest maps."""
