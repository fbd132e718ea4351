"""The independent checker, on certificates that a naive writer below makes without the engine."""

import copy
import hashlib
import json
import math
import subprocess
import sys
from fractions import Fraction
from itertools import combinations_with_replacement
from pathlib import Path

import flint
import pytest

from algeom import checker

PRIME = 2_097_169


# A naive writer: plain Python, every monomial listed, no thought of speed.


def product_map(n, outputs, constants=()):
    """Tape of products of nodes: each output is a list of nodes to multiply."""
    operations = []
    nodes = []
    for factors in outputs:
        node = factors[0]
        for factor in factors[1:]:
            operations.append(["mul", node, factor])
            node = n + len(constants) + len(operations) - 1
        nodes.append(node)
    return {"inputs": n, "constants": list(constants), "operations": operations, "outputs": nodes}


def evaluate(tape, theta, p):
    nodes = list(theta)
    for text in tape["constants"]:
        value = Fraction(text)
        nodes.append(value.numerator * pow(value.denominator, -1, p) % p)
    for name, *operands in tape["operations"]:
        a, b = nodes[operands[0]], nodes[operands[-1]]
        if name == "div" and b == 0:
            return None
        nodes.append(
            {"add": a + b, "sub": a - b, "mul": a * b, "neg": -a}[name] % p if name != "div" else a * pow(b, -1, p) % p
        )
    return [nodes[k] for k in tape["outputs"]]


def stream(tape, seed, p, count):
    key = int.from_bytes(hashlib.sha256(f"{seed}:{p}".encode()).digest()[:8], "little")
    points, k, n = [], 0, tape["inputs"]
    while len(points) < count:
        theta = []
        for j in range(n):
            z = (key + n * k + j + 1) * 0x9E3779B97F4A7C15 % 2**64
            z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
            z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
            theta.append((z ^ z >> 31) % p)
        value = evaluate(tape, theta, p)
        if value is not None:
            points.append(value)
        k += 1
    return points


def pivots(rows, p):
    """Columns of an echelon form modulo p."""
    echelon, rank = flint.nmod_mat(rows, p).rref()
    return [next(j for j in range(echelon.ncols()) if int(echelon[i, j])) for i in range(rank)]


def certificate(
    tape, weights, generators, top, *, scalings=None, symmetries=(), seed=7, prime=PRIME, points=None, homogenized=False
):
    """`generators`: lists of (index sequence, coefficient), all of them; those of listed blocks are kept."""
    m = len(tape["outputs"])

    def weight(y):
        return tuple(sum(row[i] for i in y) for row in weights)

    degrees, kept = [], []
    for d in range(1, top + 1):
        blocks = {}
        for y in combinations_with_replacement(range(m), d):
            blocks.setdefault(weight(y), []).append(y)
        listed, seen = [], set()
        for multidegree, monomials in sorted(blocks.items()):
            if multidegree in seen:
                continue
            orbit = [monomials[0]]
            seen.add(multidegree)
            for y in orbit:
                for _, sigma in symmetries:
                    image = tuple(sigma[i] for i in y)
                    if weight(image) not in seen:
                        seen.add(weight(image))
                        orbit.append(image)
            at = stream(tape, seed, prime, points or len(monomials) + 8)
            matrix = [[math.prod(y[i] for i in monomial) % prime for monomial in monomials] for y in at]
            columns = pivots(matrix, prime)
            rows = pivots([[row[c] for row in matrix] for c in columns], prime) if columns else []
            new = [f for f in generators if len(f[0][0]) == d and weight(f[0][0]) == multidegree]
            for f in new:
                terms = [[[[i, y.count(i)] for i in sorted(set(y))], str(c)] for y, c in f]
                kept.append({"degree": d, "multidegree": list(multidegree), "terms": terms})
            listed.append(
                {
                    "multidegree": list(multidegree),
                    "size": len(monomials),
                    "nullity": len(monomials) - len(columns),
                    "orbit": len(orbit),
                    "pivot_rows": rows,
                    "pivot_columns": columns,
                }
                | {"new": len(new)}
            )
        degrees.append(
            {
                "degree": d,
                "monomials": math.comb(m + d - 1, d),
                "dimension": sum(b["orbit"] * b["nullity"] for b in listed),
                "generators": sum(b["orbit"] * b.pop("new") for b in listed),
                "blocks": listed,
            }
        )
    return {
        "format": "algeom-certificate",
        "version": 1,
        "map": tape,
        "coordinates": [f"y{i + 1}" for i in range(m)],
        "homogenized": homogenized,
        "grading": {"weights": copy.deepcopy(weights), "scalings": copy.deepcopy(scalings), "free": []},
        "symmetries": [list(map(list, pair)) for pair in symmetries],
        "seed": str(seed),
        "prime": prime,
        "degrees": degrees,
        "generators": [g | {"method": "expansion", "log10_error": None} for g in kept],
    }


def twisted_cubic(top=3):
    weights = [[3, 2, 1, 0], [0, 1, 2, 3]]
    return certificate(
        product_map(2, [[0, 0, 0], [0, 0, 1], [0, 1, 1], [1, 1, 1]]),
        weights,
        [[((0, 2), 1), ((1, 1), -1)], [((0, 3), 1), ((1, 2), -1)], [((1, 3), 1), ((2, 2), -1)]],
        top,
        scalings={"parameters": [[1, 0], [0, 1]], "coordinates": weights},
        symmetries=[([1, 0], [3, 2, 1, 0])],
    )


def segre():
    """Rank one matrices of size 2 x 3; rows and columns may be exchanged."""
    weights = [[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1], [1, 0, 0, 1, 0, 0], [0, 1, 0, 0, 1, 0], [0, 0, 1, 0, 0, 1]]
    minors = [[((a, 3 + b), 1), ((b, 3 + a), -1)] for a, b in [(0, 1), (0, 2), (1, 2)]]
    return certificate(
        product_map(5, [[i, 2 + j] for i in range(2) for j in range(3)]),
        weights,
        minors,
        3,
        scalings={"parameters": [[int(i == j) for j in range(5)] for i in range(5)], "coordinates": weights},
        symmetries=[([1, 0, 2, 3, 4], [3, 4, 5, 0, 1, 2]), ([0, 1, 3, 4, 2], [1, 2, 0, 4, 5, 3])],
    )


def hyperbola(**options):
    """The cone t * (1, a/(a+b), b/(a+b), ab/(a+b)^2) of a rational map; a+b vanishes at some points modulo 101."""
    tape = {
        "inputs": 3,
        "constants": ["1/2", "2"],
        "operations": [
            ["add", 0, 1],  # 5
            ["div", 0, 5],
            ["div", 1, 5],
            ["mul", 6, 7],
            ["mul", 2, 6],  # 9
            ["mul", 2, 7],
            ["mul", 2, 8],
            ["mul", 4, 9],
            ["mul", 3, 12],  # a/(a+b) again, by way of constants
        ],
        "outputs": [2, 13, 10, 11],
    }
    equations = [[((1,), 1), ((2,), 1), ((0,), -1)], [((1, 2), 1), ((0, 3), -1)]]
    scalings = {"parameters": [[0, 0, 1]], "coordinates": [[1, 1, 1, 1]]}
    return certificate(tape, [[1, 1, 1, 1]], equations, 2, scalings=scalings, homogenized=True, **options)


EXAMPLES = {
    "twisted cubic": (twisted_cubic, [0, 3, 10]),
    "segre": (segre, [0, 3, 16]),
    "rational": (hyperbola, [1, 5]),
    "rational, small prime": (lambda: hyperbola(prime=101), [1, 5]),
}


@pytest.fixture(params=EXAMPLES)
def example(request):
    writer, dimensions = EXAMPLES[request.param]
    data = writer()
    assert [level["dimension"] for level in data["degrees"]] == dimensions
    return data


@pytest.mark.parametrize("budget", [checker.EXPANSION_BUDGET, 0])
def test_true_certificates_hold(example, budget):
    report = checker.check(example, expansion_budget=budget)
    assert report.ok, report.failures
    assert bool(report)
    assert report.failures == ()
    assert report.status == ("proved" if budget else "probabilistic")
    assert report.log10_error == -math.inf if budget else report.log10_error < -45
    assert report.checks["degrees settled"] == len(example["degrees"])
    assert report.seconds > 0
    assert report.status in str(report)


def test_without_scalings_the_weights_are_tested():
    data = twisted_cubic()
    data["grading"]["scalings"] = None
    report = checker.check(data)
    assert report.status == "probabilistic"
    assert report.log10_error < -45
    assert report.checks["weights tested"] == 2


def test_scalings_that_span_too_little_are_not_enough():
    data = twisted_cubic()
    data["grading"]["scalings"] = {"parameters": [[1, 1]], "coordinates": [[3, 3, 3, 3]]}
    assert checker.check(data).status == "probabilistic"


def test_the_zero_coordinate_has_every_weight():
    tape = product_map(1, [[0], [1]], ["0"])
    scalings = {"parameters": [[1], [0]], "coordinates": [[1, 0], [0, 1]]}
    data = certificate(tape, [[1, 0], [0, 1]], [[((1,), 1)]], 3, scalings=scalings)
    assert [level["dimension"] for level in data["degrees"]] == [1, 2, 3]
    assert checker.check(data).status == "proved"


def test_independent_coordinates_need_no_pivots():
    data = segre()
    for level in data["degrees"]:
        for block in level["blocks"]:
            if block["size"] == 1:
                block["independent"] = True
                del block["pivot_rows"], block["pivot_columns"]
    report = checker.check(data)
    assert report.status == "proved"
    assert report.checks["blocks of independent coordinates"] > 0


# Tampering


def failures(data, **options):
    report = checker.check(data, **options)
    assert not report
    assert report.status == "failed"
    assert "FAILED" in str(report)
    return " / ".join(report.failures)


def block(data, degree, nullity):
    return next(b for b in data["degrees"][degree - 1]["blocks"] if b["nullity"] == nullity)


@pytest.mark.parametrize("budget", [checker.EXPANSION_BUDGET, 0])
def test_changed_coefficient(example, budget):
    example["generators"][-1]["terms"][0][1] = "2"
    assert "does not vanish" in failures(example, expansion_budget=budget)


@pytest.mark.parametrize("budget", [checker.EXPANSION_BUDGET, 0])
@pytest.mark.parametrize("small", [False, True])
def test_equation_that_vanishes_at_the_stored_points_only(budget, small):
    tape = product_map(2, [[0], [1]])
    scalings = {"parameters": [[1, 1]], "coordinates": [[1, 1]]}
    if small:
        # Every form vanishes on all of F_3^2 that is a multiple of this one; the points are all the points there are.
        data = certificate(
            tape, [[1, 1]], [[((0, 0, 0, 1), 1), ((0, 1, 1, 1), -1)]], 4, scalings=scalings, prime=3, points=100
        )
        assert data["degrees"][3]["dimension"] == 1
    else:
        # Five conditions on the five monomials of degree 4, the last point left out.
        points = stream(tape, 7, PRIME, 4)
        monomials = list(combinations_with_replacement(range(2), 4))
        matrix = flint.nmod_mat([[math.prod(y[i] for i in f) % PRIME for f in monomials] for y in points], PRIME)
        null, nullity = matrix.nullspace()
        assert nullity == 1
        vector = [int(null[i, 0]) for i in range(5)]
        vector = [c * pow(vector[-1], -1, PRIME) % PRIME for c in vector]
        equation = [(f, c) for f, c in zip(monomials, vector, strict=True) if c]
        data = certificate(tape, [[1, 1]], [equation], 4, scalings=scalings)
        top = data["degrees"][3]
        top["dimension"] = top["blocks"][0]["nullity"] = 1
        top["blocks"][0] |= {"pivot_rows": [0, 1, 2, 3], "pivot_columns": [0, 1, 2, 3]}
        assert top["generators"] == 1
    report = checker.check(data, expansion_budget=budget)
    # Only the equation is at fault: everything else is consistent with the stored points.
    assert len(report.failures) == 1
    assert "generator 0 does not vanish" in report.failures[0]


def test_generator_dropped(example):
    del example["generators"][-1]
    assert "span" in failures(example)


def test_generator_dropped_and_counts_adjusted():
    data = twisted_cubic(2)
    gone = data["generators"].pop()
    level = data["degrees"][1]
    changed = next(b for b in level["blocks"] if b["multidegree"] == gone["multidegree"])
    changed["nullity"] -= 1
    level["dimension"] -= changed["orbit"]
    level["generators"] -= changed["orbit"]
    changed["pivot_columns"] = list(range(changed["size"]))
    changed["pivot_rows"] = list(range(changed["size"]))
    assert "do not show rank" in failures(data)


def test_redundant_generator():
    data = twisted_cubic()
    multiple = copy.deepcopy(data["generators"][0])
    multiple["degree"] = 3
    multiple["multidegree"] = [a + b for a, b in zip(multiple["multidegree"], [0, 3], strict=True)]
    for term in multiple["terms"]:
        exponents = dict(map(tuple, term[0]))
        exponents[3] = exponents.get(3, 0) + 1
        term[0] = sorted(map(list, exponents.items()))
    data["generators"].append(multiple)
    data["degrees"][2]["generators"] += 2
    assert "1 generators are listed, but 0 of them are new" in failures(data)


def test_generator_listed_twice():
    data = twisted_cubic()
    data["generators"].append(data["generators"][0])
    assert "2 generators are listed, but 1 of them are new" in failures(data)


def test_dependent_pivot_column():
    data = hyperbola()
    wrong = data["degrees"][0]["blocks"][0]
    assert wrong["pivot_columns"] == [0, 1, 3]
    wrong["pivot_columns"] = [0, 1, 2]  # y2 + y3 = y1
    assert "do not show rank 3" in failures(data)
    wrong["pivot_columns"] = [0, 1, 1]
    assert "do not show rank 3" in failures(data)


def test_dependent_pivot_row():
    data = hyperbola()
    wrong = data["degrees"][1]["blocks"][0]
    wrong["pivot_rows"][1] = wrong["pivot_rows"][0]
    assert "do not show rank 5" in failures(data)


@pytest.mark.parametrize("field", ["monomials", "dimension", "generators"])
@pytest.mark.parametrize("change", [1, -1])
def test_changed_count(example, field, change):
    level = example["degrees"][-1]
    if level[field] + change < 0:
        pytest.skip("the count is zero")
    level[field] += change
    assert f"degree {level['degree']}" in failures(example)


@pytest.mark.parametrize("change", [1, -1])
def test_changed_nullity_or_orbit(change):
    for field in ("nullity", "orbit", "size"):
        data = segre()
        wrong = block(data, 2, 1)
        wrong[field] += change
        kept = wrong["size"] - wrong["nullity"]
        wrong["pivot_rows"], wrong["pivot_columns"] = list(range(kept)), list(range(kept))
        if wrong["size"] == wrong["nullity"]:
            wrong["pivot_rows"], wrong["pivot_columns"] = [], []
        assert failures(data)


def test_block_left_out_or_listed_twice():
    data = segre()
    gone = data["degrees"][1]["blocks"].pop()
    assert "multidegrees" in failures(data)
    data = segre()
    data["degrees"][1]["blocks"].append(gone)
    assert "listed twice" in failures(data)


def test_wrong_independence():
    data = segre()
    wrong = block(data, 2, 1)
    del wrong["pivot_rows"], wrong["pivot_columns"]
    wrong |= {"independent": True}
    assert "no equation" in failures(data)
    wrong["nullity"] = 0
    assert "not shown to be independent" in failures(data)


@pytest.mark.parametrize("scaled", [True, False])
def test_wrong_weight(example, scaled):
    """The engine's data made for a grading that is none, or one entry changed afterwards."""
    example["grading"]["weights"][0][1] += 1
    if not scaled:
        example["grading"]["scalings"] = None
    message = failures(example)
    assert "a weight is none" in message or "total degree is not" in message


def test_grading_that_is_none_with_all_else_consistent():
    """Without the terms of other multidegrees, I would seem to be zero."""
    tape = {"inputs": 2, "constants": [], "operations": [["add", 0, 1]], "outputs": [0, 1, 2]}
    data = certificate(tape, [[1, 0, 0], [0, 1, 0], [0, 0, 1]], [], 2)
    assert [level["dimension"] for level in data["degrees"]] == [0, 0]
    assert "a weight is none" in failures(data)
    data["grading"]["scalings"] = {"parameters": [[1, 0]], "coordinates": [[1, 0, 0]]}
    assert "do not induce the stated weights" in failures(data)


def test_homogenized_means_a_cone():
    data = twisted_cubic()
    data["homogenized"] = True
    assert "not the cone of an affine image" in failures(data)
    data = hyperbola()
    data["map"]["operations"][-1] = ["mul", 3, 5]  # this coordinate no longer scales with t
    assert "not the cone of an affine image" in failures(data)
    data = certificate(product_map(2, [[0], [0, 1]]), [[1, 1]], [], 1, homogenized=True)
    assert checker.check(data)


def test_wrong_scalings():
    data = twisted_cubic()
    data["grading"]["scalings"]["coordinates"] = [[3, 2, 1, 1], [0, 1, 2, 3]]
    assert "do not induce" in failures(data)


def test_total_degree_is_needed():
    tape = product_map(1, [[0], [0, 0]])
    data = certificate(tape, [[1, 2]], [], 1, scalings={"parameters": [[1]], "coordinates": [[1, 2]]})
    assert "total degree" in failures(data)


@pytest.mark.parametrize("budget", [checker.EXPANSION_BUDGET, 0])
def test_wrong_symmetry(budget):
    data = twisted_cubic()
    data["symmetries"][0][0] = [0, 1]
    assert "symmetry 0 is none" in failures(data, expansion_budget=budget)
    data["symmetries"][0] = [[1, 0], [1, 0, 2, 3]]
    assert "does not permute the multidegrees" in failures(data, expansion_budget=budget)


@pytest.mark.parametrize("prime", [PRIME + 4, 561, 2**61 - 3, 9])
def test_composite_prime(prime):
    data = twisted_cubic()
    data["prime"] = prime
    assert failures(data) == f"{prime} is not prime"


def test_altered_tape(example):
    operations = example["map"]["operations"]
    for k, (name, *operands) in enumerate(operations):
        data = copy.deepcopy(example)
        data["map"]["operations"][k] = ["add" if name == "mul" else "mul", *operands, *operands][:3]
        assert not checker.check(data), k
    data = copy.deepcopy(example)
    data["map"]["outputs"][:2] = data["map"]["outputs"][1::-1]
    assert not checker.check(data)


def test_altered_constant():
    data = hyperbola()
    data["map"]["constants"][1] = "3"
    assert "does not vanish" in failures(data)


def test_division_by_zero():
    data = hyperbola()
    data["map"]["operations"][0] = ["sub", 0, 0]
    data["homogenized"] = False
    assert "divides by zero" in failures(data)
    assert "vanishes at nearly all points" in failures(data, expansion_budget=0)
    data["grading"]["scalings"] = None
    assert "vanishes at random points" in failures(data, expansion_budget=0)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ([[[[0, 1], [2, 1]], "2"], [[[1, 2]], "-2"]], "not a primitive"),
        ([[[[0, 1], [2, 1]], "1"], [[[1, 2]], "-1"], [[[3, 2]], "0"]], "not a primitive"),
        ([], "not a primitive"),
        ([[[[0, 1], [2, 1]], "2"], [[[0, 1], [2, 1]], "-1"], [[[1, 2]], "-1"]], "a monomial twice"),
        ([[[[0, 1], [2, 1]], "1"], [[[1, 1], [2, 1]], "-1"]], "not homogeneous"),
        ([[[[0, 1], [2, 1], [3, 1]], "1"], [[[1, 2], [3, 1]], "-1"]], "not homogeneous"),
    ],
)
def test_generators_are_primitive_forms(terms, message):
    data = twisted_cubic()
    data["generators"][-1]["multidegree"] = [4, 2]
    data["generators"][-1]["terms"] = terms
    assert message in failures(data)


def test_generator_of_a_block_that_is_not_listed():
    data = twisted_cubic()
    carried = copy.deepcopy(data["generators"][0])
    for term in carried["terms"]:
        term[0] = sorted([3 - i, e] for i, e in term[0])
    carried["multidegree"].reverse()
    assert carried["multidegree"] != data["generators"][0]["multidegree"]
    data["generators"].append(carried)
    assert "no listed block" in failures(data)


def test_failures_are_listed_up_to_a_number():
    data = segre()
    data["generators"] *= 30
    for generator in data["generators"]:
        generator["terms"] = [[term[0], "1"] for term in generator["terms"]]
    assert len(checker.check(data).failures) == 20


# Malformed data


def paths(data, here=()):
    yield here
    if isinstance(data, dict | list):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from paths(value, (*here, key))


def replaced(data, path, value, delete=False):
    data = copy.deepcopy(data)
    if not path:
        return value
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    if delete:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return data


@pytest.mark.parametrize("junk", [None, "x", "1", -1, 0, 1, 2, 10**30, 1.5, True, [], {}, [[]], "delete"], ids=repr)
@pytest.mark.parametrize("writer", [lambda: twisted_cubic(2), lambda: hyperbola(prime=101)], ids=["cubic", "rational"])
def test_nothing_but_a_report_or_a_malformed_certificate(writer, junk):
    """Every part replaced by junk: no other exception, and what passes still states the truth."""
    data = writer()
    for path in list(paths(data))[1:]:
        broken = replaced(data, path, junk, junk == "delete")
        if broken == data:
            continue
        try:
            report = checker.check(broken)
        except checker.MalformedCertificate:
            continue
        harmless = path[0] in ("coordinates", "homogenized", "seed", "prime") or path[-1] in ("method", "log10_error")
        if path[:2] == ("map", "operations"):
            # A node replaced by another of the same value is harmless.
            harmless = not report or stream(broken["map"], 7, PRIME, 3) == stream(data["map"], 7, PRIME, 3)
        # Fewer claims, other points, other true scalings, a pivot row that serves as well: still a proof.
        fewer = path[:2] == ("grading", "scalings") or path[0] == "symmetries" or path == ("degrees", 1)
        assert not report or harmless or fewer or "pivot_rows" in path or "pivot_columns" in path, (path, junk)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("format",), "other", "format: expected 'algeom-certificate'"),
        (("version",), 2, "version: 2 is not supported"),
        (("map", "operations", 0), ["pow", 0, 1], "unknown operation 'pow'"),
        (("map", "operations", 0), ["mul", 0, 99], "map.operations[0]"),
        (("map", "outputs", 0), 99, "map.outputs"),
        (("map", "constants"), ["1/0"], "map.constants"),
        (("seed",), "12a", "not a decimal number"),
        (("degrees", 0, "degree"), 2, "degrees must be 1, 2, 3"),
        (("symmetries", 0, 1), [0, 0, 1, 2], "not a permutation"),
        (("generators", 0, "terms", 0, 0), [[9, 1]], "no such variable"),
        (("generators", 0, "terms", 0, 0), [[0, 10**9]], "exponents"),
        (("degrees", 0, "blocks", 0, "pivot_rows"), [10**12], "pivot_rows"),
    ],
)
def test_messages_name_the_field(path, value, message):
    with pytest.raises(checker.MalformedCertificate) as caught:
        checker.check(replaced(twisted_cubic(), path, value))
    assert message in str(caught.value)


def test_numbers_of_any_length():
    """Coefficients beyond the 4300 digits that Python's int(str) takes."""
    big = 10**5000 + 1
    text = flint.fmpz(big).str()
    tape = product_map(1, [[0], [1, 0]], [text])
    scalings = {"parameters": [[1]], "coordinates": [[1, 1]]}
    data = {
        "format": "algeom-certificate",
        "version": 1,
        "map": tape,
        "coordinates": ["y1", "y2"],
        "homogenized": False,
        "grading": {"weights": [[1, 1]], "scalings": scalings, "free": []},
        "symmetries": [],
        "seed": "1",
        "prime": PRIME,
        "degrees": [
            {
                "degree": 1,
                "monomials": 2,
                "dimension": 1,
                "generators": 1,
                "blocks": [
                    {
                        "multidegree": [1],
                        "size": 2,
                        "nullity": 1,
                        "orbit": 1,
                        "pivot_rows": [0],
                        "pivot_columns": [0],
                    }
                ],
            }
        ],
        "generators": [
            {
                "degree": 1,
                "multidegree": [1],
                "terms": [[[[0, 1]], text], [[[1, 1]], "-1"]],
                "method": "expansion",
                "log10_error": None,
            }
        ],
    }
    assert checker.check(data).status == "proved"
    assert checker.check(data, expansion_budget=0).status == "probabilistic"


# As a program


def test_files(tmp_path, capsys):
    good = tmp_path / "good.json"
    good.write_text(json.dumps(twisted_cubic()))
    assert checker.check(good)
    assert checker.check(str(good))
    assert checker.main([str(good)]) == 0
    assert "certificate holds: proved" in capsys.readouterr().out
    data = twisted_cubic()
    data["degrees"][2]["dimension"] += 1
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps(data))
    assert checker.main([str(bad)]) == 1
    assert "FAILED" in capsys.readouterr().out
    for content in ("{", "[" * 10_000, "1" * 5000, "\xff", "null"):
        (tmp_path / "junk.json").write_bytes(content.encode("latin-1"))
        with pytest.raises(checker.MalformedCertificate):
            checker.check(tmp_path / "junk.json")
        assert checker.main([str(tmp_path / "junk.json")]) == 1
    assert checker.main([str(tmp_path / "missing.json")]) == 1
    assert checker.main([]) == 1
    capsys.readouterr()
    with pytest.raises(FileNotFoundError):
        checker.check(tmp_path / "missing.json")


RUNNER = """
import runpy, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("algeom", "numpy", "numba", "scipy", "sympy", "mpmath"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocker())
sys.path.append(sys.argv[1])
folder = sys.argv[2]
sys.argv = ["checker", sys.argv[3]]
runpy.run_path(folder, run_name="__main__")
"""


def test_as_a_program_that_knows_nothing_of_algeom(tmp_path):
    """Only python-flint on the path: no site-packages, no environment variables, and a blocker on top."""
    libraries = tmp_path / "libraries"
    libraries.mkdir()
    package = Path(flint.__file__).parent
    for name in ("flint", "python_flint.libs"):
        if (package.parent / name).exists():
            (libraries / name).symlink_to(package.parent / name)
    folder = str(Path(checker.__file__).parent)
    data = segre()
    for change, code, text in ((0, 0, "certificate holds: proved"), (1, 1, "FAILED")):
        data["degrees"][1]["dimension"] += change
        file = tmp_path / "certificate.json"
        file.write_text(json.dumps(data))
        command = [sys.executable, "-I", "-S", "-c", RUNNER, str(libraries), folder, str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        assert text in done.stdout
        assert done.stderr == ""
    done = subprocess.run([sys.executable, folder, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "FAILED" in done.stdout


def test_the_source_imports_nothing_else():
    allowed = {"flint", *sys.stdlib_module_names}
    for file in Path(checker.__file__).parent.glob("*.py"):
        for line in file.read_text().splitlines():
            words = line.split()
            if words[:1] in (["import"], ["from"]) and not words[1].startswith("."):
                assert words[1].split(".")[0] in allowed, (file.name, line)
