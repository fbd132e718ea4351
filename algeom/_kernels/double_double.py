"""Double-double arithmetic: a number as the unevaluated sum of two doubles, some 31 digits.

T. J. Dekker, "A floating-point technique for extending the available precision", Numer. Math. 18 (1971); the accurate
sum and the error bounds are those of M. Joldes, J.-M. Muller, V. Popescu, "Tight and rigorous error bounds for basic
building blocks of double-word arithmetic", ACM Trans. Math. Softw. 44 (2017).
"""

from __future__ import annotations

from algeom._kernels.compile import kernel

#: Dekker's constant: splits a double into two halves of 26 bits.
_SPLIT = 134217729.0


@kernel
def two_sum(a: float, b: float) -> tuple[float, float]:
    """Sum of two doubles and its rounding error, exactly (Knuth)."""
    s = a + b
    v = s - a
    return s, (a - (s - v)) + (b - v)


@kernel
def two_product(a: float, b: float) -> tuple[float, float]:
    """Product of two doubles and its rounding error, exactly below 1e291 (Dekker)."""
    p = a * b
    t = _SPLIT * a
    ah = t - (t - a)
    al = a - ah
    t = _SPLIT * b
    bh = t - (t - b)
    bl = b - bh
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


@kernel
def dd_add(ah: float, al: float, bh: float, bl: float) -> tuple[float, float]:
    """Sum of two double-doubles, relative error at most 2^-104 where signs agree (the accurate variant)."""
    s, e = two_sum(ah, bh)
    t, f = two_sum(al, bl)
    e += t
    h = s + e
    e = (s - h) + e + f
    r = h + e
    return r, (h - r) + e


@kernel
def dd_mul(ah: float, al: float, bh: float, bl: float) -> tuple[float, float]:
    """Product of two double-doubles, relative error about 2^-102."""
    p, e = two_product(ah, bh)
    e += ah * bl + al * bh
    s = p + e
    return s, (p - s) + e


@kernel
def dd_div(ah: float, al: float, bh: float, bl: float) -> tuple[float, float]:
    """Quotient of two double-doubles: two corrections of the quotient in double precision."""
    q = ah / bh
    ph, pl = dd_mul(q, 0.0, bh, bl)
    rh, rl = dd_add(ah, al, -ph, -pl)
    q2 = rh / bh
    ph, pl = dd_mul(q2, 0.0, bh, bl)
    rh, rl = dd_add(rh, rl, -ph, -pl)
    q3 = rh / bh
    s = q + q2
    return dd_add(s, (q - s) + q2, q3, 0.0)


@kernel
def complex_dd_mul(
    arh: float, arl: float, aih: float, ail: float, brh: float, brl: float, bih: float, bil: float
) -> tuple[float, float, float, float]:
    """Product of complex double-doubles: real part, imaginary part, each leading double and rest."""
    xh, xl = dd_mul(arh, arl, brh, brl)
    yh, yl = dd_mul(aih, ail, bih, bil)
    rh, rl = dd_add(xh, xl, -yh, -yl)
    xh, xl = dd_mul(arh, arl, bih, bil)
    yh, yl = dd_mul(aih, ail, brh, brl)
    ih, il = dd_add(xh, xl, yh, yl)
    return rh, rl, ih, il


@kernel
def complex_dd_div(
    arh: float, arl: float, aih: float, ail: float, brh: float, brl: float, bih: float, bil: float
) -> tuple[float, float, float, float]:
    """Quotient of complex double-doubles: the numerator times the conjugate of the denominator, over its square."""
    rh, rl, ih, il = complex_dd_mul(arh, arl, aih, ail, brh, brl, -bih, -bil)
    xh, xl = dd_mul(brh, brl, brh, brl)
    yh, yl = dd_mul(bih, bil, bih, bil)
    xh, xl = dd_add(xh, xl, yh, yl)
    rh, rl = dd_div(rh, rl, xh, xl)
    ih, il = dd_div(ih, il, xh, xl)
    return rh, rl, ih, il
