"""Generalized singular value decompositions of nonlinear maps and trained networks."""

from algeom.gsvd.attacks import Attack, evading_pgd, fgsm, pgd
from algeom.gsvd.bounds import NormBounds, norm_bounds
from algeom.gsvd.classifier import Classifier, Digits, TrainedClassifier, digits, train_classifier
from algeom.gsvd.decomposition import gsvd
from algeom.gsvd.detection import LocalDecompositions, baseline_scores, local_decompositions
from algeom.gsvd.detection_experiment import detection_experiment
from algeom.gsvd.detection_report import AttackOutcome, DetectionReport, DetectionRow
from algeom.gsvd.domains import Annulus, Ball, Box, Domain, Samples, Sphere
from algeom.gsvd.ellipsoid import Ellipsoid, minimum_volume_ellipsoid
from algeom.gsvd.functions import BatchFunction, as_function
from algeom.gsvd.group_comparison import GroupDifference
from algeom.gsvd.group_probe import GroupProbe, group_probe
from algeom.gsvd.layers import Dense, Layers
from algeom.gsvd.natural_perturbations import NaturalPerturbations
from algeom.gsvd.reconstruction import InputReconstruction, null_inputs, reconstruct_inputs
from algeom.gsvd.relu_regions import linear_regions
from algeom.gsvd.result import GSVD, InputDirections
from algeom.gsvd.robust_radius import RobustRadius, certified_radius
from algeom.gsvd.roc_curves import PermutationControl, RocCurve, auc_difference, permutation_control, roc
from algeom.gsvd.svdnet import NormPreservingLayer, SVDNet, TrainedSVDNet, svdnet

__all__ = [
    "GSVD",
    "Annulus",
    "Attack",
    "AttackOutcome",
    "Ball",
    "BatchFunction",
    "Box",
    "Classifier",
    "Dense",
    "DetectionReport",
    "DetectionRow",
    "Digits",
    "Domain",
    "Ellipsoid",
    "GroupDifference",
    "GroupProbe",
    "InputDirections",
    "InputReconstruction",
    "Layers",
    "LocalDecompositions",
    "NaturalPerturbations",
    "NormBounds",
    "NormPreservingLayer",
    "PermutationControl",
    "RobustRadius",
    "RocCurve",
    "SVDNet",
    "Samples",
    "Sphere",
    "TrainedClassifier",
    "TrainedSVDNet",
    "as_function",
    "auc_difference",
    "baseline_scores",
    "certified_radius",
    "detection_experiment",
    "digits",
    "evading_pgd",
    "fgsm",
    "group_probe",
    "gsvd",
    "linear_regions",
    "local_decompositions",
    "minimum_volume_ellipsoid",
    "norm_bounds",
    "null_inputs",
    "permutation_control",
    "pgd",
    "reconstruct_inputs",
    "roc",
    "svdnet",
    "train_classifier",
]
