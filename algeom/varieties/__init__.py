"""Package varieties."""
