"""Package networks."""
