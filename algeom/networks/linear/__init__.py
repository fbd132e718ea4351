"""Function spaces of linear networks: matrices of bounded rank."""
