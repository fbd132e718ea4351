"""Witness sets as files: arrays and a description in one NumPy archive, read back without trusting it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from algeom.continuation.gauge import Gauge
from algeom.continuation.slices import Slice
from algeom.errors import AlgeomError, InputError
from algeom.evidence import Evidence, Status
from algeom.maps.polynomial_map import PolynomialMap
from algeom.maps.tape import Tape

if TYPE_CHECKING:
    from algeom.continuation.witness import WitnessSet

#: The version of the format that this code writes and reads.
FORMAT = 1
_KIND = "algeom witness set"
_ARRAYS = ("matrix", "offset", "tau", "points")

#: Points of a file must satisfy the slice, and be images of their parameters, to this relative accuracy. Regular ends
#: are refined to rounding errors times their condition, which is below 1e8 where paths can be told apart.
_ACCURACY = 1e-8


def save(witness: WitnessSet, path: str | PathLike[str]) -> None:
    """Write a witness set to a file.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    gauge = witness.gauge
    description = {
        "kind": _KIND,
        "format": FORMAT,
        "map": _map_data(gauge.original),
        "restriction": _map_data(gauge.map),
        "free": list(gauge.free),
        "fixed": {str(i): str(value) for i, value in gauge.fixed.items()},
        "offset": [str(value) for value in gauge.offset],
        "directions": [[str(value) for value in row] for row in gauge.directions],
        "gauge_evidence": _evidence_data(gauge.evidence),
        "gauge_seed": gauge.seed,
        "is_cone": witness.is_cone,
        "is_generic": witness.is_generic,
        "evidence": _evidence_data(witness.evidence),
        "seed": witness.seed,
    }
    try:
        # Through an open file, since NumPy would append its ending to the name.
        with Path(path).open("wb") as file:
            np.savez_compressed(
                file,
                description=np.array(json.dumps(description)),
                matrix=witness.slice.matrix,
                offset=witness.slice.offset,
                tau=witness.tau,
                points=witness.points,
            )
    except (OSError, TypeError) as error:
        raise InputError(
            f"the witness set cannot be written to {path!r}: {error}; give a file in a folder that exists"
        ) from error


def load(path: str | PathLike[str]) -> WitnessSet:
    """Read a witness set from a file, and check that its points are on its slice and in the image.

    Raises
    ------
    InputError
        If the file is damaged, no witness set, or of a newer format.
    """
    from algeom.continuation.witness import WitnessSet

    try:
        # Opened here, since NumPy leaves a damaged archive open.
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as archive:
            description = json.loads(str(archive["description"]))
            arrays = {name: np.array(archive[name]) for name in _ARRAYS}
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}") from error
    except (OSError, KeyError, ValueError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is damaged, or no witness set that algeom wrote: {error}") from error
    if not isinstance(description, dict) or description.get("kind") != _KIND:
        raise InputError(f"{path} is not a witness set that algeom wrote")
    if description.get("format") != FORMAT:
        raise InputError(
            f"{path} has the format {description.get('format')!r}, and this version of algeom reads {FORMAT}; "
            "read it with the version that wrote it"
        )
    try:
        witness = WitnessSet(
            gauge=_gauge(description),
            slice=Slice(arrays["matrix"], arrays["offset"]),
            tau=np.asarray(arrays["tau"], dtype=np.complex128),
            points=np.asarray(arrays["points"], dtype=np.complex128),
            is_cone=bool(description["is_cone"]),
            is_generic=bool(description["is_generic"]),
            evidence=_evidence(description["evidence"]),
            seed=int(description["seed"]),
        )
        _require_consistent(witness)
    except (KeyError, TypeError, ValueError, ZeroDivisionError, AttributeError, AlgeomError) as error:
        raise InputError(f"{path} is damaged: {error}") from error
    return witness


def _require_consistent(witness: WitnessSet) -> None:
    """Refuse points that are not what a witness set holds."""
    if not (np.isfinite(witness.tau).all() and np.isfinite(witness.points).all()):
        raise InputError("a point has an entry that is NaN or infinite")
    images = witness.gauge.map(witness.tau)
    sizes = np.maximum(np.abs(images).max(axis=0, initial=0.0), 1.0)
    gaps = np.abs(images - witness.points).max(axis=0, initial=0.0) / sizes
    if not np.all(gaps <= _ACCURACY):
        raise InputError("a point is not the image of its parameters")
    if not np.all(witness.slice.residual(witness.points) <= _ACCURACY):
        raise InputError("a point is not on the slice")


def _map_data(phi: PolynomialMap) -> dict[str, Any]:
    shapes = phi.parameter_shapes
    return {
        "tape": phi.tape.to_dict(),
        "names": list(phi.names),
        "parameters": list(phi.parameter_names),
        "shapes": None if shapes is None else [[name, list(shape)] for name, shape in shapes.items()],
        "symmetries": [[tau.tolist(), sigma.tolist()] for tau, sigma in phi.symmetries],
        "float_constants": phi.has_float_constants,
    }


def _map(data: Mapping[str, Any]) -> PolynomialMap:
    shapes = data["shapes"]
    return PolynomialMap(
        Tape.from_dict(data["tape"]),
        names=tuple(data["names"]),
        parameter_names=tuple(data["parameters"]),
        parameter_shapes=None if shapes is None else {name: tuple(shape) for name, shape in shapes},
        symmetries=tuple((_permutation(tau), _permutation(sigma)) for tau, sigma in data["symmetries"]),
        has_float_constants=bool(data["float_constants"]),
    )


def _permutation(entries: list[int]) -> NDArray[np.int64]:
    return np.array(entries, dtype=np.int64)


def _gauge(description: Mapping[str, Any]) -> Gauge:
    return Gauge(
        original=_map(description["map"]),
        map=_map(description["restriction"]),
        free=tuple(int(i) for i in description["free"]),
        fixed={int(i): Fraction(value) for i, value in description["fixed"].items()},
        offset=tuple(Fraction(value) for value in description["offset"]),
        directions=tuple(tuple(Fraction(value) for value in row) for row in description["directions"]),
        evidence=_evidence(description["gauge_evidence"]),
        seed=int(description["gauge_seed"]),
    )


def _evidence_data(evidence: Evidence) -> dict[str, Any]:
    # Infinities and NaN are no JSON numbers.
    return {"status": evidence.status.name, "log10_error": repr(evidence.log10_error), "reason": evidence.reason}


def _evidence(data: Mapping[str, Any]) -> Evidence:
    return Evidence(Status[data["status"]], float(data["log10_error"]), str(data["reason"]))
