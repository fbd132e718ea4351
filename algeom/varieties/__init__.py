"""Classical and statistical varieties as polynomial maps, with coordinates named as in the field.

Every function returns a `PolynomialMap` whose image closure (or the cone over it) is the variety. Dimensions in
arguments named ``dims`` or ``n`` of an embedded projective space are projective: ``segre(1, 1, 1)`` is (P^1)^3.
"""

from algeom.varieties.constructions import hadamard_product, join, secant
from algeom.varieties.determinantal import determinantal, skew_determinantal, symmetric_determinantal
from algeom.varieties.discriminants import coincident_root_locus, discriminant, resultant
from algeom.varieties.gaussian_models import gaussian_graphical, gaussian_mixed_graph
from algeom.varieties.grassmannians import grassmannian
from algeom.varieties.phylogenetics import cfn_tree, jukes_cantor_tree, kimura2_tree, kimura3_tree
from algeom.varieties.products_of_forms import chow_variety, split_forms
from algeom.varieties.scrolls import rational_normal_curve, rational_normal_scroll
from algeom.varieties.statistical_models import factor_analysis, independence_model, mixture_model
from algeom.varieties.tensors import segre, segre_veronese, veronese

__all__ = [
    "cfn_tree",
    "chow_variety",
    "coincident_root_locus",
    "determinantal",
    "discriminant",
    "factor_analysis",
    "gaussian_graphical",
    "gaussian_mixed_graph",
    "grassmannian",
    "hadamard_product",
    "independence_model",
    "join",
    "jukes_cantor_tree",
    "kimura2_tree",
    "kimura3_tree",
    "mixture_model",
    "rational_normal_curve",
    "rational_normal_scroll",
    "resultant",
    "secant",
    "segre",
    "segre_veronese",
    "skew_determinantal",
    "split_forms",
    "symmetric_determinantal",
    "veronese",
]
