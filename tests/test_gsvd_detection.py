"""Detection of adversarial perturbations: classifiers, attacks, areas under ROC curves, scores, certified radii."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algeom.errors import InputError
from algeom.evidence import Status
from algeom.gsvd import Dense, Layers, gsvd
from algeom.gsvd.detection.attacks import evading_pgd, fgsm, pgd
from algeom.gsvd.detection.experiment import detection_experiment
from algeom.gsvd.detection.natural_perturbations import KINDS, NaturalPerturbations, resized, shifted
from algeom.gsvd.detection.robust_radius import certified_radius
from algeom.gsvd.detection.roc_curves import auc_difference, permutation_control, roc
from algeom.gsvd.detection.scores import BASELINES, baseline_scores, local_decompositions
from algeom.gsvd.networks.classifier import Classifier, digits, train_classifier


@pytest.fixture(scope="module")
def images():
    pytest.importorskip("sklearn")
    return digits(rng=0)


@pytest.fixture(scope="module")
def classifier(images):
    return train_classifier(images.train, images.train_labels, (24,), iterations=120, rng=0).classifier


@pytest.fixture(scope="module")
def correct(images, classifier):
    """Thirty images of the test set that are classified correctly, with their labels."""
    right = np.flatnonzero(classifier.predict(images.test) == images.test_labels)[:30]
    return images.test[right], images.test_labels[right]


@pytest.fixture(scope="module")
def natural(images):
    return NaturalPerturbations(images.train, images.train_labels)


@pytest.fixture(scope="module")
def fitted(classifier, correct, natural):
    return local_decompositions(classifier, correct[0], natural, sizes=(0.2, 2.0), count=200, rng=0)


def plane_classifier(activation="tanh", seed=0):
    """Three classes of points in the square, by their angles around its middle."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, (400, 2))
    angles = np.arctan2(x[:, 1] - 0.5, x[:, 0] - 0.5)
    labels = np.digitize(angles, [-math.pi / 3, math.pi / 3])
    return train_classifier(x, labels, (8,), activation=activation, iterations=200, rng=seed).classifier, x, labels


# Classifiers


def test_the_digits_are_learned(images, classifier):
    assert classifier.accuracy(images.train, images.train_labels) > 0.99
    assert classifier.accuracy(images.test, images.test_labels) > 0.95
    together = np.vstack([images.train, images.test])
    assert len(np.unique(together, axis=0)) > 1780  # the two parts have no images in common
    assert images.train.min() == 0
    assert images.train.max() == 1


def test_cross_entropy_and_margins_against_their_definitions(classifier, correct):
    from scipy.special import log_softmax

    x, labels = correct
    wrong = (labels + 1) % 10
    logits = classifier.logits(x)
    rows = np.arange(len(x))
    for chosen in (labels, wrong):
        expected = -log_softmax(logits, axis=1)[rows, chosen]
        assert classifier.loss(x, chosen) == pytest.approx(expected, rel=1e-9, abs=1e-12)
        others = np.array([np.delete(row, k).max() for row, k in zip(logits, chosen, strict=True)])
        assert classifier.margin(x, chosen) == pytest.approx(logits[rows, chosen] - others)
    assert np.array_equal(classifier.predict(x), labels)
    assert np.all(classifier.margin(x) > 0)


def test_tiny_losses_keep_their_digits():
    steep = Classifier(Layers([Dense([[100.0], [-100.0]])]))
    assert steep.loss([[1.0]], [0]) == pytest.approx([math.exp(-200)], rel=1e-12)
    assert steep.loss([[1.0]], [1]) == pytest.approx([200.0])
    assert steep.loss_gradient([[1.0]], [0]) == pytest.approx(np.array([[-200 * math.exp(-200)]]), rel=1e-12)


def test_gradients_against_differences():
    smooth, x, labels = plane_classifier()
    step = 1e-6
    expected = np.column_stack(
        [(smooth.loss(x + step * e, labels) - smooth.loss(x - step * e, labels)) / (2 * step) for e in np.eye(2)]
    )
    assert smooth.loss_gradient(x, labels) == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_contrasts_are_the_logits_without_their_mean(classifier, correct):
    logits, H = classifier.logits(correct[0]), classifier.contrast_matrix
    assert np.abs(H @ H.T - np.eye(9)).max() < 1e-15
    assert H.sum(axis=1) == pytest.approx(np.zeros(9), abs=1e-15)
    assert classifier.contrasts(correct[0]) @ H == pytest.approx(logits - logits.mean(axis=1, keepdims=True))
    curved = Classifier(Layers([Dense(np.eye(3), activation="tanh")]))
    x = np.array([[0.1, -2.0, 0.7]])
    assert curved.contrasts(x) == pytest.approx(np.tanh(x) @ curved.contrast_matrix.T)


def test_training_repeats_and_can_be_interrupted(images):
    data = images.train[:200], images.train_labels[:200]
    first, second = (train_classifier(*data, (8,), iterations=15, rng=5) for _ in range(2))
    assert np.array_equal(first.history, second.history)
    assert first.seed == 5
    assert np.all(np.diff(first.history) <= 0)

    def stop(event):
        if event.done == 3:
            raise KeyboardInterrupt

    partial = train_classifier(*data, (8,), iterations=15, rng=5, progress=stop)
    assert partial.interrupted
    assert "interrupted" in repr(partial)
    assert len(partial.history) == 3
    assert partial.loss == pytest.approx(first.history[2], rel=1e-9)


# Natural perturbations


def test_shifts_move_pixels_and_keep_the_sum_inside():
    image = np.zeros((1, 25))
    image[0, 12] = 1.0
    assert shifted(image, np.array([[1.0, -1.0]]), 0.0)[0].argmax() == 16
    moved = shifted(np.repeat(image, 50, axis=0), np.random.default_rng(0).uniform(-1, 1, (50, 2)), 0.0)
    assert moved.sum(axis=1) == pytest.approx(np.ones(50))
    grey = shifted(np.full((1, 25), 0.3), np.array([[0.5, 0.2]]), 0.3)
    assert grey == pytest.approx(np.full((1, 25), 0.3))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(1, 12))
def test_resized_steps_have_the_norm_and_stay_in_the_box(seed, n):
    rng = np.random.default_rng(seed)
    x0 = rng.uniform(-1, 2, (20, n))
    steps = rng.standard_normal((20, n)) * rng.integers(0, 2, (20, n))
    box = (-1.0, 2.0)
    sizes = rng.uniform(0.01, 4, 20)
    found = resized(x0, steps, sizes, box)
    assert (x0 + found).min() >= box[0] - 1e-12
    assert (x0 + found).max() <= box[1] + 1e-12
    assert np.all(found * steps >= 0)
    corner = np.where(steps > 0, box[1] - x0, np.where(steps < 0, x0 - box[0], 0.0))
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.minimum(sizes, np.linalg.norm(corner, axis=1)), rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_natural_perturbations_stay_in_the_box_and_have_given_norms(natural, correct, kind):
    x, labels = correct
    drawn = natural.draw(kind, x, labels, np.random.default_rng(0))
    assert (x + drawn).min() >= 0
    assert (x + drawn).max() <= 1
    fixed = natural.of_sizes(kind, x, labels, np.full(len(x), 0.7), np.random.default_rng(0))
    assert np.linalg.norm(fixed, axis=1) == pytest.approx(np.full(len(x), 0.7))
    assert np.abs(drawn).sum(axis=1).all()
    if kind == "class":
        members = natural.images[natural.labels == labels[0]]
        assert np.abs(members - x[0] - drawn[0]).max(axis=1).min() < 1e-15


# Attacks


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("budget", [0.05, 0.3, 3.0])
def test_attacks_stay_in_budget_and_box_and_never_lower_the_loss(classifier, correct, fitted, norm, budget):
    x, labels = correct
    before = classifier.loss(x, labels)
    attacks = [
        fgsm(classifier, x, labels, budget, norm=norm),
        pgd(classifier, x, labels, budget, norm=norm, steps=15, rng=0),
        evading_pgd(classifier, x, labels, budget, fitted, norm=norm, steps=15, restarts=0, rng=0),
    ]
    for attack in attacks:
        order = 2 if norm == "l2" else np.inf
        assert np.linalg.norm(attack.perturbations, order, axis=1).max() <= budget * (1 + 1e-12)
        assert attack.inputs.min() >= 0
        assert attack.inputs.max() <= 1
        assert np.array_equal(attack.success, classifier.predict(attack.inputs) != labels)
        assert attack.losses == pytest.approx(classifier.loss(attack.inputs, labels))
    for attack in attacks[:2]:
        assert np.all(attack.losses >= before)
    # Many steps find more than one.
    assert attacks[1].losses.mean() >= attacks[0].losses.mean() * (1 - 1e-9)
    assert attacks[1].success.sum() >= attacks[0].success.sum()


def test_larger_budgets_find_more(classifier, correct):
    counts = [pgd(classifier, *correct, budget, rng=0).success.sum() for budget in (0.1, 0.5, 1.0, 2.0)]
    assert np.all(np.diff(counts) >= 0)
    assert counts[-1] == len(correct[1])


def test_steps_of_linear_classifiers_are_the_best_ones():
    # The loss of two classes grows along w = w_1 - w_0 alone: the best perturbation is known for both norms.
    w = np.array([[0.3, -1.0, 0.2], [-0.5, 0.7, 0.2]])
    linear = Classifier(Layers([Dense(w)]))
    x = np.full((1, 3), 0.5)
    difference = w[1] - w[0]
    for attack in (fgsm, lambda *args, **options: pgd(*args, rng=0, **options)):
        round_step = attack(linear, x, [0], 0.1).perturbations[0]
        assert round_step == pytest.approx(0.1 * difference / np.linalg.norm(difference), abs=1e-6)
        assert attack(linear, x, [0], 0.1, norm="linf").perturbations[0][:2] == pytest.approx([-0.1, 0.1])


def test_evasion_has_lower_scores_than_an_attack_that_does_not_know_the_detector(classifier, correct, fitted):
    plain = pgd(classifier, *correct, 1.0, rng=0)
    evading = evading_pgd(classifier, *correct, 1.0, fitted, steps=60, rng=0)
    both = plain.success & evading.success
    assert both.mean() > 0.9
    assert np.all(fitted.utilisation(evading.inputs)[both] < fitted.utilisation(plain.inputs)[both])


def test_attacks_repeat_with_their_seeds(classifier, correct, fitted):
    for first, second in (
        [pgd(classifier, *correct, 0.5, steps=5, rng=3) for _ in range(2)],
        [evading_pgd(classifier, *correct, 0.5, fitted, steps=5, rng=3) for _ in range(2)],
    ):
        assert np.array_equal(first.inputs, second.inputs)
        assert first.seed == 3


# ROC curves


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=30), st.lists(st.integers(0, 6), min_size=1, max_size=30),
    st.integers(0, 1000),
)  # fmt: skip
def test_areas_obey_their_laws(positives, negatives, seed):
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    a, b = np.array(positives, dtype=float), np.array(negatives, dtype=float)
    curve = roc(a, b)
    truth = np.append(np.ones(len(a)), np.zeros(len(b)))
    assert curve.auc == pytest.approx(sklearn_metrics.roc_auc_score(truth, np.append(a, b)))
    assert curve.auc == pytest.approx(((a[:, None] > b).sum() + 0.5 * (a[:, None] == b).sum()) / (len(a) * len(b)))
    assert 0 <= curve.low <= curve.auc <= curve.high <= 1
    assert roc(b, a).auc == pytest.approx(1 - curve.auc)
    assert roc(-a, -b).auc == pytest.approx(1 - curve.auc)
    assert roc(np.exp(a), np.exp(b)).auc == curve.auc
    rng = np.random.default_rng(seed)
    mixed = roc(rng.permutation(a), rng.permutation(b))
    assert (mixed.auc, mixed.low, mixed.high) == pytest.approx((curve.auc, curve.low, curve.high))
    # The area is that below the polygon.
    assert np.trapezoid(curve.true_positives, curve.false_positives) == pytest.approx(curve.auc)
    assert np.all(np.diff(curve.true_positives) >= 0)
    assert (curve.false_positives[-1], curve.true_positives[-1]) == (1, 1)


def test_perfect_reversed_and_constant_scores():
    low, high = np.arange(10.0), np.arange(10.0) + 20
    assert (roc(high, low).auc, roc(low, high).auc, roc(low, low).auc) == (1, 0, 0.5)
    assert roc(np.ones(5), np.ones(7)).auc == 0.5
    assert roc([np.inf, 1.0], [0.0, -np.inf]).auc == 1


def test_the_interval_is_that_of_delong_and_covers():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal(40) + 1, rng.standard_normal(60)
    wins = (a[:, None] > b).astype(float)
    variance = wins.mean(axis=1).var(ddof=1) / len(a) + wins.mean(axis=0).var(ddof=1) / len(b)
    curve = roc(a, b)
    assert curve.high - curve.auc == pytest.approx(1.959964 * math.sqrt(variance), rel=1e-6)
    truth = 0.5 * (1 + math.erf(1 / 2))  # of two normal variables one apart
    hits = 0
    for _ in range(400):
        curve = roc(rng.standard_normal(40) + 1, rng.standard_normal(60))
        hits += curve.low <= truth <= curve.high
    assert 0.9 <= hits / 400 <= 0.99


def test_clusters_widen_or_narrow_the_interval():
    rng = np.random.default_rng(1)
    levels = rng.standard_normal(80)
    a, b = levels + 0.3 + 0.1 * rng.standard_normal(80), levels + 0.1 * rng.standard_normal(80)
    alone = roc(a, b)
    paired = roc(a, b, clusters=(np.arange(80), np.arange(80)))
    single = roc(a, b, clusters=(np.arange(80), np.arange(80) + 80))
    assert paired.auc == single.auc == alone.auc
    assert (single.low, single.high) == pytest.approx((alone.low, alone.high))
    # Positives and negatives that go up and down together leave the area alone; repeated ones are no new data.
    assert paired.high - paired.low < 0.5 * (alone.high - alone.low)
    twice = roc(np.tile(a, 4), np.tile(b, 4), clusters=(np.tile(np.arange(80), 4), np.tile(np.arange(80), 4) + 80))
    assert twice.high - twice.low == pytest.approx(alone.high - alone.low, rel=1e-9)


def test_differences_of_areas():
    rng = np.random.default_rng(2)
    a, b = rng.standard_normal(100) + 1, rng.standard_normal(100)
    worse = a + 3 * rng.standard_normal(100), b + 3 * rng.standard_normal(100)
    difference, low, high = auc_difference((a, b), worse)
    assert difference == pytest.approx(roc(a, b).auc - roc(*worse).auc)
    assert low <= difference <= high
    assert low > 0
    assert auc_difference((a, b), (2 * a, 2 * b)) == (0, 0, 0)
    with pytest.raises(InputError, match="different data"):
        auc_difference((a, b), (a[:5], b))


@pytest.mark.parametrize("ties", [False, True])
def test_permuted_labels_have_areas_around_one_half(ties):
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal(40) + 2, rng.standard_normal(25)
    if ties:
        a, b = np.round(a), np.round(b)
    control = permutation_control(a, b, permutations=2000, rng=0)
    assert control.auc == pytest.approx(roc(a, b).auc)
    assert control.passed
    assert control.p_value == pytest.approx(1 / 2001)
    if not ties:
        assert control.expected_deviation == pytest.approx(math.sqrt(66 / (12 * 40 * 25)))
    # A mean of 2000 areas has a fiftieth of their deviation, roughly; the band of 95% is that of the normal law.
    assert control.low == pytest.approx(0.5 - 1.96 * control.expected_deviation, abs=0.02)
    assert control.high == pytest.approx(0.5 + 1.96 * control.expected_deviation, abs=0.02)
    nothing = permutation_control(b, rng.standard_normal(25), rng=1)
    assert nothing.p_value > 0.01


def clustered_scores(rng, effect, images=30):
    """One positive and four negatives an image, with a level of the image, and labels that make no difference."""
    levels = effect * rng.standard_normal(images)
    positives = levels + rng.standard_normal(images)
    negatives = np.repeat(levels, 4) + rng.standard_normal(4 * images)
    return positives, negatives, (np.arange(images), np.repeat(np.arange(images), 4))


def test_labels_permuted_within_images_have_uniform_p_values_where_images_differ():
    rng = np.random.default_rng(0)
    within, among = [], []
    for _ in range(300):
        positives, negatives, clusters = clustered_scores(rng, 5.0)
        within.append(permutation_control(positives, negatives, clusters=clusters, permutations=99, rng=rng).p_value)
        among.append(permutation_control(positives, negatives, permutations=99, rng=rng).p_value)
    # Five standard deviations of shares of 300; the others are never small, which is why images are clusters.
    for level in (0.05, 0.2, 0.5):
        assert np.mean(np.array(within) <= level) == pytest.approx(level, abs=5 * math.sqrt(level * (1 - level) / 300))
    assert np.mean(np.array(among) <= 0.2) < 0.01
    positives, negatives, clusters = clustered_scores(rng, 5.0)
    assert permutation_control(positives + 2, negatives, clusters=clusters, rng=0).p_value < 0.01


def test_moments_of_areas_permuted_within_clusters_against_all_permutations():
    from itertools import combinations, product

    scores, at = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0]), np.array([0, 0, 0, 1, 1, 2, 1])
    positive = np.array([True, False, True, True, False, True, False])
    choices = [combinations(np.flatnonzero(at == c), int(positive[at == c].sum())) for c in range(3)]
    areas = []
    for parts in product(*choices):
        chosen = np.isin(np.arange(7), [i for part in parts for i in part])
        areas.append(roc(scores[chosen], scores[~chosen]).auc)
    control = permutation_control(
        scores[positive], scores[~positive], clusters=(at[positive], at[~positive]), permutations=4000, rng=0
    )
    assert control.expected_mean == pytest.approx(np.mean(areas))
    assert control.expected_deviation == pytest.approx(np.std(areas))
    assert control.passed
    assert control.mean == pytest.approx(np.mean(areas), abs=0.02)
    extreme = np.abs(areas - np.mean(areas)) >= abs(control.auc - np.mean(areas)) - 1e-9
    assert control.p_value == pytest.approx(np.mean(extreme), abs=0.04)


def test_interrupted_controls_keep_their_permutations():
    def stop(event):
        if event.done == 7:
            raise KeyboardInterrupt

    a, b = np.arange(20.0), np.arange(20.0) - 3
    partial = permutation_control(a, b, permutations=50, rng=0, progress=stop)
    assert (partial.permutations, partial.interrupted) == (7, True)
    assert "7 permutations" in repr(partial)
    assert "interrupted" in repr(partial)
    assert partial.mean == permutation_control(a, b, permutations=7, rng=0).mean


# Scores


def test_scores_are_those_of_the_decomposition_of_the_same_samples(classifier, correct, natural):
    x, labels = correct
    seen = natural.of_sizes("noise", np.repeat(x[:1], 60, axis=0), np.repeat(labels[:1], 60), np.full(60, 0.5),
                            np.random.default_rng(0))  # fmt: skip
    g = classifier.contrasts
    whole = gsvd(g, samples=(x[0] + seen, g(x[0] + seen)), x0=x[0])
    noise = NaturalPerturbations(natural.images, natural.labels, kinds=["noise"])
    ours = local_decompositions(classifier, x[:1], noise, sizes=(0.5, 0.5), count=60, rng=0)
    assert ours.sigma[0] == pytest.approx(whole.sigma, rel=0.5)  # of other samples of the same law
    given = type(ours)(classifier, x[:1], g(x[:1]), whole.U[None], whole.sigma[None], whole.evidence, 0)
    tested = x[0] + seen[:7]
    assert given[np.zeros(7, dtype=int)].utilisation(tested) == pytest.approx(whole.utilisation(tested))
    assert given.utilisation(x[:1]).tolist() == [0]


def test_perturbations_that_were_seen_have_utilisations_of_one_at_most(classifier, correct, natural):
    from algeom.runtime.seeds import derive

    fitted = local_decompositions(classifier, correct[0][:3], natural, sizes=(0.2, 2.0), count=90, rng=7)
    for i, x0 in enumerate(fitted.references):
        label = int(classifier.predict(x0[None])[0])
        seen = natural.mixture(x0, label, 90, (0.2, 2.0), derive(7, "reference", i))
        values = fitted[np.full(90, i)].utilisation(x0 + seen)
        assert values.max() == pytest.approx(1, abs=1e-5)


def test_gradients_of_the_score():
    smooth, x, labels = plane_classifier()
    natural = NaturalPerturbations(x, labels, kinds=["noise", "class"])
    fitted = local_decompositions(smooth, x[:20], natural, sizes=(0.05, 0.3), count=60, rng=0)
    at = np.clip(x[:20] + 0.1 * np.random.default_rng(0).standard_normal((20, 2)), 0, 1)
    step = 1e-6
    expected = np.column_stack(
        [(fitted.utilisation(at + step * e) - fitted.utilisation(at - step * e)) / (2 * step) for e in np.eye(2)]
    )
    scores, gradient = fitted.score_and_gradient(at)
    assert scores == pytest.approx(fitted.utilisation(at))
    assert gradient == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert fitted.score_and_gradient(fitted.references)[1].tolist() == np.zeros((20, 2)).tolist()


def test_all_gains_in_a_ball_are_covered_and_exceed_natural_ones(classifier, correct, fitted):
    ball = local_decompositions(classifier, correct[0][:2], radius=0.5, rng=0)
    attack = pgd(classifier, correct[0][:2], correct[1][:2], 0.5, rng=0)
    # A search in 64 dimensions misses some, by little.
    assert ball.utilisation(attack.inputs).max() < 1.1
    assert np.all(ball.utilisation(attack.inputs) > 0.5)
    assert np.all(fitted[[0, 1]].utilisation(attack.inputs) > 1)
    assert ball.evidence.status is Status.LOWER_BOUND


def test_what_is_not_flagged_is_harmless(classifier, correct, fitted):
    x, labels = correct
    for threshold in (0.6, 1.0, 1.5):
        radii = fitted.harmless_radius(threshold)
        assert np.all(radii > 0)
        for budget in (0.2, 0.5, 1.0):
            evading = evading_pgd(classifier, x, labels, budget, fitted, steps=40, rng=1)
            near = evading.success & (evading.sizes < radii)
            assert np.all(fitted.utilisation(evading.inputs)[near] > threshold)
    assert fitted.harmless_radius(2.0) == pytest.approx(fitted.harmless_radius(1.0) / 2)


def test_baselines_of_a_linear_classifier_are_known():
    w = np.array([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-1.0, 0.5, 0.0]])
    linear = Classifier(Layers([Dense(w)]))
    x0 = np.array([[0.9, 0.1, 0.2], [0.1, 0.9, 0.2]])
    d = np.array([[0.0, 0.0, 0.5], [0.3, -0.4, 0.0]])
    scores = baseline_scores(linear, x0, x0 + d)
    assert tuple(scores) == BASELINES
    assert scores["norm"] == pytest.approx([0.5, 0.5])
    assert scores["row space"] == pytest.approx([0, 1], abs=1e-12)
    centred = w - w.mean(axis=0)
    assert scores["gain"] == pytest.approx([0, np.linalg.norm(centred @ d[1]) / 0.5], abs=1e-12)
    v = np.linalg.svd(centred)[2][0]
    assert scores["Jacobian direction"] == pytest.approx([0, abs(v @ d[1]) / 0.5], abs=1e-12)
    assert scores["margin"] == pytest.approx([-1.7, -0.3])
    assert scores["reference margin"] == pytest.approx([-1.7, 0.3])


def test_interrupted_decompositions_keep_what_was_done(classifier, correct, natural):
    def stop(event):
        if event.done == 2:
            raise KeyboardInterrupt

    partial = local_decompositions(classifier, correct[0], natural, sizes=(0.2, 2.0), rng=0, progress=stop)
    assert partial.interrupted
    assert len(partial) == 2
    again = local_decompositions(classifier, correct[0][:2], natural, sizes=(0.2, 2.0), rng=0)
    assert np.array_equal(again.sigma, partial.sigma)


def test_some_of_the_references(fitted, correct):
    x = correct[0]
    every = fitted.utilisation(0.9 * x)
    for index, places in ((3, [3]), (-1, [29]), ([2, 2, 5], [2, 2, 5]), (slice(4, 9), range(4, 9)),
                          (np.arange(30) % 2 == 0, range(0, 30, 2))):  # fmt: skip
        some = fitted[index]
        assert len(some) == len(places)
        assert some.utilisation(0.9 * x[places]) == pytest.approx(every[places])
    assert [len(one) for one in fitted] == [1] * 30
    assert "1 reference of" in repr(fitted[3])
    for bad in ("a", [], 30, [[1]], 1.5, None, [99], {}, True):
        with pytest.raises(InputError, match=r"no such references|expected a number"):
            fitted[bad]


def test_results_of_training_and_layers_stand_for_classifiers(classifier, correct):
    x = correct[0][:2]
    expected = local_decompositions(classifier, x, radius=0.3, rng=0).sigma
    assert np.array_equal(local_decompositions(classifier.layers, x, radius=0.3, rng=0).sigma, expected)
    assert np.array_equal(baseline_scores(classifier.layers, x, x + 0.1)["gain"],
                          baseline_scores(classifier, x, x + 0.1)["gain"])  # fmt: skip


def test_decompositions_of_balls_that_were_interrupted_are_left_out(classifier, correct, monkeypatch):
    from algeom.gsvd.detection import scores

    count = iter(range(9))

    def interrupted_at_the_third(*args, **options):
        return replace(gsvd(*args, **options), interrupted=next(count) == 2)

    monkeypatch.setattr(scores, "gsvd", interrupted_at_the_third)
    partial = local_decompositions(classifier, correct[0][:5], radius=0.3, rng=0)
    assert partial.interrupted
    assert len(partial) == 2


# Certified radii


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_no_attack_succeeds_within_a_proved_radius(activation):
    plane, x, _ = plane_classifier(activation)
    rng = np.random.default_rng(0)
    for x0 in x[:2]:
        everywhere = certified_radius(plane, x0, rng=0)
        near = certified_radius(plane, x0, radius=0.2, rng=0)
        axes = certified_radius(plane, x0, decomposition=gsvd(plane.contrasts, 0.2, x0=x0, certify=True, rng=0), rng=0)
        for found in (everywhere, near, axes):
            assert found.evidence.status is Status.PROVED
            assert "estimate" not in repr(found)
            steps = rng.standard_normal((5000, 2))
            around = x0 + found.value * steps / np.linalg.norm(steps, axis=1)[:, None]
            assert np.all(plane.predict(around) == found.label)
            attack = pgd(plane, x0[None], [found.label], found.value, restarts=5, box=(-10, 10), rng=0)
            assert not attack.success.any()
        assert near.value >= min(everywhere.value, 0.2) * (1 - 1e-5)
        assert axes.value >= near.value * 0.8


def test_the_radius_of_a_linear_classifier_with_two_classes_is_the_distance():
    linear = Classifier(Layers([Dense([[1.0, 2.0], [0.0, -1.0]], [0.3, 0.0])]))
    x0 = np.array([0.5, 0.5])
    distance = (np.array([1.0, 3.0]) @ x0 + 0.3) / math.sqrt(10)
    for found in (
        certified_radius(linear, x0, rng=0),
        certified_radius(linear, x0, decomposition=gsvd(linear.contrasts, x0=x0), rng=0),
    ):
        assert found.value == pytest.approx(distance, rel=1e-5)
        assert found.value < distance
        assert found.label == 0


def test_radii_of_digits_are_proved_and_those_of_samples_are_estimates(classifier, correct):
    x, labels = correct
    values = np.array([certified_radius(classifier, x0, rng=0).value for x0 in x])
    assert np.all(values > 0)
    for x0, label, value in zip(x[:5], labels[:5], values[:5], strict=True):
        assert not pgd(classifier, x0[None], [label], value, restarts=3, rng=0).success.any()
    d = 0.1 * np.random.default_rng(0).standard_normal((100, 64))
    g = classifier.contrasts
    sampled = gsvd(samples=(x[0] + d, g(x[0] + d)), x0=x[0], offset=g(x[:1])[0])
    estimate = certified_radius(classifier, x[0], decomposition=sampled, rng=0)
    assert estimate.evidence.status is Status.NUMERICAL
    assert "estimate" in repr(estimate)


# Bad input


LINEAR = Classifier(Layers([Dense([[1.0, 0.0], [0.0, 1.0]])]))
CONSTANT = Classifier(Layers([Dense([[0.0, 0.0], [0.0, 0.0]], [1.0, 2.0])]))
POINT, NATURAL = np.full((1, 2), 0.5), NaturalPerturbations(np.eye(2), [0, 0], kinds=["noise"])
BAD = {
    "labels out of range": (lambda: fgsm(LINEAR, POINT, [2], 0.1), "labels go from 2 to 2"),
    "negative labels": (lambda: LINEAR.loss(POINT, [-1]), "classes from 0 to 1"),
    "labels of another length": (lambda: pgd(LINEAR, POINT, [0, 1], 0.1), r"expected \(1,\)"),
    "labels that are no integers": (lambda: LINEAR.accuracy(POINT, [0.5]), "expected integers"),
    "inputs of another length": (lambda: LINEAR.predict(np.ones((1, 3))), "shape"),
    "inputs with NaN": (lambda: fgsm(LINEAR, [[0.5, math.nan]], [0], 0.1), "not finite"),
    "no inputs": (lambda: LINEAR.predict(np.ones((0, 2))), "not empty"),
    "budget zero": (lambda: fgsm(LINEAR, POINT, [0], 0), "budget=0"),
    "budget negative": (lambda: pgd(LINEAR, POINT, [0], -0.1), "budget=-0.1"),
    "budget NaN": (lambda: pgd(LINEAR, POINT, [0], math.nan), "budget=nan"),
    "norm": (lambda: pgd(LINEAR, POINT, [0], 0.1, norm="l1"), "norm='l1'"),
    "steps": (lambda: pgd(LINEAR, POINT, [0], 0.1, steps=0), "steps is 0"),
    "outside of the box": (lambda: fgsm(LINEAR, 3 * POINT, [0], 0.1), "outside of box"),
    "empty box": (lambda: fgsm(LINEAR, POINT, [0], 0.1, box=(1, 0)), "the smaller one first"),
    "constant classifier": (lambda: fgsm(CONSTANT, POINT, [0], 0.1), "gradient 0 at all inputs"),
    "nothing to detect": (
        lambda: local_decompositions(CONSTANT, POINT, NATURAL, sizes=(0.1, 0.2), rng=0),
        "constant around reference 0",
    ),
    "one logit": (lambda: Classifier(Layers([Dense([[1.0, 1.0]])])), "two outputs or more"),
    "one class": (lambda: train_classifier(np.eye(2), [0, 0]), "of two at least"),
    "hidden width": (lambda: train_classifier(np.eye(2), [0, 1], (0,)), "a width of hidden layers is 0"),
    "activation": (lambda: train_classifier(np.eye(2), [0, 1], activation="step"), "activation='step'"),
    "weight decay": (lambda: train_classifier(np.eye(2), [0, 1], weight_decay=-1), "weight_decay=-1"),
    "test images": (lambda: digits(test=0), "test is 0"),
    "kind": (lambda: NATURAL.draw("shift", POINT, [0], np.random.default_rng(0)), "kind='shift'"),
    "kinds": (lambda: NaturalPerturbations(np.eye(2), [0, 1], kinds=["blur"]), "give a list with some of"),
    "no square": (lambda: NaturalPerturbations(np.eye(2), [0, 1]), "no square image"),
    "no other example": (
        lambda: NaturalPerturbations(np.eye(2), [0, 1], kinds=["class"]).draw(
            "class", np.eye(2)[:1], [0], np.random.default_rng(0)
        ),
        "no other example of the class 0",
    ),
    "no scores": (lambda: roc([], [1.0]), "one at least"),
    "scores with NaN": (lambda: roc([math.nan], [1.0]), "1 of the scores of positives are NaN"),
    "clusters": (lambda: roc([1.0], [1.0], clusters=([0, 1], [0])), "clusters have the shapes"),
    "scores that are words": (lambda: roc(["a"], [1.0]), "positives are no vector of real numbers"),
    "ragged scores": (lambda: roc([1.0], [[1.0], [1.0, 2.0]]), "negatives are no vector of real numbers"),
    "one number as clusters": (lambda: roc([1.0], [1.0], clusters=1), "clusters is no pair"),
    "one vector of clusters": (lambda: roc([1.0], [1.0], clusters=([1],)), "clusters is no pair"),
    "clusters of objects": (lambda: roc([1.0], [1.0], clusters=([None], [{}])), "expected integers"),
    "clusters of fractions": (lambda: roc([1.0], [1.0], clusters=([0.5], [1.0])), "expected integers"),
    "ragged clusters": (lambda: roc([1.0], [1.0], clusters=([[1], [1, 2]], [1])), "no two vectors of integers"),
    "no pair of scores": (lambda: auc_difference([1.0, 2.0, 3.0], ([1.0], [2.0])), "first is no pair"),
    "no second pair": (lambda: auc_difference(([1.0], [2.0]), "ab"), "second is no pair"),
    "permutations": (lambda: permutation_control([1.0], [0.0], permutations=0), "permutations is 0"),
    "permutations as bool": (lambda: permutation_control([1.0], [0.0], permutations=True), "permutations is True"),
    "nothing to permute": (
        lambda: permutation_control([1.0, 2.0], [0.0], clusters=([0, 1], [2])),
        "no cluster has both",
    ),
    "no classifier": (lambda: local_decompositions(None, POINT, radius=1.0), "None is no classifier"),
    "no classifier of baselines": (lambda: baseline_scores(5, POINT, POINT), "5 is no classifier"),
    "natural as a number": (lambda: local_decompositions(LINEAR, POINT, 5, sizes=(0.1, 0.2)), "natural=5"),
    "natural of other images": (
        lambda: local_decompositions(
            LINEAR, POINT, NaturalPerturbations(np.eye(3), [0, 0, 0], kinds=["noise"]), sizes=(0.1, 0.2)
        ),
        "images with 2 entries",
    ),
    "one size": (lambda: local_decompositions(LINEAR, POINT, NATURAL, sizes=0.2), "sizes=0.2"),
    "sizes as words": (lambda: local_decompositions(LINEAR, POINT, NATURAL, sizes=("a", "b")), "a size='a'"),
    "sizes in the wrong order": (lambda: local_decompositions(LINEAR, POINT, NATURAL, sizes=(0.2, 0.1)), "comes first"),
    "sizes of a ball": (lambda: local_decompositions(LINEAR, POINT, radius=1.0, sizes=(0.1, 0.2)), "either natural"),
    "half a perturbation": (
        lambda: local_decompositions(LINEAR, POINT, NATURAL, sizes=(0.1, 0.2), count=30.5),
        "count is 30.5",
    ),
    "count as a word": (
        lambda: local_decompositions(LINEAR, POINT, NATURAL, sizes=(0.1, 0.2), count="a"),
        "count is 'a'",
    ),
    "two radii": (lambda: local_decompositions(LINEAR, POINT, radius=(0.1, 1.0)), "radius=\\(0.1"),
    "radius as a word": (lambda: local_decompositions(LINEAR, POINT, radius="a"), "radius='a'"),
    "reference outside of the box": (
        lambda: local_decompositions(LINEAR, 3 * POINT, NATURAL, sizes=(0.1, 0.2)),
        "outside of box",
    ),
    "threshold as a word": (
        lambda: local_decompositions(LINEAR, POINT, NATURAL, sizes=(0.1, 0.2), rng=0).harmless_radius("a"),
        "threshold='a'",
    ),
    "neither": (lambda: local_decompositions(LINEAR, POINT), "either natural perturbations"),
    "both": (lambda: local_decompositions(LINEAR, POINT, NATURAL, radius=1.0), "either natural perturbations"),
    "no sizes": (lambda: local_decompositions(LINEAR, POINT, NATURAL), "either natural perturbations"),
    "too few": (lambda: local_decompositions(LINEAR, POINT, NATURAL, sizes=(0.1, 0.2), count=0), "count is 0"),
    "threshold": (
        lambda: local_decompositions(LINEAR, POINT, NATURAL, sizes=(0.1, 0.2), rng=0).harmless_radius(0.0),
        "threshold=0",
    ),
    "one input for each reference": (
        lambda: local_decompositions(LINEAR, POINT, NATURAL, sizes=(0.1, 0.2), rng=0).utilisation(np.ones((2, 2))),
        "2 inputs for 1 reference",
    ),
    "boundary": (lambda: certified_radius(LINEAR, [0.5, 0.5]), "on a boundary of classes"),
    "radius": (lambda: certified_radius(LINEAR, [0.7, 0.5], radius=0.0), "radius=0"),
    "many inputs": (
        lambda: certified_radius(Classifier(Layers([Dense(np.eye(64))])), np.arange(64.0), radius=1.0),
        "begins with 2\\^64 pieces",
    ),
    "decomposition": (
        lambda: certified_radius(LINEAR, [0.7, 0.5], decomposition=gsvd(LINEAR.contrasts)),
        "around another point",
    ),
    "budgets": (lambda: detection_experiment(budgets=[0.0]), "expected a positive number"),
    "no budgets": (lambda: detection_experiment(budgets=[]), "one at least"),
    "budgets of words": (lambda: detection_experiment(budgets=["small"]), "expected a positive number"),
    "references": (lambda: detection_experiment(references=["nearest"]), '"known" first'),
    "images": (lambda: detection_experiment(n_images=1), "n_images is 1"),
    "two bounds": (
        lambda: certified_radius(LINEAR, [0.7, 0.5], radius=1.0, decomposition=gsvd(LINEAR.contrasts)),
        "radius and decomposition",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused(name):
    call, message = BAD[name]
    with pytest.raises(InputError, match=message):
        call()
