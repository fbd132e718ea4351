"""Package implicitization."""
