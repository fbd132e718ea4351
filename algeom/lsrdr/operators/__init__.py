"""Tuples of matrices and superoperators: what reductions are computed of.

`tuples` checks what users give; `matrix_families` and `structured_families` hold the matrices, dense, sparse or never
written out; `superoperators`, `structured_superoperators` and `outer_products` make linear maps between matrices of
them, `choi` converts; `quaternions` and `octonions` are matrices of their own.
"""
