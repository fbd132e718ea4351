"""Security measures of block ciphers by spectra of sums of permutations (`security`), S-boxes, and reductions."""
