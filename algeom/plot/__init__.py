"""Package plot."""
