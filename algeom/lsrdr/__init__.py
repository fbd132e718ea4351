"""Spectral radius dimensionality reductions of tuples of matrices, by fixed-point iteration."""

from algeom.lsrdr.choi import from_choi, kraus_matrices
from algeom.lsrdr.cipher_reduction import reduce_cipher
from algeom.lsrdr.ciphers import (
    SecurityMeasure,
    difference_distribution_table,
    keyed_permutations,
    pair_permutations,
    sbox_security_measure,
    security_measure,
)
from algeom.lsrdr.clique_bounds import CliqueBound, clique_bound
from algeom.lsrdr.clique_result import Clique
from algeom.lsrdr.corpora import GETTYSBURG_ADDRESS, GeneratedCorpus, generated_corpus, tokenize
from algeom.lsrdr.embeddings import MatrixEmbedding, embed_words
from algeom.lsrdr.endings import Ending
from algeom.lsrdr.estimator import LSRDR
from algeom.lsrdr.feature_comparison import FeatureComparison, compare_features
from algeom.lsrdr.gradient import GradientResult, maximize_similarity
from algeom.lsrdr.graph_baselines import greedy_clique, spectral_clique
from algeom.lsrdr.graph_comparison import CliqueComparison, compare_clique_methods
from algeom.lsrdr.graph_instances import (
    GraphInstance,
    c_fat_graph,
    camouflaged_clique,
    hamming_graph,
    johnson_graph,
    keller_graph,
    kneser_graph,
    p_hat_graph,
    planted_clique,
    random_graph,
)
from algeom.lsrdr.graphs import DenseSubgraph, dense_subgraph, find_clique
from algeom.lsrdr.image_features import ImageFeatures, reduce_images
from algeom.lsrdr.layer_tuples import LayerComparison, LayerReduction, compare_layer_reductions, reduce_layers
from algeom.lsrdr.nilpotency import is_nilpotent
from algeom.lsrdr.norms import SchattenNorm, SpectralRadiusNorm, TupleNorm
from algeom.lsrdr.octonions import (
    OctonionSimilarity,
    clifford_matrices,
    octonion_product,
    octonion_similarity,
    octonion_units,
)
from algeom.lsrdr.outer_products import OuterProducts, OuterProductSuperoperator
from algeom.lsrdr.problem import LSRDRPlan, lsrdr_plan
from algeom.lsrdr.quaternions import Quaternions
from algeom.lsrdr.reduction import lsrdr
from algeom.lsrdr.result import Agreement, FixedPoint, LSRDRResult, StartRecord
from algeom.lsrdr.sboxes import PRESENT_SBOX, aes_sbox, field_inversion, field_multiplication
from algeom.lsrdr.similarity import Similarity, similarity
from algeom.lsrdr.spectral_radius import SpectralRadius, spectral_radius
from algeom.lsrdr.structured_families import MatrixUnits, Permutations
from algeom.lsrdr.structured_superoperators import DiagonalSuperoperator, from_callables
from algeom.lsrdr.superoperators import Counted, Superoperator, superoperator
from algeom.lsrdr.trained_layers import TrainedLayers, digit_network, lightning_attention

__all__ = [
    "GETTYSBURG_ADDRESS",
    "LSRDR",
    "PRESENT_SBOX",
    "Agreement",
    "Clique",
    "CliqueBound",
    "CliqueComparison",
    "Counted",
    "DenseSubgraph",
    "DiagonalSuperoperator",
    "Ending",
    "FeatureComparison",
    "FixedPoint",
    "GeneratedCorpus",
    "GradientResult",
    "GraphInstance",
    "ImageFeatures",
    "LSRDRPlan",
    "LSRDRResult",
    "LayerComparison",
    "LayerReduction",
    "MatrixEmbedding",
    "MatrixUnits",
    "OctonionSimilarity",
    "OuterProductSuperoperator",
    "OuterProducts",
    "Permutations",
    "Quaternions",
    "SchattenNorm",
    "SecurityMeasure",
    "Similarity",
    "SpectralRadius",
    "SpectralRadiusNorm",
    "StartRecord",
    "Superoperator",
    "TrainedLayers",
    "TupleNorm",
    "aes_sbox",
    "c_fat_graph",
    "camouflaged_clique",
    "clifford_matrices",
    "clique_bound",
    "compare_clique_methods",
    "compare_features",
    "compare_layer_reductions",
    "dense_subgraph",
    "difference_distribution_table",
    "digit_network",
    "embed_words",
    "field_inversion",
    "field_multiplication",
    "find_clique",
    "from_callables",
    "from_choi",
    "generated_corpus",
    "greedy_clique",
    "hamming_graph",
    "is_nilpotent",
    "johnson_graph",
    "keller_graph",
    "keyed_permutations",
    "kneser_graph",
    "kraus_matrices",
    "lightning_attention",
    "lsrdr",
    "lsrdr_plan",
    "maximize_similarity",
    "octonion_product",
    "octonion_similarity",
    "octonion_units",
    "p_hat_graph",
    "pair_permutations",
    "planted_clique",
    "random_graph",
    "reduce_cipher",
    "reduce_images",
    "reduce_layers",
    "sbox_security_measure",
    "security_measure",
    "similarity",
    "spectral_clique",
    "spectral_radius",
    "superoperator",
    "tokenize",
]
