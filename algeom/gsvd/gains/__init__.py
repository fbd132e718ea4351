"""Gains f(x) / |x|: how well they are told, and where they are large."""
