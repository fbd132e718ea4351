"""Package algebra."""
