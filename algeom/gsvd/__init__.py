"""Generalized singular value decompositions of nonlinear maps and trained networks."""

from algeom.gsvd.decomposition.decompose import gsvd
from algeom.gsvd.decomposition.result import GSVD, InputDirections
from algeom.gsvd.detection.attacks import Attack, evading_pgd, fgsm, pgd
from algeom.gsvd.detection.experiment import detection_experiment
from algeom.gsvd.detection.natural_perturbations import NaturalPerturbations
from algeom.gsvd.detection.report import AttackOutcome, DetectionReport, DetectionRow
from algeom.gsvd.detection.robust_radius import RobustRadius, certified_radius
from algeom.gsvd.detection.roc_curves import PermutationControl, RocCurve, auc_difference, permutation_control, roc
from algeom.gsvd.detection.scores import LocalDecompositions, baseline_scores, local_decompositions
from algeom.gsvd.ellipsoids.minimum_volume import Ellipsoid, minimum_volume_ellipsoid
from algeom.gsvd.functions.batch_functions import BatchFunction, as_function
from algeom.gsvd.functions.domains import Annulus, Ball, Box, Domain, Samples, Sphere
from algeom.gsvd.functions.layers import Dense, Layers
from algeom.gsvd.networks.classifier import Classifier, Digits, TrainedClassifier, digits, train_classifier
from algeom.gsvd.networks.svdnet import NormPreservingLayer, SVDNet, TrainedSVDNet, svdnet
from algeom.gsvd.norms.bounds import NormBounds, norm_bounds
from algeom.gsvd.norms.relu_regions import linear_regions
from algeom.gsvd.probes.group_comparison import GroupDifference
from algeom.gsvd.probes.group_probe import GroupProbe, group_probe
from algeom.gsvd.probes.reconstruction import InputReconstruction, null_inputs, reconstruct_inputs

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
