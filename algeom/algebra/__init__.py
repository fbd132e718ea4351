"""Exact algebra: polynomials, primes and residues, rational reconstruction, integer lattices, elimination mod p."""
