"""The experiment with detectors of adversarial perturbations: rows, controls, conclusions, interruptions, figures."""

import math
from dataclasses import replace

import numpy as np
import pytest

from algeom import plot
from algeom.errors import InputError
from algeom.evidence import Status
from algeom.gsvd import Dense, Layers
from algeom.gsvd.detection.attacks import evading_pgd
from algeom.gsvd.detection.experiment import detection_experiment
from algeom.gsvd.detection.natural_perturbations import KINDS, NaturalPerturbations
from algeom.gsvd.detection.roc_curves import permutation_control
from algeom.gsvd.detection.scores import BASELINES
from algeom.gsvd.networks.classifier import digits, train_classifier


@pytest.fixture(scope="module")
def images():
    pytest.importorskip("sklearn")
    return digits(rng=0)


@pytest.fixture(scope="module")
def classifier(images):
    return train_classifier(images.train, images.train_labels, (24,), iterations=120, rng=0).classifier


@pytest.fixture(scope="module")
def report(images, classifier):
    return detection_experiment(
        data=images, classifier=classifier, n_images=24, budgets=(0.3, 1.0), count=60, steps=25, permutations=100, rng=0
    )


def test_the_report_has_all_rows_and_areas_are_those_of_its_curves(report):
    attacks, references, against = 5 * 2, 2, 5
    assert len(report.rows) == attacks * references * against * (1 + len(BASELINES))
    assert report.scores == ("utilisation", *BASELINES)
    assert report.references == ("known", "nearest")
    assert report.n_images == 24
    for row in report.rows[::17]:
        curve = row.curve
        assert row.auc == pytest.approx(np.trapezoid(curve.true_positives, curve.false_positives))
        assert row.auc == pytest.approx(row.control.auc)
        assert curve.n_negatives == (24 if row.against in KINDS else 72)
        if row.score != "utilisation":
            own = report.select(
                attack=row.attack, norm=row.norm, budget=row.budget, reference=row.reference, against=row.against,
                score="utilisation",
            )[0]  # fmt: skip
            difference, low, high = row.advantage
            assert difference == pytest.approx(own.auc - row.auc)
            assert low <= difference <= high


def test_permuted_labels_say_nothing(report):
    controls = [row.control for row in report.rows]
    assert all(control.passed for control in controls)
    # Means of 100 areas, over all rows, have errors far below this.
    assert np.mean([control.mean for control in controls]) == pytest.approx(0.5, abs=0.01)
    # Labels are permuted within images, of which each has the same number of perturbations.
    assert all(control.expected_mean == pytest.approx(0.5) for control in controls)
    strong = report.select(attack="PGD", norm="l2", score="utilisation", reference="known", against="matched")
    assert all(row.control.p_value == pytest.approx(1 / 101) for row in strong)


def test_no_score_tells_held_out_natural_perturbations_from_others(report):
    curves = {row: row.held_out for row in report.rows if row.held_out is not None}
    assert {row.against for row in curves} == {"matched"}
    assert len(curves) == 5 * 2 * 2 * (1 + len(BASELINES))
    for score in report.scores:
        own = [curve for row, curve in curves.items() if row.score == score]
        # Areas of 24 images have standard deviations of 0.07 at most, if they are random; there are ten independent
        # attacks and budgets, nearly.
        assert np.mean([curve.auc for curve in own]) == pytest.approx(0.5, abs=4 * 0.07 / math.sqrt(10))
    covered = sum(curve.low - 1e-12 <= 0.5 <= curve.high + 1e-12 for curve in curves.values())
    assert covered > 0.85 * len(curves)
    line = next(line for line in report.conclusions if line.startswith("Held-out"))
    assert f"0.5 is in {covered} of {len(curves)}" in line


def test_the_control_of_the_procedure_notices_perturbations_that_are_not_like_the_others(images, classifier,
                                                                                        monkeypatch):  # fmt: skip
    drawn = NaturalPerturbations.of_sizes

    def of_sizes(self, kind, x0, labels, sizes, rng):
        # Of the six draws for all images that go with an attack the last three are the ones held out.
        larger = 1.5 if len(x0) == 24 and next(calls) % 6 >= 3 else 1.0
        return drawn(self, kind, x0, labels, larger * sizes, rng)

    calls = iter(range(10**6))
    monkeypatch.setattr(NaturalPerturbations, "of_sizes", of_sizes)
    wrong = detection_experiment(
        data=images, classifier=classifier, n_images=24, budgets=(0.3,), references=["known"], count=30, steps=2,
        permutations=2, rng=0,
    )  # fmt: skip
    assert all(row.held_out.auc == 1 for row in wrong.select(score="norm", against="matched"))
    assert all(row.control.passed for row in wrong.rows)


def test_norms_tell_nothing_against_natural_perturbations_of_the_same_norm(report):
    for row in report.select(score="norm", reference="known", against="matched"):
        assert row.auc == pytest.approx(0.5, abs=0.02)  # the box leaves some a little short
    small = report.select(score="norm", reference="known", against="unmatched", budget=0.3)
    assert all(row.auc < 0.5 for row in small)


def test_what_evades_is_no_more_than_what_is_not_excluded(report):
    for outcome in report.outcomes:
        assert outcome.evaded <= 1 - outcome.guaranteed + 1e-12
        assert outcome.evaded <= 1 - outcome.flagged + 1e-12
        assert outcome.evaded <= 1 - outcome.accuracy + 1e-12
    plain, evading = ([o for o in report.outcomes if (o.attack, o.norm) == (name, "l2")] for name in
                      ("PGD", "evading PGD"))  # fmt: skip
    assert all(a.evaded <= b.evaded for a, b in zip(plain, evading, strict=True))


def test_the_utilisation_sees_plain_attacks_and_conclusions_follow_from_the_rows(report):
    assert report.mean_auc("utilisation") > 0.95
    assert report.mean_auc("utilisation", evading=True) < report.mean_auc("utilisation")
    first = report.conclusions[0]
    assert f"mean AUC {report.mean_auc('utilisation'):.3f}" in first
    best = max((name for name in BASELINES), key=lambda name: report.mean_auc(name))
    assert f"{best} ({report.mean_auc(best):.3f})" in first
    assert all(line in str(report) for line in report.conclusions)
    assert report.table().count("\n") == 10
    assert report.outcome_table().count("\n") == 10
    assert "10 attacks of 24 images" in repr(report)
    assert report.evidence.status is Status.NUMERICAL


def test_conclusions_are_computed_and_turn_around_when_scores_do(report):
    turned = {"utilisation": "gain", "gain": "utilisation"}
    rows = [
        replace(
            row, score=turned.get(row.score, row.score), advantage=None if row.score == "gain" else (0.1, 0.05, 0.2)
        )
        for row in report.rows
        if row.reference == "known" and row.score in ("utilisation", "gain", "norm")
    ]
    other = replace(report, rows=tuple(rows))
    assert other.mean_auc("utilisation") == report.mean_auc("gain")
    assert not any(line.startswith("Reference nearest") for line in other.conclusions)
    assert "above all baselines in 8, and below one in 0" in other.conclusions[0]
    rows = [replace(row, advantage=(-0.1, -0.2, -0.05)) if row.score == "gain" else row for row in report.rows]
    assert "in 0, and below one in 8" in replace(report, rows=tuple(rows)).conclusions[0]


def test_verdicts_need_intervals(report):
    """Two scores, with areas and intervals of differences as given."""

    def verdict(own, other, interval):
        rows = []
        for row in report.select(reference="known", against="matched"):
            if row.score in ("utilisation", "gain"):
                area, advantage = (own, None) if row.score == "utilisation" else (other, (own - other, *interval))
                rows.append(replace(row, curve=replace(row.curve, auc=area), advantage=advantage))
        return replace(report, rows=tuple(rows)).conclusions[0]

    assert "beats the best baseline, gain" in verdict(0.9, 0.8, (0.05, 0.15))
    assert "is weaker than the best baseline, gain" in verdict(0.8, 0.9, (-0.15, -0.05))
    assert "is above, but not told apart from, the best baseline" in verdict(0.9, 0.8, (-0.01, 0.21))
    assert "is below, but not told apart from, the best baseline" in verdict(0.8, 0.9, (-0.21, 0.01))
    assert "is within 0.005 of the best baseline" in verdict(0.9, 0.899, (0.0005, 0.0015))


def test_rows_are_selected_by_names_and_numbers(report):
    assert len(report.select(budget=np.float64(0.3))) == len(report.rows) // 2
    for values, message in (
        ({"budget": np.array([0.3, 1.0])}, "expected a number"), ({"budget": True}, "expected a number"),
        ({"budget": "0.3"}, "expected a number"), ({"attack": ["PGD"]}, "expected a name"),
        ({"curve": None}, "not selected by 'curve'"), ({"auc": 0.5}, "not selected by 'auc'"),
        ({"attack": "DeepFool"}, "no rows"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            report.select(**values)
    with pytest.raises(InputError, match="no such attacks"):
        report.mean_auc("utilisation", attack="PGD", evading=True)
    with pytest.raises(InputError, match="no rows"):
        report.mean_auc("entropy")


@pytest.fixture(scope="module")
def small_experiment(images, classifier):
    def run(**options):
        return detection_experiment(
            **{"data": images, "classifier": classifier, "n_images": 6, "budgets": [0.5], "count": 30, "steps": 4,
               "references": ["known", "principal"], "fit_kinds": ["noise"], "permutations": 10, "rng": 3, **options}
        )  # fmt: skip

    return run


@pytest.fixture(scope="module")
def whole(small_experiment):
    return small_experiment()


def stop_at(stage, count):
    def stop(event):
        if event.stage.startswith(stage) and event.done == count:
            raise KeyboardInterrupt

    return stop


def test_the_experiment_repeats(small_experiment, whole):
    again = small_experiment()
    assert [row.auc for row in whole.rows] == [row.auc for row in again.rows]
    assert whole.table(reference="principal") == again.table(reference="principal")
    assert not whole.interrupted


@pytest.mark.parametrize(
    ("stage", "count", "outcomes", "settings"),
    [
        ("training", 2, 0, 0), ("references", 0, 0, 0), ("references", 3, 0, 0), ("attacks", 2, 2, 0),
        ("areas, reference known", 0, 5, 0), ("areas, reference known", 2, 5, 2),
        ("areas, reference principal", 0, 5, 5), ("areas, reference principal", 3, 5, 8),
    ],
)  # fmt: skip
def test_an_interrupted_experiment_keeps_what_it_has(small_experiment, whole, stage, count, outcomes, settings):
    options = {"classifier": None, "hidden": (8,)} if stage == "training" else {}
    partial = small_experiment(progress=stop_at(stage, count), **options)
    assert partial.interrupted
    assert "interrupted" in repr(partial)
    assert "interrupted" in str(partial)
    assert len(partial.outcomes) == outcomes
    assert [vars(outcome) for outcome in partial.outcomes] == [vars(outcome) for outcome in whole.outcomes[:outcomes]]
    # A setting has five kinds of natural perturbations.
    assert len(partial.rows) == settings * 5 * (1 + len(BASELINES))
    assert [row.auc for row in partial.rows] == [row.auc for row in whole.rows[: len(partial.rows)]]
    assert bool(partial.conclusions) == bool(settings)
    if not settings:
        with pytest.raises(InputError, match="no rows"):
            partial.plot()


def test_interrupted_parts_end_the_experiment(small_experiment, monkeypatch):
    from algeom.gsvd.detection import experiment

    calls = iter(range(10**6))

    def control(*args, **options):
        return replace(permutation_control(*args, **options), interrupted=next(calls) == 3)

    monkeypatch.setattr(experiment, "permutation_control", control)
    partial = small_experiment()
    assert partial.interrupted
    assert (len(partial.outcomes), len(partial.rows)) == (5, 0)

    monkeypatch.setattr(experiment, "evading_pgd", lambda *a, **b: replace(evading_pgd(*a, **b), interrupted=True))
    partial = small_experiment()
    assert partial.interrupted
    assert (len(partial.outcomes), len(partial.rows)) == (4, 0)


def test_the_experiment_tells_its_progress(small_experiment):
    events = []
    small_experiment(classifier=None, hidden=(24,), count=60, progress=events.append)
    stages = list(dict.fromkeys(event.stage for event in events if event.kind == "start"))
    assert stages == ["training", "references", "attacks", "areas, reference known", "areas, reference principal"]
    assert {event.info.get("attack") for event in events if event.stage == "attacks"} >= {"FGSM", "PGD", "evading PGD"}


def test_what_fits_not_is_refused_before_anything_is_trained(images, classifier, monkeypatch):
    from algeom.gsvd.detection import experiment

    def train(*args, **options):
        raise AssertionError("training began")

    monkeypatch.setattr(experiment, "train_classifier", train)
    cases = (
        ({"permutations": 0}, "permutations is 0"), ({"permutations": True}, "permutations is True"),
        ({"permutations": 2.5}, "permutations is 2.5"), ({"steps": 0}, "steps is 0"), ({"steps": 2.5}, "steps is 2.5"),
        ({"n_images": "a"}, "n_images is 'a'"), ({"n_images": 2.5}, "n_images is 2.5"), ({"count": 8}, "count is 8"),
        ({"count": "a"}, "count is 'a'"), ({"fit_kinds": 5}, "fit_kinds=5"), ({"fit_kinds": "noise"}, "fit_kinds="),
        ({"fit_kinds": ["blur"]}, "fit_kinds="), ({"references": 5}, "references=5"),
        ({"references": ["known", "known"]}, "each once"), ({"references": [[1]]}, "references="),
        ({"budgets": [0.5, 0.5]}, "give each once"), ({"budgets": [True]}, "expected a positive number"),
        ({"budgets": "12"}, "expected a sequence"), ({"budgets": 0.5}, "expected a sequence"),
        ({"ball": 0.5}, "ball=0.5"), ({"data": 5}, "data=5"), ({"classifier": 5}, "5 is no classifier"),
    )  # fmt: skip
    for options, message in cases:
        with pytest.raises(InputError, match=message):
            detection_experiment(**{"data": images, **options})
    with pytest.raises(InputError, match="shape"):
        detection_experiment(data=images, classifier=Layers([Dense(np.eye(2))]))


def test_figures_of_the_report(report):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    areas = report.plot()
    labels = [text.get_text() for text in areas.get_legend().get_texts()]
    assert labels == ["utilisation", *BASELINES, "utilisation, attack that knows it"]
    curves = plot.gsvd_detection(report, "roc", attack="FGSM", budget=0.3)
    label = curves.get_legend().get_texts()[0].get_text()
    assert label.startswith(f"utilisation: AUC {report.select(attack='FGSM', norm='l2', budget=0.3)[0].auc:.3f}")
    pyplot.close("all")
    nearest = report.plot("roc", reference="nearest", budget=0.3).get_legend().get_texts()[0].get_text()
    own = report.select(reference="nearest", attack="PGD", norm="l2", budget=0.3, against="matched")[0]
    assert nearest.startswith(f"utilisation: AUC {own.auc:.3f}")
    assert report.plot("budget", reference="nearest").get_ylabel() == "area under the ROC curve"
    with pytest.raises(InputError, match="no rows"):
        report.plot("budget", reference="principal")
    with pytest.raises(InputError, match="no figure"):
        report.plot("norms")
    with pytest.raises(InputError, match="no rows"):
        plot.gsvd_detection(report, "roc", budget=7.0)
    with pytest.raises(InputError, match="expected a result"):
        plot.gsvd_detection(7)
    pyplot.close("all")


@pytest.mark.slow
def test_the_full_experiment():
    report = detection_experiment(ball=True, references=("known", "nearest", "principal"), n_images=100, rng=0)
    assert report.test_accuracy > 0.96
    assert all(row.control.passed for row in report.rows)
    assert report.mean_auc("utilisation") > 0.97
    assert report.mean_auc("utilisation, ball") > 0.97
    # With the reference it is no better than the plain gain, and an attack that knows it evades it.
    assert report.mean_auc("gain") > 0.97
    largest = max(outcome.budget for outcome in report.outcomes)
    assert report.mean_auc("utilisation", evading=True, budget=largest) < 0.6
    # With estimated references a margin is better.
    for reference in ("nearest", "principal"):
        assert report.mean_auc("utilisation", reference=reference) < report.mean_auc(
            "reference margin", reference=reference
        )
    for outcome in report.outcomes:
        assert outcome.evaded <= 1 - outcome.guaranteed + 1e-12
