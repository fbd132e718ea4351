"""The decomposition of a map: the search for gains, the result, its lift and left inverse."""
