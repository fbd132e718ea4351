"""Adversarial perturbations: attacks, scores that tell them from natural ones, certified radii."""
