"""The fixed-point iteration: from a tuple of matrices and a rank to reduced matrices, and how far starts agree.

`lsrdr` is the verb and `estimator` its form for scikit-learn. `problem` says what is to be done, `starts` where;
`search` runs the low-rank iteration (`iteration`, `lanes`, `acceleration`), `dense_iteration` the one on full matrices;
`endings`, `fixed_points` and `outcome` judge what was reached, and `result` reports it.
"""
