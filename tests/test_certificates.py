"""Certificates that the engine writes: they hold, they survive a file, and tampering with them does not."""

import copy
import json
import pickle
from fractions import Fraction

import numpy as np
import pytest

import algeom as ag
from algeom import checker
from algeom.errors import CertificateError
from algeom.implicitization.certificates import Certificate
from algeom.networks import relu_pattern_map
from algeom.varieties import grassmannian, segre


def independence():
    return ag.polynomial_map(["a*b", "a*(1-b)", "(1-a)*b", "(1-a)*(1-b)"])


#: Name to a map and a degree.
MAPS = {
    "twisted cubic": (lambda: ag.polynomial_map(["s^3", "s^2*t", "s*t^2", "t^3"]), 4),
    "affine": (independence, 3),
    "rational": (lambda: ag.polynomial_map(["a/(a+b)", "b/(a+b)", "a*b/(a^2-b^2)"]), 3),
    "constants": (lambda: ag.polynomial_map([Fraction(2, 3), 5, Fraction(-1, 7)], parameters=["t"]), 2),
    "zero coordinate": (lambda: ag.polynomial_map(["a", "0", "b", "a*b"]), 2),
    "repeated coordinate": (lambda: ag.polynomial_map(["a*b", "a*b", "a^2", "b^2"]), 3),
    "dominant": (lambda: ag.polynomial_map(["a", "b", "a+b*c"]), 3),
    "origin": (lambda: ag.polynomial_map(["0", "0"], parameters=["t"]), 2),
    "one coordinate": (lambda: ag.polynomial_map(["a*b"]), 3),
    "hidden torus": (lambda: ag.polynomial_map(["(a+b)*(a-b)", "(a+b)^2", "(a-b)^2", "c*(a+b)"]), 3),
    "segre": (lambda: segre(2, 3), 3),
    "grassmannian": (lambda: grassmannian(2, 5), 3),
    "relu": (lambda: relu_pattern_map([3, 3, 3], ["101", "011"]), 3),
    "big constants": (lambda: ag.polynomial_map([f"{10**100 + 267}*a", "b", f"a + {10**99}*b", "a*b*0 + a - b"]), 2),
}


@pytest.mark.parametrize("name", MAPS)
def test_what_the_engine_writes_holds(name, tmp_path):
    writer, degree = MAPS[name]
    ideal = ag.implicitize(writer(), max_degree=degree, rng=5)
    found = ideal.certificate.verify()
    assert found.ok, found.failures
    assert bool(found)
    assert found.failures == ()
    # The checker tries what the engine did, so that its verdict is not weaker.
    assert found.status in (ag.Status.PROVED, ideal.status)
    assert str(found).startswith("certificate holds")
    tested = ideal.certificate.verify(expansion_budget=0)
    assert tested.ok, tested.failures
    assert tested.log10_error < -40
    file = tmp_path / "certificate.json"
    ideal.certificate.save(file)
    again = Certificate.load(file)
    assert again.to_dict() == ideal.certificate.to_dict()
    assert repr(again) == repr(ideal.certificate)
    assert again.verify().status is found.status


def test_totals_are_those_of_the_ideal():
    ideal = ag.implicitize(segre(2, 3), max_degree=3, rng=5)
    data = ideal.certificate.to_dict()
    assert {level["degree"]: level["dimension"] for level in data["degrees"]} == ideal.ideal_dimensions
    assert {level["degree"]: level["generators"] for level in data["degrees"]} == ideal.minimal_generator_counts
    assert data["symmetries"]
    assert len(data["generators"]) < len(ideal.generators)
    assert data["seed"] == "5"


def test_no_symmetries():
    ideal = ag.implicitize(segre(1, 2), max_degree=2, rng=5, symmetry=False)
    data = ideal.certificate.to_dict()
    assert data["symmetries"] == []
    assert len(data["generators"]) == len(ideal.generators) == 3
    assert ideal.certificate.verify()


def test_hidden_weights_are_probabilistic():
    ideal = ag.implicitize(MAPS["hidden torus"][0](), max_degree=2, rng=5)
    found = ideal.certificate.verify()
    assert found.status is ag.Status.PROBABILISTIC
    assert found.checks["weights tested"] == len(ideal.grading.weights)
    assert found.log10_error < -40


def test_equations_that_were_tested_only():
    ideal = ag.implicitize(segre(2, 2), max_degree=2, rng=5, expansion_budget=0)
    assert ideal.status is ag.Status.PROBABILISTIC
    (generator,) = ideal.certificate.to_dict()["generators"]
    assert generator["method"] == "modular"
    assert generator["log10_error"] < -40
    # The checker decides for itself.
    assert ideal.certificate.verify().checks["generators proved"] == 1


def test_same_seed_same_file():
    one, two = (ag.implicitize(independence(), max_degree=2, rng=3).certificate for _ in range(2))
    assert one.to_dict() == two.to_dict()


def test_certificates_pickle():
    certificate = ag.implicitize(independence(), max_degree=2, rng=3).certificate
    again = pickle.loads(pickle.dumps(certificate))
    assert again.to_dict() == certificate.to_dict()
    assert again.verify()


def test_plain_json_only():
    data = ag.implicitize(segre(2, 3), max_degree=2, rng=5).certificate.to_dict()
    assert json.loads(json.dumps(data)) == data

    def types(value):
        yield type(value)
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from types(inner)

    assert set(types(data)) <= {dict, list, str, int, bool, type(None)}


@pytest.fixture(scope="module")
def data():
    """Two blocks of neurons; symmetries, several degrees, generators with many terms."""
    ideal = ag.implicitize(relu_pattern_map([3, 3, 3], ["101", "011"]), max_degree=3, rng=5)
    return ideal.certificate.to_dict()


def refuted(data):
    found = Certificate(data).verify()
    assert not found
    assert found.status is None
    assert str(found).startswith("certificate FAILED")
    return " / ".join(found.failures)


def test_tampering_with_a_coefficient(data):
    changed = copy.deepcopy(data)
    changed["generators"][0]["terms"][0][1] = "3"
    assert "generator 0 does not vanish" in refuted(changed)


def test_tampering_with_pivots(data):
    changed = copy.deepcopy(data)
    block = max(changed["degrees"][-1]["blocks"], key=lambda b: b["size"])
    block["pivot_rows"][-1] = block["pivot_rows"][0]
    assert "do not show rank" in refuted(changed)
    changed = copy.deepcopy(data)
    block = max(changed["degrees"][-1]["blocks"], key=lambda b: b["size"])
    block["pivot_columns"][-1] = block["pivot_columns"][0]
    assert "do not show rank" in refuted(changed)


@pytest.mark.parametrize("field", ["monomials", "dimension", "generators"])
def test_tampering_with_a_count(data, field):
    changed = copy.deepcopy(data)
    changed["degrees"][-1][field] += 1
    assert "degree 3" in refuted(changed)


def test_tampering_with_the_generators(data):
    changed = copy.deepcopy(data)
    changed["generators"].pop()
    assert "span" in refuted(changed)


def test_tampering_with_weights_and_symmetries(data):
    changed = copy.deepcopy(data)
    changed["grading"]["weights"][0][0] += 1
    assert refuted(changed)
    changed = copy.deepcopy(data)
    tau = changed["symmetries"][0][0]
    tau[0], tau[-1] = tau[-1], tau[0]
    assert "symmetry 0 is none" in refuted(changed)


def test_tampering_with_the_map(data):
    changed = copy.deepcopy(data)
    changed["map"]["operations"][0][1] = (changed["map"]["operations"][0][1] + 1) % changed["map"]["inputs"]
    assert refuted(changed)


def test_planted_equation_that_vanishes_at_the_stored_points(data):
    """In a block without equations the pivots are cut to all points but one, and the form through those is planted."""
    ideal = ag.implicitize(ag.polynomial_map(["a", "b", "c"]), max_degree=2, rng=5)
    planted = ideal.certificate.to_dict()
    planted["grading"]["weights"] = [[1, 1, 1]]
    from algeom.algebra.elimination import eliminate
    from algeom.implicitization.sampling import samples

    prime = planted["prime"]
    values = samples(ideal.map.tape, 5, prime).values(6)[:, :6]
    for degree, monomials in ((1, [(0,), (1,), (2,)]), (2, [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)])):
        size = len(monomials)
        product = np.array([values[list(y)].astype(np.int64).astype(object).prod(axis=0) for y in monomials]).T
        half = prime // 2
        matrix = ((product + half) % prime - half).astype(float)
        count = size - 1 if degree == 2 else size
        solved = eliminate(np.ascontiguousarray(matrix[:count]), prime)
        planted["degrees"][degree - 1] |= {
            "dimension": size - count,
            "generators": size - count,
            "blocks": [
                {
                    "multidegree": [degree],
                    "size": size,
                    "nullity": size - count,
                    "orbit": 1,
                    "pivot_rows": solved.pivot_rows.tolist(),
                    "pivot_columns": solved.pivot_columns.tolist(),
                }
            ],
        }
    vector = np.zeros(size, np.int64)
    vector[solved.pivot_columns] = solved.null_space[0]
    vector[solved.free_columns[0]] = 1
    terms = [
        [[[i, y.count(i)] for i in sorted(set(y))], str(c)] for y, c in zip(monomials, vector.tolist(), strict=True)
    ]
    planted["generators"] = [
        {"degree": 2, "multidegree": [2], "terms": terms, "method": "expansion", "log10_error": None}
    ]
    found = Certificate(planted).verify()
    assert found.failures == ("generator 0 does not vanish on the image",)
    found = Certificate(planted).verify(expansion_budget=0)
    assert found.failures == ("generator 0 does not vanish at a random point of the image",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not a JSON file"),
        ("[]", "expected an object"),
        ('{"format": "algeom-certificate"}', "'version' is missing"),
        ('{"format": "algeom-certificate", "version": 1, "map": {"inputs": "2"}}', "map.inputs"),
    ],
)
def test_malformed_files(tmp_path, content, message):
    file = tmp_path / "certificate.json"
    file.write_text(content)
    with pytest.raises(CertificateError, match=message) as caught:
        Certificate.load(file)
    assert "certificate.json" in str(caught.value)


def test_malformed_data_and_missing_files(tmp_path, data):
    with pytest.raises(CertificateError, match="not a certificate"):
        Certificate({"format": "other"}).verify()
    with pytest.raises(FileNotFoundError):
        Certificate.load(tmp_path / "missing.json")


def test_the_data_is_a_copy(data):
    certificate = Certificate(copy.deepcopy(data))
    certificate.to_dict()["generators"].clear()
    assert certificate.verify()


@pytest.mark.slow
def test_relu_with_three_blocks_is_verified_in_seconds():
    ideal = ag.implicitize(relu_pattern_map([4, 4, 4], ["1100", "1010", "1001"]), max_degree=4, rng=1)
    found = ideal.certificate.verify()
    assert found.status is ag.Status.PROVED
    assert found.checks["multidegrees covered"] == 16 + 100 + 400 + 1225
    assert [level["dimension"] for level in ideal.certificate.to_dict()["degrees"]] == [0, 0, 96, 4584]
    assert found.seconds < 30


@pytest.mark.slow
def test_two_thousand_quintics_are_proved():
    ideal = ag.implicitize(relu_pattern_map([4, 4, 4], ["1100", "1010", "1001"]), max_degree=5, rng=1)
    found = ideal.certificate.verify()
    assert found.status is ag.Status.PROVED
    top = ideal.certificate.to_dict()["degrees"][-1]
    assert (top["dimension"], top["generators"]) == (112_496, 2000)


def test_a_coordinate_with_a_parameter_of_its_own_has_its_own_weight():
    data = ag.implicitize(
        ag.polynomial_map(["a^2", "a*b", "b^2", "a + b + c"], parameters=["a", "b", "c"]).cone(), max_degree=2, rng=1
    ).certificate.to_dict()
    assert data["grading"]["free"]
    assert checker.check(data).status == "proved"
    coordinate, parameter = data["grading"]["free"][0]
    for wrong in ([coordinate, (parameter + 1) % 4], [(coordinate + 1) % 5, parameter]):
        bad = copy.deepcopy(data)
        bad["grading"]["free"][0] = wrong
        assert not checker.check(bad).ok
    bad = copy.deepcopy(data)
    bad["grading"]["free"] = [[9, 0]]
    with pytest.raises(checker.MalformedCertificate, match=r"grading\.free"):
        checker.check(bad)
