"""Classifiers, natural perturbations, attacks and certified radii where they are confident, misled or badly asked."""

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from algeom.errors import InputError
from algeom.evidence import Status
from algeom.gsvd import Annulus, Box, Dense, Layers, Sphere, gsvd
from algeom.gsvd.detection.attacks import evading_pgd, fgsm, pgd
from algeom.gsvd.detection.natural_perturbations import NaturalPerturbations, require_box, resized
from algeom.gsvd.detection.robust_radius import _logit_errors, certified_radius
from algeom.gsvd.networks.classifier import Classifier, as_classifier, as_labels, digits, train_classifier

CORNERS, CLASSES = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), [0, 1, 1, 0]
PLANE = Classifier(Layers([Dense([[1.0, 0.0], [0.0, 1.0]])]))
NATURAL = NaturalPerturbations(np.eye(4), [0, 0, 1, 1], kinds=["noise"])
POINT = np.full((1, 4), 0.5)


# Classifiers


def test_results_of_training_and_layers_are_classifiers():
    trained = train_classifier(CORNERS, CLASSES, (4,), iterations=3, rng=0)
    assert as_classifier(trained) is trained.classifier
    assert as_classifier(PLANE) is PLANE
    assert as_classifier(PLANE.layers).layers is PLANE.layers


def test_log_odds_and_their_gradients():
    rng = np.random.default_rng(0)
    network = Classifier(
        Layers([Dense(rng.standard_normal((6, 3)), activation="tanh"), Dense(rng.normal(size=(4, 6)))])
    )
    x, labels = rng.standard_normal((20, 3)), rng.integers(0, 4, 20)
    assert np.logaddexp(0, network.log_odds(x, labels)) == pytest.approx(network.loss(x, labels), rel=1e-12)
    step = 1e-6
    expected = np.column_stack(
        [(network.log_odds(x + step * e, labels) - network.log_odds(x - step * e, labels)) / (2 * step)
         for e in np.eye(3)]
    )  # fmt: skip
    assert network.log_odds_gradient(x, labels) == pytest.approx(expected, rel=1e-6, abs=1e-7)
    # Where the loss underflows the odds are still told.
    steep = Classifier(Layers([Dense(3000 * np.eye(2))]))
    assert steep.log_odds([[0.9, 0.1]], [0]) == pytest.approx([-2400.0])
    assert steep.log_odds_gradient([[0.9, 0.1]], [0]).tolist() == [[-3000.0, 3000.0]]


def test_logits_that_overflow_are_refused():
    huge = Classifier(Layers([Dense([[1e200, 1e200], [1e200, -1e200]])]))
    for call in (huge.predict, huge.margin, huge.logits):
        with pytest.raises(InputError, match="no numbers below"):
            call([[1e200, 0.0]])
    with pytest.raises(InputError, match="no numbers below"):
        huge.loss_gradient([[1e200, 0.0]], [0])


# Natural perturbations


def test_subnormal_steps_are_resized_without_warnings():
    x0 = np.full((4, 3), 0.5)
    steps = np.array([[5e-324, 0.0, 0.0], [1e-310, -1e-310, 0.0], [1.0, 1e-320, 0.0], [1e300, 1e300, -1e300]])
    sizes = np.array([0.3, 0.4, 0.45, 0.2])
    found = resized(x0, steps, sizes, (0.0, 1.0))
    assert np.linalg.norm(found, axis=1) == pytest.approx(sizes)
    assert np.all(found * np.sign(steps) >= 0)
    # A step that the box stops goes on along its smallest entries.
    assert resized(x0[:1], steps[2:3], np.array([2.0]), (0.0, 1.0)).tolist() == [[0.5, 0.5, 0.0]]
    wide = resized(np.zeros((1, 2)), np.ones((1, 2)), np.array([1e200]), (-1e300, 1e300))
    assert wide == pytest.approx(np.full((1, 2), 1e200 / math.sqrt(2)))


def test_seeds_of_natural_perturbations():
    first, second = (NATURAL.draw("noise", POINT, [0], 3) for _ in range(2))
    assert np.array_equal(first, second)
    stream = np.random.default_rng(5)
    assert np.array_equal(NATURAL.draw("noise", POINT, [0], np.random.default_rng(5)),
                          NATURAL.draw("noise", POINT, [0], stream))  # fmt: skip
    assert not np.array_equal(NATURAL.draw("noise", POINT, [0], stream), first)
    kinds = NaturalPerturbations(np.eye(4), [0, 0, 1, 1])
    assert kinds.mixture(np.full(4, 0.5), 0, 1, (0.1, 0.1), 0).shape == (1, 4)


# Attacks


def confident(scale, seed=0):
    """A random network with three classes whose decisions do not depend on the scale of its logits."""
    rng = np.random.default_rng(seed)
    weight = rng.standard_normal((12, 6))
    hidden = Dense(weight, -0.5 * weight.sum(axis=1), "relu")
    return Classifier(Layers([hidden, Dense(scale * rng.standard_normal((3, 12)))]))


@pytest.mark.parametrize("attack", [fgsm, lambda *a: pgd(*a, rng=0), lambda *a: evading_pgd(*a, Zero(), rng=0)])
def test_attacks_do_not_fail_on_confident_classifiers(attack):
    x = np.random.default_rng(1).uniform(0, 1, (60, 6))
    labels = confident(1).predict(x)
    found = [attack(confident(scale), x, labels, 0.3).success.mean() for scale in (1, 100, 1e4, 1e6)]
    assert 0.2 < found[0] < 0.9
    assert min(found) >= found[0] - 0.1
    steep = Classifier(Layers([Dense(3000 * np.eye(2))]))
    assert attack(steep, [[0.9, 0.1]], [0], 0.7).success.all()


def test_iterates_of_another_class_come_before_those_with_larger_losses():
    # On the way from 0.5 to 0.7 class 1 wins at 0.6; at 0.7 class 0 does, by little, against two others.
    ridge = Classifier(
        Layers([Dense([[1.0], [1.0]], [0.0, -0.61], "relu"),
                Dense([[0.0, 0.0], [11.0, -1.21 / 0.09], [0.0, 9.99 / 0.09]], [0.0, -6.5, -10.0])])
    )  # fmt: skip
    assert ridge.predict([[0.5], [0.6], [0.7]]).tolist() == [0, 1, 0]
    assert ridge.loss([[0.7]], [0]) > ridge.loss([[0.6]], [0])
    found = pgd(ridge, [[0.5]], [0], 0.2, steps=5, restarts=0, rng=0)
    assert found.success.all()
    assert found.inputs == pytest.approx(np.array([[0.6]]))


class Zero:
    """A detector that sees nothing, and may be told to stop or to answer something else."""

    def __init__(self, calls=math.inf, answer=None):
        self.calls, self.answer = calls, answer

    def score_and_gradient(self, x):
        self.calls -= 1
        if self.calls < 0:
            raise KeyboardInterrupt
        return (np.zeros(len(x)), np.zeros(x.shape)) if self.answer is None else self.answer


def test_interrupted_attacks_keep_the_best_iterates():
    x = np.random.default_rng(1).uniform(0, 1, (60, 6))
    labels = confident(1).predict(x)

    def stop(event):
        if event.done == 20:
            raise KeyboardInterrupt

    whole = pgd(confident(1), x, labels, 0.3, rng=0)
    for partial in (
        pgd(confident(1), x, labels, 0.3, rng=0, progress=stop),
        evading_pgd(confident(1), x, labels, 0.3, Zero(20), rng=0),
    ):
        assert partial.interrupted
        assert "interrupted" in repr(partial)
        assert partial.success.sum() > whole.success.sum() / 2
    assert not whole.interrupted
    assert "interrupted" not in repr(whole)


def test_attacks_take_what_stands_for_a_classifier():
    trained = train_classifier(CORNERS, CLASSES, (8,), rng=0)
    expected = fgsm(trained.classifier, CORNERS, CLASSES, 0.5).inputs
    for given in (trained, trained.classifier.layers):
        assert np.array_equal(fgsm(given, CORNERS, CLASSES, 0.5).inputs, expected)
        assert certified_radius(given, CORNERS[0], rng=0).label == 0


# Certified radii

#: One class below 0.5 and another one in the middle, which a sphere of radius 1 does not see.
BUMP = Classifier(
    Layers([Dense([[1.0], [1.0], [1.0], [1.0], [-1.0]], [-0.2, -0.5, -0.8, 0, 0], "relu"),
            Dense([[-8, 16, -8, 0.1, -0.1], [0] * 5], [1.0, 0.0])])
)  # fmt: skip
#: Another class beyond the face at 0.1.
WALL = Classifier(
    Layers([Dense([[1.0, 0], [0, 1.0], [0, -1.0]], [-0.1, 0, 0], "relu"),
            Dense([[-100, 0.1, -0.1], [0, 0, 0]], [1.0, 0])])
)  # fmt: skip


@pytest.mark.parametrize("domain", [Annulus(1, 0.95, 1.0), Sphere(1, 1.0), Box([-1.0], [1.0], 0.9)])
def test_domains_with_holes_certify_nothing(domain):
    assert BUMP.predict([[0.0], [0.5], [1.0]]).tolist() == [0, 1, 0]
    decomposition = gsvd(BUMP.contrasts, domain, x0=[0.0], certify=True, rng=0)
    with pytest.raises(InputError, match="leaves out points near x0"):
        certified_radius(BUMP, [0.0], decomposition=decomposition)


def test_boxes_certify_up_to_the_nearest_face():
    box = Box((-1.0, -1.0), (0.1, 1.0))
    found = certified_radius(WALL, [0.0, 0.0], decomposition=gsvd(WALL.contrasts, box, x0=[0, 0], certify=True, rng=0))
    assert found.evidence.status is Status.PROVED
    assert found.domain_radius == 0.1
    assert found.value <= 0.1
    assert WALL.predict([[0.2, 0.0]]).tolist() == [1]
    corner = gsvd(WALL.contrasts, Box((0.0, 0.0), (0.1, 1.0)), x0=[0, 0], certify=True, rng=0)
    with pytest.raises(InputError, match="leaves out points near x0"):
        certified_radius(WALL, [0.0, 0.0], decomposition=corner)


def test_spheres_are_enough_for_homogeneous_maps():
    cone = Classifier(Layers([Dense(np.diag([3.0, 1.0]), None, "relu"), Dense(np.eye(2), [1.0, 0.0])]))
    sphere = gsvd(cone.contrasts, Sphere(2), x0=[0.0, 0.0], certify=True, rng=0)
    found = certified_radius(cone, [0.0, 0.0], decomposition=sphere)
    assert found.evidence.status is Status.PROVED
    assert found.domain_radius == math.inf
    # The class changes where x_2 = 1 + 3 max(x_1, 0): at the distance 1.
    assert 0.3 < found.value <= 1


def test_decompositions_of_other_maps_prove_nothing():
    flat, mine = (Classifier(Layers([Dense(scale * np.eye(2), [1.0, 0.0])])) for scale in (0.001, 100.0))
    with pytest.raises(InputError, match="of another map"):
        certified_radius(mine, [0, 0], decomposition=gsvd(flat.contrasts, x0=[0, 0], certify=True, rng=0))
    with pytest.raises(InputError, match="of another map"):
        certified_radius(mine, [0, 0], decomposition=gsvd(mine.layers, x0=[0, 0], certify=True, rng=0))
    # The same values from other layers.
    same = Layers([Dense(np.eye(2)), *mine.contrasts.layers])
    unknown = certified_radius(mine, [0, 0], decomposition=gsvd(same, 1.0, x0=[0, 0], certify=True, rng=0))
    known = certified_radius(mine, [0, 0], decomposition=gsvd(mine.contrasts, 1.0, x0=[0, 0], certify=True, rng=0))
    assert unknown.evidence.status is Status.NUMERICAL
    assert known.evidence.status is Status.PROVED
    assert known.value == pytest.approx(1 / (100 * math.sqrt(2)), rel=1e-5)


def test_searched_decompositions_give_estimates_that_are_no_lower_bounds():
    found = certified_radius(WALL, [0.0, 0.0], decomposition=gsvd(WALL.contrasts, 0.5, x0=[0, 0], rng=0), rng=0)
    assert found.evidence.status is Status.NUMERICAL
    assert "estimate" in found.evidence.reason


def test_rounding_errors_do_not_enlarge_radii():
    # The boundary is at 0; the margin comes out as 0.1000004 since 1e10 cancels.
    cancelling = Classifier(Layers([Dense([[1.0]], [1e10], "relu"), Dense([[1.0], [0.0]], [-1e10, 0.0])]))
    assert cancelling.margin([[0.1]])[0] > 0.1
    found = certified_radius(cancelling, [0.1], rng=0)
    assert found.evidence.status is Status.PROVED
    assert 0.09 < found.value <= 0.1
    with pytest.raises(InputError, match="no more than rounding errors"):
        certified_radius(cancelling, [1e-6], rng=0)
    with pytest.raises(InputError, match="no numbers below"):
        certified_radius(Classifier(Layers([Dense([[1e200, 1e200], [1e200, -1e200]])])), [1e200, 0.0])


def test_rounding_errors_of_logits_are_bounded():
    rng = np.random.default_rng(4)
    for _ in range(20):
        widths = [3, *rng.integers(2, 6, 2), 3]
        weights = [10.0 ** rng.uniform(-3, 6) * rng.standard_normal((b, a)) for a, b in pairwise(widths)]
        biases = [10.0 ** rng.uniform(-3, 9) * rng.standard_normal(len(w)) for w in weights]
        layers = Layers([Dense(w, b, "relu") for w, b in zip(weights[:-1], biases[:-1], strict=True)]
                        + [Dense(weights[-1], biases[-1])])  # fmt: skip
        x = rng.standard_normal(3)
        exact = [Fraction(v) for v in x]
        for k, layer in enumerate(layers.layers):
            exact = [sum((Fraction(w) * v for w, v in zip(row, exact, strict=True)), Fraction(b))
                     for row, b in zip(layer.weight, layer.bias, strict=True)]  # fmt: skip
            exact = [max(v, Fraction(0)) for v in exact] if k < len(layers.layers) - 1 else exact
        off = np.array([abs(float(Fraction(v) - e)) for v, e in zip(layers(x[None])[0], exact, strict=True)])
        assert np.all(off <= _logit_errors(layers, x))


# Bad input

CENTRE = np.full((1, 2), 0.5)
BAD = {
    "no classifier to attack": (lambda: pgd(None, CENTRE, [0], 0.1), "None is no classifier"),
    "no classifier to certify": (lambda: certified_radius(5, [0.0]), "5 is no classifier"),
    "box of an attack": (lambda: fgsm(PLANE, CENTRE, [0], 0.1, box=None), "box"),
    "fractional steps": (lambda: pgd(PLANE, CENTRE, [0], 0.1, steps=2.5), "steps is 2.5"),
    "steps NaN": (lambda: evading_pgd(PLANE, CENTRE, [0], 0.1, Zero(), steps=math.nan), "steps is nan"),
    "no steps": (lambda: evading_pgd(PLANE, CENTRE, [0], 0.1, Zero(), steps=None), "steps is None"),
    "fractional restarts": (lambda: pgd(PLANE, CENTRE, [0], 0.1, restarts=1.5), "restarts is 1.5"),
    "negative restarts": (lambda: pgd(PLANE, CENTRE, [0], 0.1, restarts=-1), "restarts is -1"),
    "no detector": (lambda: evading_pgd(PLANE, CENTRE, [0], 0.1, None), "detector=None"),
    "detector without gradients": (
        lambda: evading_pgd(PLANE, CENTRE, [0], 0.1, Zero(answer=np.zeros(1))),
        "the detector returns ndarray",
    ),
    "detector of another shape": (
        lambda: evading_pgd(PLANE, CENTRE, [0], 0.1, Zero(answer=(np.zeros(2), np.zeros((2, 2))))),
        r"the shapes \(2,\) and \(2, 2\)",
    ),
    "detector with NaN": (
        lambda: evading_pgd(PLANE, CENTRE, [0], 0.1, Zero(answer=([math.nan], np.zeros((1, 2))))),
        "all finite",
    ),
    "radius is a word": (lambda: certified_radius(PLANE, [0.7, 0.5], radius="a"), "radius='a'"),
    "pieces are a word": (lambda: certified_radius(PLANE, [0.7, 0.5], max_pieces="a"), "max_pieces is 'a'"),
    "no classifier": (lambda: as_classifier(None), "None is no classifier"),
    "layers with one output": (lambda: as_classifier(Layers([Dense([[1.0]])])), "two outputs or more"),
    "ragged labels": (lambda: as_labels([[0], [1, 2]], 2), "no vector of 2 integers"),
    "one label alone": (lambda: train_classifier(np.eye(2), [1, 1]), "of two at least"),
    "a class without examples": (lambda: train_classifier(np.eye(2), [0, 5]), "from 0 to 5"),
    "a huge label": (lambda: train_classifier(np.eye(2), [0, 10**12]), "expected examples of each class"),
    "hidden is a number": (lambda: train_classifier(CORNERS, CLASSES, 5), "5 is no sequence"),
    "hidden is a word": (lambda: train_classifier(CORNERS, CLASSES, "ab"), "'ab' is no sequence"),
    "fractional width": (lambda: train_classifier(CORNERS, CLASSES, (2.7,)), "a width of hidden layers is 2.7"),
    "activation is a list": (lambda: train_classifier(CORNERS, CLASSES, activation=[1]), r"activation=\[1\]"),
    "weight decay is a word": (lambda: train_classifier(CORNERS, CLASSES, weight_decay="a"), "weight_decay='a'"),
    "iterations is a word": (lambda: train_classifier(CORNERS, CLASSES, iterations="a"), "iterations is 'a'"),
    "fractional iterations": (lambda: train_classifier(CORNERS, CLASSES, iterations=2.5), "iterations is 2.5"),
    "test is a word": (lambda: digits(test="a"), "test is 'a'"),
    "fractional test": (lambda: digits(test=1.5), "test is 1.5"),
    "kinds is None": (lambda: NaturalPerturbations(np.eye(4), [0, 0, 1, 1], None), "kinds=None"),
    "kinds is a word": (lambda: NaturalPerturbations(np.eye(4), [0, 0, 1, 1], "noise"), "kinds='noise'"),
    "kinds of lists": (lambda: NaturalPerturbations(np.eye(4), [0, 0, 1, 1], [["noise"]]), "kinds="),
    "seed": (lambda: NATURAL.draw("noise", POINT, [0], "a"), "rng='a'"),
    "one size for rows": (lambda: NATURAL.of_sizes("noise", POINT, [0], 0.5, 0), r"sizes has the shape \(\)"),
    "sizes of another length": (lambda: NATURAL.of_sizes("noise", POINT, [0], [0.5, 0.5], 0), r"expected \(1,\)"),
    "negative size": (lambda: NATURAL.of_sizes("noise", POINT, [0], [-0.5], 0), "sizes go down to -0.5"),
    "size NaN": (lambda: NATURAL.of_sizes("noise", POINT, [0], [math.nan], 0), "all finite"),
    "least size zero": (lambda: NATURAL.mixture(POINT[0], 0, 3, (0, 1), 0), "both positive"),
    "sizes of words": (lambda: NATURAL.mixture(POINT[0], 0, 3, ("a", "b"), 0), "sizes is no vector"),
    "fractional count": (lambda: NATURAL.mixture(POINT[0], 0, 3.5, (0.1, 1), 0), "count is 3.5"),
    "box is None": (lambda: require_box(POINT, None), "box"),
    "box of words": (lambda: require_box(POINT, ("a", "b")), "box is no vector"),
    "box of vectors": (lambda: require_box(POINT, ([0, 0], [1, 1])), r"box has the shape \(2, 2\)"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused(name):
    call, message = BAD[name]
    with pytest.raises(InputError, match=message):
        call()
