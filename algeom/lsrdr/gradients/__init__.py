"""The gradient baseline: the similarity maximized by L-BFGS, also with other norms in place of a spectral radius.

`maximization` is the verb, `ascent` the optimizer, `coordinates` its real variables; `dominant`, `perron` and `norms`
are values with derivatives.
"""
