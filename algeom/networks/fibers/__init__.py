"""Fibers of the multiplication of a linear network's weight matrices: strata, their order, and moves."""
