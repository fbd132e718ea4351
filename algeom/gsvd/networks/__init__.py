"""Networks that are decompositions, and small classifiers."""
