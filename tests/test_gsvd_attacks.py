"""Classifiers, natural perturbations, attacks and certified radii where they are confident, misled or badly asked."""

import math

import numpy as np
import pytest

from algeom.errors import InputError
from algeom.gsvd import Dense, Layers
from algeom.gsvd.detection.natural_perturbations import NaturalPerturbations, require_box, resized
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


# Bad input

BAD = {
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
