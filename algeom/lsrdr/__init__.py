"""Spectral radius dimensionality reductions of tuples of matrices, by fixed-point iteration."""

from algeom.lsrdr.ciphers.reduction import reduce_cipher
from algeom.lsrdr.ciphers.sboxes import PRESENT_SBOX, aes_sbox, field_inversion, field_multiplication
from algeom.lsrdr.ciphers.security import (
    SecurityMeasure,
    difference_distribution_table,
    keyed_permutations,
    pair_permutations,
    sbox_security_measure,
    security_measure,
)
from algeom.lsrdr.gradients.maximization import GradientResult, maximize_similarity
from algeom.lsrdr.gradients.norms import SchattenNorm, SpectralRadiusNorm, TupleNorm
from algeom.lsrdr.graphs.baselines import greedy_clique, spectral_clique
from algeom.lsrdr.graphs.clique_bounds import CliqueBound, clique_bound
from algeom.lsrdr.graphs.clique_result import Clique
from algeom.lsrdr.graphs.comparison import CliqueComparison, compare_clique_methods
from algeom.lsrdr.graphs.dense_subgraphs import DenseSubgraph, dense_subgraph, find_clique
from algeom.lsrdr.graphs.instances import (
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
from algeom.lsrdr.learning.feature_comparison import FeatureComparison, compare_features
from algeom.lsrdr.learning.image_features import ImageFeatures, reduce_images
from algeom.lsrdr.learning.layer_tuples import LayerComparison, LayerReduction, compare_layer_reductions, reduce_layers
from algeom.lsrdr.learning.trained_layers import TrainedLayers, digit_network, lightning_attention
from algeom.lsrdr.operators.choi import from_choi, kraus_matrices
from algeom.lsrdr.operators.octonions import (
    OctonionSimilarity,
    clifford_matrices,
    octonion_product,
    octonion_similarity,
    octonion_units,
)
from algeom.lsrdr.operators.outer_products import OuterProducts, OuterProductSuperoperator
from algeom.lsrdr.operators.quaternions import Quaternions
from algeom.lsrdr.operators.structured_families import MatrixUnits, Permutations
from algeom.lsrdr.operators.structured_superoperators import DiagonalSuperoperator, from_callables
from algeom.lsrdr.operators.superoperators import Counted, Superoperator, superoperator
from algeom.lsrdr.reduction.endings import Ending
from algeom.lsrdr.reduction.estimator import LSRDR
from algeom.lsrdr.reduction.lsrdr import lsrdr
from algeom.lsrdr.reduction.problem import LSRDRPlan, lsrdr_plan
from algeom.lsrdr.reduction.result import Agreement, FixedPoint, LSRDRResult, StartRecord
from algeom.lsrdr.spectra.nilpotency import is_nilpotent
from algeom.lsrdr.spectra.similarity import Similarity, similarity
from algeom.lsrdr.spectra.spectral_radius import SpectralRadius, spectral_radius
from algeom.lsrdr.words.corpora import GETTYSBURG_ADDRESS, GeneratedCorpus, generated_corpus, tokenize
from algeom.lsrdr.words.embeddings import MatrixEmbedding, embed_words

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
