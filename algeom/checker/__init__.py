"""Replays a certificate of algeom from scratch, with nothing but the standard library and python-flint.

``python algeom/checker FILE`` prints what was checked and exits with 0 if the certificate holds, with 1 if not. This
folder imports nothing of algeom and may be copied anywhere. What follows is all that is needed to write another
checker.

What a certificate states
-------------------------
A straight-line program computes ``phi = (phi_1, ..., phi_m)``, rational functions of the parameters theta, over Q.
I is the ideal of the polynomials in y_1, ..., y_m that vanish on the image. A certificate states dim I_d for
d = 1, ..., D, and gives generators of I through degree D. With ``homogenized`` the program computes the cone
(t, t phi_1, t phi_2, ...) of an affine image, and I is the homogenization of the affine ideal.

The file is a JSON object. Numbers are JSON integers, except that those of any size are decimal strings.

``format``, ``version``
    "algeom-certificate", 1.
``map``
    ``inputs``: the number n of parameters. ``constants``: strings "a" or "a/b". ``operations``: lists
    ["add" | "sub" | "mul" | "div", i, j] or ["neg", i] on node numbers; nodes 0..n-1 are the parameters, then come the
    constants, then the operations in order. ``outputs``: the nodes of the m coordinates.
``coordinates``, ``homogenized``
    Names of the coordinates; whether the first output is a parameter t that scales all outputs (then the scaling of
    t alone gives all operations of the program consistent weights).
``grading``
    ``weights``: r rows of m integers. A monomial's multidegree is the sum of the columns of its variables, with
    multiplicity. ``scalings``: null or {``parameters``: s rows of n integers v, ``coordinates``: s rows of m integers
    w}, claiming phi_i(t^v_1 theta_1, ...) = t^w_i phi_i(theta) for the coordinates that are not free. ``free``:
    pairs [i, j], claiming that of the coordinates not listed before, phi_i alone is computed from theta_j, and that it
    varies with it: the image closure is then a product with a line in that coordinate.
``symmetries``
    Pairs [tau, sigma] of permutations, numbered from 0: phi(theta[tau])[i] = phi(theta)[sigma[i]] for all i. Hence f in
    I implies f(y_sigma[0], y_sigma[1], ...) in I.
``seed``, ``prime``
    A decimal string and the prime p of the ranks below. Point k of the stream of (seed, p) has the parameters
    ``splitmix64(key + n*k + j) mod p``, j = 0..n-1, where key is the first eight bytes (little endian) of the SHA-256
    of the text "seed:p", and splitmix64(z) is the output function of that generator after its state has
    become (z + 1) * 0x9E3779B97F4A7C15 mod 2^64. Points at which a divisor vanishes mod p are left out; the others
    are numbered from 0.
``degrees``
    For d = 1, 2, ..., D: {``degree``, ``monomials``: dim R_d, ``dimension``: dim I_d, ``generators``: how many are
    new, ``blocks``}. The blocks are one multidegree of each orbit under the symmetries: {``multidegree``,
    ``size``: number of its monomials, ``nullity``: dim I there, ``orbit``: size of the orbit} and either
    ``pivot_rows`` (point numbers) and ``pivot_columns`` (numbers of monomials, in the lexicographic order of their
    nondecreasing index sequences), size - nullity of each, or ``independent``: true.
``generators``
    For the listed multidegrees only: {``degree``, ``multidegree``, ``terms``: pairs [[[variable, exponent], ...],
    coefficient string], ``method``: "expansion" | "modular", ``log10_error``: null | integer}. The last two say how
    the writer verified it; a checker decides for itself.

Why that proves it
------------------
*Upper bounds.* The values of the monomials of a block at the pivot points form a matrix over the integers localized
at p; its rank mod p is at most its rank over Q, so an invertible pivot submatrix gives nullity >= dim I there. In an
independent block the variables that occur have independent rows in the Jacobian at point 0, mod p, so no polynomial in
them vanishes. Counting multidegrees anew shows that the orbits cover every one of them once.
*Lower bounds.* The generators vanish on the image. Their multiples by monomials, carried by the symmetries, are
integer vectors in I; rank mod p >= nullity of them shows nullity <= dim I. The bounds meet.
*What rests on more.* Blocks make sense because I is homogeneous for the weights (the program is homogeneous for the
scalings, which span the weights), orbits because the symmetries are identities (expanded), and generators vanish
(expanded). Where an expansion is too large, or no scalings are known, the statement is tested at three random points,
each modulo its own random prime of 62 bits, drawn from the operating system here and now: then the result is
"probabilistic", with a bound on the probability that something false passes. If all was expanded, it is "proved".

The listed generators generate I through degree D. That none could be spared is shown modulo p only: their numbers are
proven upper bounds for the numbers of minimal generators, and equal to them unless p is one of finitely many primes.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .identities import EXPANSION_BUDGET
from .reading import FORMAT, VERSION, MalformedCertificate, load, parse
from .replay import Replay

__all__ = [
    "EXPANSION_BUDGET",
    "FORMAT",
    "VERSION",
    "MalformedCertificate",
    "Report",
    "check",
    "load",
    "main",
    "parse",
]


@dataclass(frozen=True)
class Report:
    """What replaying a certificate showed.

    Attributes
    ----------
    ok : bool
        Whether every statement was confirmed. Truth value of the object as well.
    status : str
        "proved", "probabilistic" (true unless random choices of this run misled it) or "failed".
    failures : tuple of str
        What does not hold; empty if `ok`.
    checks : dict
        How many of each kind of statement were confirmed.
    log10_error : float
        Base-10 logarithm of a bound on the probability that a false certificate passes; -inf for a proof.
    seconds : float
    """

    ok: bool
    status: str
    failures: tuple[str, ...]
    checks: dict[str, int]
    log10_error: float
    seconds: float

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        if not self.ok:
            return "\n".join([f"certificate FAILED ({self.seconds:.2f} s)", *(f"  {line}" for line in self.failures)])
        bound = f", error <= 1e{math.ceil(self.log10_error)}" if math.isfinite(self.log10_error) else ""
        counts = ", ".join(f"{count} {what}" for what, count in self.checks.items() if count)
        return f"certificate holds: {self.status}{bound} ({self.seconds:.2f} s)\n  {counts}"


def check(source: Any, *, expansion_budget: int = EXPANSION_BUDGET) -> Report:
    """Replay a certificate.

    Parameters
    ----------
    source : dict, str or pathlib.Path
        JSON data, or the file that holds them.
    expansion_budget : int
        A statement is proved by expansion if that produces at most so many terms, and else tested at random points
        modulo random primes; 0 forbids expansions.

    Returns
    -------
    Report

    Raises
    ------
    MalformedCertificate
        If the data is not a certificate.
    OSError
        If the file cannot be read.
    """
    start = time.perf_counter()
    statement = parse(load(source) if isinstance(source, str | Path) else source)
    replay = Replay(statement, expansion_budget)
    replay.run()
    if replay.failures:
        status, error = "failed", 0.0
    else:
        status = "probabilistic" if replay.identities.errors else "proved"
        error = replay.identities.log10_error
    seconds = time.perf_counter() - start
    return Report(not replay.failures, status, tuple(replay.failures), replay.checks, error, seconds)


def main(arguments: Sequence[str]) -> int:
    """Check the file named on the command line; 0 if it holds."""
    if len(arguments) != 1:
        print("usage: python checker FILE", file=sys.stderr)
        return 1
    try:
        report = check(Path(arguments[0]))
    except (MalformedCertificate, OSError) as error:
        print(f"not a certificate: {error}", file=sys.stderr)
        return 1
    print(report)
    return 0 if report else 1
