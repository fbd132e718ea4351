"""Adversarial perturbations of digits: the gain utilisation as a detector, against plain scores.

    python benchmarks/gsvd_detection.py [--images 200] [--seeds 3] [--quick] [--all-tables]

For each seed a network 64-32-10 is trained on another split of scikit-learn's digits, test images are attacked, and the
same images are disturbed naturally. Printed are the conclusions of each seed; areas under ROC curves, means over the
seeds, a line for an attack and a budget, a column for a score; and what each attack did. `--quick` takes one seed, 60
images and known references only.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np

from algeom.gsvd import DetectionReport, detection_experiment
from algeom.runtime.blas import one_blas_thread

COLUMNS = ("accuracy", "natural_accuracy", "flagged", "evaded", "guaranteed")


def mean_report(reports: list[DetectionReport]) -> DetectionReport:
    """The first report with areas and outcomes replaced by means over all."""
    rows = tuple(
        replace(same[0], curve=replace(same[0].curve, auc=float(np.mean([row.auc for row in same]))))
        for same in zip(*(report.rows for report in reports), strict=True)
    )
    outcomes = tuple(
        replace(same[0], **{name: float(np.mean([getattr(o, name) for o in same])) for name in COLUMNS})
        for same in zip(*(report.outcomes for report in reports), strict=True)
    )
    return replace(reports[0], rows=rows, outcomes=outcomes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--all-tables", action="store_true", help="tables for each kind of natural perturbation, too")
    options = parser.parse_args()
    quick = options.quick
    seeds, images = (1, min(60, options.images)) if quick else (options.seeds, options.images)
    reports = []
    with one_blas_thread():
        for seed in range(seeds):
            start = time.process_time()
            report = detection_experiment(
                n_images=images, references=("known",) if quick else ("known", "nearest", "principal"), ball=not quick,
                rng=seed,
            )  # fmt: skip
            reports.append(report)
            print(
                f"seed {seed}: {report.n_images} images, training accuracy {report.train_accuracy:.4f}, test accuracy "
                f"{report.test_accuracy:.4f}, {time.process_time() - start:.0f} CPU seconds",
                flush=True,
            )
            print("\n".join(f"- {line}" for line in report.conclusions), flush=True)
    mean = mean_report(reports)
    kinds = dict.fromkeys(row.against for row in mean.rows)
    for reference in mean.references:
        for against in kinds if options.all_tables else ("matched", "unmatched"):
            print(f"\nAUC, reference {reference}, natural perturbations {against}")
            print(mean.table(reference=reference, against=against))
    print("\nShares of the images, known references")
    print(mean.outcome_table())


if __name__ == "__main__":
    main()
