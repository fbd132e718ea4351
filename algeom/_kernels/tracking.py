"""Tracking of many solution paths at once: predictor, corrector and step control, a path in each lane.

A path is a solution x(t) of F(x; p(t)) = 0 along ``p(t) = p_target + t (p_start - p_target)``, where t runs on a
segment of the complex plane from ``t_from`` to ``t_to``, parametrized by a real s from 1 to 0.

Prediction
    The coefficients c_1, ..., c_K of the power series of x at the current point come from truncated series
    arithmetic on the tape: the coefficient of order k of F, computed with c_k = 0, is -J c_k. The prediction
    is the Padé approximant of type (K-1, 1) in each coordinate.
Correction
    Newton's method with a fresh Jacobian in each iteration. The last factorization of a step serves the series of the
    next one. With ``extended``, values, derivatives, series and linear algebra are in double-double arithmetic, and
    points carry a second double.
Step control
    The size of the first Newton step measures the error of the prediction, the ratio of the first two the constant
    omega of Newton's method (d_1 <= omega/2 d_0^2). The next step is chosen such that the predicted error, a
    multiple of the first omitted term that is calibrated on the last step, stays below the option PREDICTION
    and below CONTRACTION / omega, and within a fraction of the estimated radius of convergence, which keeps a
    path from jumping over a branch point to another one. This is the scheme of S. Timme, "Mixed precision path
    tracking for polynomial homotopy continuation", Adv. Comput. Math. 47 (2021), sections 3 and 4, with a
    calibrated error term and the series of higher order.

All sizes are in the weighted maximum norm max |v_i| / w_i. The weight w_i is |x_i|, but at least half of what it was a
step before and a small multiple of the largest |x_i|, so that neither a coordinate that passes zero nor a group of
coordinates that is much smaller than another (as happens with products) spoils the step sizes; and at least 1e-10.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom._kernels.compile import kernel
from algeom._kernels.dense import LANE, lu_extended, lu_lanes, solve_extended, solve_lanes
from algeom._kernels.double_double import complex_dd_mul, dd_add, two_sum
from algeom._kernels.lanes import evaluate_extended, evaluate_lanes, series_extended, series_lanes

# How a path ended. The first are those of `algeom.continuation.tracker.ReturnCode`.
SUCCESS = 0
STEP_TOO_SMALL = 3
TOO_MANY_STEPS = 4
NOT_FINITE = 5
SINGULAR_START = 6
NOT_A_SOLUTION = 7
NEEDS_PRECISION = 8
AT_ENDGAME = 9
PAUSED = 11  # took its share of steps in extended precision; double precision may do again

# Positions in the array of options.
ACCURACY = 0  # Newton's method stops at this relative size of the error
PREDICTION = 1  # largest error of a prediction
CONTRACTION = 2  # largest omega * error of a prediction
TRUST = 3  # largest step, as a fraction of the estimated radius of convergence
MINIMUM_STEP = 4  # smallest step, relative to what is left of the path
MAXIMUM_STEPS = 5
ENDGAME = 6  # stop at this |t| if the end cannot be reached in one step
START = 7  # largest first Newton step of a start solution
SINGULARITY = 8  # smallest ratio of pivots at a start
NOISE = 9  # Newton steps below this that do not contract are rounding errors, and small enough
PAUSE = 10  # steps after which a path in extended precision pauses
N_OPTIONS = 11

# Positions in the counters of a path.
STEPS, REJECTIONS, ITERATIONS, EXTENDED_ITERATIONS = 0, 1, 2, 3
N_COUNTERS = 4

_MOST_ITERATIONS = 5

#: Newton steps above this say little about the next one, however well the last two agree with quadratic convergence.
SETTLED = 1e-6

#: A prediction this much worse than its series promises was made of rounding errors.
UNRELIABLE = 100.0

#: Square of the smallest weight relative to the largest |x_i|.
FLOOR = 1e-16

#: The same at a start, where nothing is known yet of the sizes that coordinates have.
START_FLOOR = 1e-8

#: Square of the smallest weight: points below it are zero, to an accuracy that is absolute.
SMALLEST = 1e-20

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@kernel
def weighted_norm(vector: Float, offset: Any, n: Any, weights: Float, norm: Float) -> None:
    """Largest |v_i|^2 * weights_i, square root taken, in all lanes; the weights are inverse squares."""
    lane = np.uintp(LANE)
    width = np.uintp(2) * lane
    for j in range(lane):
        norm[j] = 0.0
    for i in range(np.uintp(n)):
        a = np.uintp(offset) + i * width
        b = i * lane
        for j in range(lane):
            re = vector[a + j]
            im = vector[a + lane + j]
            size = (re * re + im * im) * weights[b + j]
            if not size <= norm[j]:  # NaN stays
                norm[j] = size
    for j in range(lane):
        norm[j] = np.sqrt(norm[j])


@kernel
def predict(coefficients: Float, n: Any, orders: Any, step: Float, points: Float) -> None:
    """Padé approximants of type (orders - 2, 1) at ``step[j]`` of power series, in all lanes.

    Coefficient i of unknown v is entry ``v * orders + i``. Where the pole is too close the Taylor polynomial is taken.
    """
    lane = np.uintp(LANE)
    width = np.uintp(2) * lane
    top = np.uintp(orders - 1)
    for v in range(np.uintp(n)):
        base = v * np.uintp(orders) * width
        a = base + (top - np.uintp(1)) * width
        b = base + top * width
        d = v * width
        for j in range(lane):
            h = step[j]
            ar = coefficients[a + j]
            ai = coefficients[a + lane + j]
            br = coefficients[b + j]
            bi = coefficients[b + lane + j]
            square = ar * ar + ai * ai
            # 1 - (b/a) h
            scale = h / square if square > 0.0 else 0.0
            er = 1.0 - (br * ar + bi * ai) * scale
            ei = -(bi * ar - br * ai) * scale
            size = er * er + ei * ei
            if square > 0.0 and size > 0.04:
                points[d + j] = (ar * er + ai * ei) / size
                points[d + lane + j] = (ai * er - ar * ei) / size
            else:
                points[d + j] = ar + h * br
                points[d + lane + j] = ai + h * bi
        for back in range(top - np.uintp(1)):
            c = base + (top - np.uintp(2) - back) * width
            for j in range(lane):
                points[d + j] = points[d + j] * step[j] + coefficients[c + j]
                points[d + lane + j] = points[d + lane + j] * step[j] + coefficients[c + lane + j]


@kernel
def position(t0: Float, dt: Float, s: Float, h: Float, forward: float, t: Float) -> None:
    """Where a path is at ``s - forward * h``: ``t0 + (s - forward h) dt``, in all lanes."""
    lane = np.uintp(LANE)
    for j in range(lane):
        left = s[j] - forward * h[j]
        t[j] = t0[j] + left * dt[j]
        t[lane + j] = t0[lane + j] + left * dt[lane + j]


@kernel
def combination(start: Float, factor: float, difference: Float, a: Any, t: Float, values: Float, d: Any) -> None:
    """``values[d] = factor * start[a] + t * difference[a]``, complex entries at offsets, in all lanes."""
    lane = np.uintp(LANE)
    for j in range(lane):
        re = difference[a + j]
        im = difference[a + lane + j]
        values[d + j] = factor * start[a + j] + (t[j] * re - t[lane + j] * im)
        values[d + lane + j] = factor * start[a + lane + j] + (t[j] * im + t[lane + j] * re)


@kernel
def combination_extended(
    start: Float,
    factor: float,
    difference: Float,
    difference_low: Float,
    a: Any,
    t: Float,
    values: Float,
    lows: Float,
    d: Any,
) -> None:
    """As `combination` in double-double arithmetic; ``factor`` is 0 or 1."""
    lane = np.uintp(LANE)
    for j in range(lane):
        i = lane + j
        re, re_low, im, im_low = complex_dd_mul(
            difference[a + j], difference_low[a + j], difference[a + i], difference_low[a + i], t[j], 0.0, t[i], 0.0
        )
        values[d + j], lows[d + j] = dd_add(re, re_low, factor * start[a + j], 0.0)
        values[d + i], lows[d + i] = dd_add(im, im_low, factor * start[a + i], 0.0)


@kernel
def renew(fresh: NDArray[np.bool_], source: Float, a: Any, coefficients: Float, nodes: Float, d: Any) -> None:
    """Entry ``a`` of the source becomes coefficient ``d`` in fresh lanes; all coefficients go to the nodes."""
    lane = np.uintp(LANE)
    for j in range(lane):
        if fresh[j]:
            coefficients[d + j] = source[a + j]
            coefficients[d + lane + j] = source[a + lane + j]
    for j in range(np.uintp(2) * lane):
        nodes[d + j] = coefficients[d + j]


@kernel
def track_paths(
    code: Int,
    constants: Float,
    n_registers: int,
    operations: Int,
    extended_constants: Float,
    rows: Int,
    lengths: Int,
    orders: int,
    full_operations: Int,
    full_constants: Float,
    full_rows: Int,
    options: Float,
    extended: bool,
    points: Float,
    lows: Float,
    start_parameters: Float,
    target_parameters: Float,
    t_from: Float,
    t_to: Float,
    codes: Int,
    counters: Int,
    measures: Float,
) -> None:
    """Track all paths, `LANE` of them at a time; a finished one makes room for the next.

    Parameters
    ----------
    code, constants, n_registers
        Register code of the n values and the n x n derivatives by the unknowns.
    operations, extended_constants, rows, lengths, orders
        The tape of the values alone, as `series_lanes` takes it; ``orders`` is K + 1 >= 3.
    full_operations, full_constants, full_rows
        The tape of values and derivatives, as `evaluate_extended` takes it.
    options : (N_OPTIONS,)
    extended
        Whether to compute in double-double arithmetic.
    points, lows : (B, 2n)
        Start points, real and imaginary parts alternating, and their second doubles; replaced by the end points.
    start_parameters, target_parameters : (B, 2k)
    t_from, t_to : (B, 2)
        Ends of the segments of t; ``t_from`` is replaced by where the path ended.
    codes : (B,)
        Receives how the paths ended.
    counters : (B, N_COUNTERS)
        Are added to.
    measures : (B, 3)
        Receive the relative size of the last Newton step, the ratio of smallest to largest pivot there, and the
        constant omega, which a path that goes on starts with (NaN where it is unknown).
    """
    lane = np.uintp(LANE)
    width = np.uintp(2) * lane
    n = np.uintp(points.shape[1] // 2)
    parameters = np.uintp(start_parameters.shape[1] // 2)
    n_paths = points.shape[0]
    top = orders - 1
    span = np.uintp(orders) * width

    registers = np.zeros(n_registers * 2 * LANE)
    inputs = np.ones((points.shape[1] + start_parameters.shape[1]) * LANE)
    input_lows = np.zeros(inputs.size)
    values = np.zeros((n + n * n) * width)
    residual = np.zeros(n * width)
    matrix = np.zeros(n * n * width)
    pivots = np.zeros(n * lane, dtype=np.int64)
    smallest = np.zeros(width)
    coefficients = np.zeros(n * span)
    nodes = np.zeros(lengths.size * orders * 2 * LANE)
    full_size = inputs.size // (2 * LANE) + full_constants.shape[0] + full_operations.shape[0]
    extended_nodes = np.zeros(full_size * 4 * LANE if extended else 0)
    node_lows = np.zeros(nodes.size if extended else 0)
    base = np.ones(n * width)
    base_low = np.zeros(n * width)
    trial = np.ones(n * width)
    trial_low = np.zeros(n * width)
    coefficient_lows = np.zeros(coefficients.size if extended else 0)
    value_lows = np.zeros(values.size if extended else 0)
    residual_lows = np.zeros(residual.size if extended else 0)
    matrix_lows = np.zeros(matrix.size if extended else 0)
    weights = np.ones(n * lane)
    norm = np.zeros(LANE)
    lower_norm = np.zeros(LANE)
    previous = np.zeros(LANE)
    error = np.zeros(LANE)
    path = np.full(LANE, -1)
    s = np.zeros(LANE)
    h = np.zeros(LANE)
    omega = np.ones(LANE)
    calibration = np.ones(LANE)
    model = np.zeros(LANE)
    starting = np.zeros(LANE, dtype=np.bool_)
    fresh = np.zeros(LANE, dtype=np.bool_)
    iterating = np.zeros(LANE, dtype=np.bool_)
    accepted = np.zeros(LANE, dtype=np.bool_)
    start = np.zeros(parameters * width)
    difference = np.zeros(parameters * width)
    difference_low = np.zeros(parameters * width)
    t0 = np.zeros(width)
    dt = np.zeros(width)
    t = np.zeros(width)
    direction = np.zeros(width)
    result = np.zeros(LANE, dtype=np.int64)
    taken = np.zeros(LANE, dtype=np.int64)

    # Constants are the same for all points and orders.
    first_constant = n + parameters
    for v in range(np.uintp(extended_constants.shape[0])):
        d = (first_constant + v) * span
        for j in range(lane):
            nodes[d + j] = extended_constants[v, 0]
            if extended:
                node_lows[d + j] = extended_constants[v, 1]

    upcoming = 0
    running = 0
    while True:
        # Fill idle lanes with paths that wait.
        for j in range(lane):
            if path[j] >= 0 or upcoming >= n_paths:
                continue
            b = upcoming
            upcoming += 1
            running += 1
            path[j] = b
            starting[j] = True
            fresh[j] = False
            s[j] = 1.0
            h[j] = 0.0
            taken[j] = 0
            omega[j] = measures[b, 2] if measures[b, 2] > 0.0 else 1.0
            calibration[j] = 1.0
            for i in range(n):
                a = i * width + j
                base[a] = points[b, 2 * i]
                base[a + lane] = points[b, 2 * i + 1]
                base_low[a] = lows[b, 2 * i]
                base_low[a + lane] = lows[b, 2 * i + 1]
            for i in range(parameters):
                a = i * width + j
                for part in range(np.uintp(2)):
                    d = a + part * lane
                    start[d] = target_parameters[b, 2 * i + part]
                    difference[d], difference_low[d] = two_sum(
                        start_parameters[b, 2 * i + part], -target_parameters[b, 2 * i + part]
                    )
            for part in range(np.uintp(2)):
                t0[part * lane + j] = t_to[b, part]
                dt[part * lane + j] = t_from[b, part] - t_to[b, part]
        if running == 0:
            return

        any_fresh = False
        for j in range(lane):
            any_fresh = any_fresh or fresh[j]
        if any_fresh:
            # Power series of the solution in the direction of decreasing s.
            for v in range(n):
                renew(fresh, base, v * width, coefficients, nodes, v * span)
            position(t0, dt, s, h, 0.0, t)
            for j in range(width):
                direction[j] = -dt[j]
            for v in range(parameters):
                combination(start, 1.0, difference, v * width, t, nodes, (n + v) * span)
                combination(start, 0.0, difference, v * width, direction, nodes, (n + v) * span + width)
            if extended:
                for v in range(n):
                    renew(fresh, base_low, v * width, coefficient_lows, node_lows, v * span)
                for v in range(parameters):
                    a = v * width
                    d = (n + v) * span
                    combination_extended(start, 1.0, difference, difference_low, a, t, nodes, node_lows, d)
                    combination_extended(
                        start, 0.0, difference, difference_low, a, direction, nodes, node_lows, d + width
                    )
                series_extended(operations, lengths, orders, 0, nodes, node_lows)
            else:
                series_lanes(operations, lengths, orders, 0, nodes)
            for order in range(1, orders):
                at = np.uintp(order) * width
                for v in range(n):
                    for j in range(width):
                        nodes[v * span + at + j] = 0.0
                        if extended:
                            node_lows[v * span + at + j] = 0.0
                if extended:
                    series_extended(operations, lengths, orders, order, nodes, node_lows)
                else:
                    series_lanes(operations, lengths, orders, order, nodes)
                for v in range(n):
                    a = v * width
                    row = rows[v]
                    if lengths[row] > order:
                        d = np.uintp(row) * span + at
                        for j in range(width):
                            residual[a + j] = -nodes[d + j]
                            if extended:
                                residual_lows[a + j] = -node_lows[d + j]
                    else:
                        for j in range(width):
                            residual[a + j] = 0.0
                            if extended:
                                residual_lows[a + j] = 0.0
                if extended:
                    solve_extended(matrix, matrix_lows, n, pivots, residual, residual_lows)
                else:
                    solve_lanes(matrix, n, pivots, residual)
                for v in range(n):
                    a = v * width
                    d = v * span + at
                    renew(fresh, residual, a, coefficients, nodes, d)
                    if extended:
                        renew(fresh, residual_lows, a, coefficient_lows, node_lows, d)
                if order < top:
                    if extended:
                        series_extended(operations, lengths, orders, order, nodes, node_lows)
                    else:
                        series_lanes(operations, lengths, orders, order, nodes)
                if order >= top - 1:
                    for v in range(n):
                        for j in range(width):
                            residual[v * width + j] = coefficients[v * span + at + j]
                    if order == top:
                        weighted_norm(residual, np.uintp(0), n, weights, norm)
                    else:
                        weighted_norm(residual, np.uintp(0), n, weights, lower_norm)
            for j in range(lane):
                if not fresh[j]:
                    continue
                # The error of the prediction is modelled as norm * h^K * (h / radius), times a calibration.
                radius = lower_norm[j] / norm[j] if norm[j] > 0.0 else np.inf
                target = min(options[PREDICTION], options[CONTRACTION] / omega[j])
                if norm[j] > 0.0 and radius > 0.0:
                    size = (target * radius / (calibration[j] * norm[j])) ** (1.0 / (top + 1))
                    size = min(size, options[TRUST] * radius)
                elif norm[j] > 0.0:
                    size = (target / norm[j]) ** (1.0 / top)
                else:
                    size = s[j]
                h[j] = min(size, s[j])
                if not h[j] > 0.0:
                    h[j] = 0.0
                model[j] = norm[j] * h[j] ** top * (h[j] / radius) if radius > 0.0 else 0.0
                fresh[j] = False

        # Trial points.
        predict(coefficients, n, orders, h, trial)
        for j in range(lane):
            result[j] = -1
            accepted[j] = False
            iterating[j] = path[j] >= 0
            if path[j] < 0 or starting[j]:
                for i in range(n):
                    a = i * width + j
                    trial[a] = base[a]
                    trial[a + lane] = base[a + lane]
                    trial_low[a] = base_low[a]
                    trial_low[a + lane] = base_low[a + lane]
                continue
            for i in range(n):
                trial_low[i * width + j] = 0.0
                trial_low[i * width + lane + j] = 0.0
            b = path[j]
            if t0[j] == 0.0 and t0[lane + j] == 0.0 and h[j] < s[j]:
                distance = s[j] * np.hypot(dt[j], dt[lane + j])
                if distance <= options[ENDGAME]:
                    result[j] = AT_ENDGAME
            if h[j] < options[MINIMUM_STEP] * s[j]:
                result[j] = STEP_TOO_SMALL if extended else NEEDS_PRECISION
            if counters[b, STEPS] >= options[MAXIMUM_STEPS]:
                result[j] = TOO_MANY_STEPS
            iterating[j] = result[j] < 0

        for iteration in range(_MOST_ITERATIONS):
            going = False
            for j in range(lane):
                going = going or iterating[j]
            if not going:
                break
            for v in range(n):
                for j in range(width):
                    inputs[v * width + j] = trial[v * width + j]
            position(t0, dt, s, h, 1.0, t)
            for v in range(parameters):
                combination(start, 1.0, difference, v * width, t, inputs, (n + v) * width)
            if extended:
                for v in range(n):
                    for j in range(width):
                        input_lows[v * width + j] = trial_low[v * width + j]
                for v in range(parameters):
                    a = v * width
                    d = (n + v) * width
                    combination_extended(start, 1.0, difference, difference_low, a, t, inputs, input_lows, d)
                evaluate_extended(
                    full_operations, full_constants, inputs, input_lows, full_rows, extended_nodes, values, value_lows
                )
            else:
                evaluate_lanes(code, constants, inputs, registers, values)
            for j in range(n * width):
                residual[j] = values[j]
            for j in range(n * n * width):
                matrix[j] = values[n * width + j]
            if extended:
                for j in range(n * width):
                    residual_lows[j] = value_lows[j]
                for j in range(n * n * width):
                    matrix_lows[j] = value_lows[n * width + j]
                lu_extended(matrix, matrix_lows, n, pivots, smallest)
                solve_extended(matrix, matrix_lows, n, pivots, residual, residual_lows)
            else:
                lu_lanes(matrix, n, pivots, smallest)
                solve_lanes(matrix, n, pivots, residual)
            if iteration == 0:
                # Weights at the predicted point serve the whole step.
                for j in range(lane):
                    norm[j] = 0.0
                for i in range(n):
                    a = i * width
                    for j in range(lane):
                        size = trial[a + j] * trial[a + j] + trial[a + lane + j] * trial[a + lane + j]
                        norm[j] = max(norm[j], size)
                for i in range(n):
                    a = i * width
                    for j in range(lane):
                        size = trial[a + j] * trial[a + j] + trial[a + lane + j] * trial[a + lane + j]
                        # A coordinate that passes zero keeps its size for a while, one that stays small loses it.
                        size = max(size, FLOOR * norm[j], SMALLEST)
                        if starting[j]:
                            # A coordinate of a start may be zero up to the accuracy of the others.
                            size = max(size, START_FLOOR * norm[j])
                        else:
                            size = max(size, 0.25 / weights[i * lane + j])
                        weights[i * lane + j] = 1.0 / size
            weighted_norm(residual, np.uintp(0), n, weights, error)
            for j in range(lane):
                if not iterating[j]:
                    continue
                b = path[j]
                counters[b, ITERATIONS] += 1
                if extended:
                    counters[b, EXTENDED_ITERATIONS] += 1
                size = error[j]
                good = np.isfinite(size)
                # The Jacobian of this iteration serves the next series: its relative error is about omega * size.
                goal = min(options[PREDICTION], options[CONTRACTION] / omega[j])
                settled = size * omega[j] <= goal
                if good and iteration == 0:
                    if starting[j]:
                        good = size <= options[START]
                        if not good:
                            result[j] = NOT_A_SOLUTION if extended else NEEDS_PRECISION
                    else:
                        # A prediction far worse than was aimed at is not worth correcting.
                        good = size <= 20.0 * goal
                        if model[j] > 0.0 and size > 1e-11:
                            ratio = size / model[j]
                            if ratio > UNRELIABLE and not extended:
                                result[j] = NEEDS_PRECISION
                                good = False
                            calibration[j] = min(max(ratio, 0.5 * calibration[j], 1e-4), 1e4)
                    accepted[j] = good and settled and size <= options[ACCURACY]
                elif good:
                    ratio = size / previous[j]
                    if previous[j] > 1e-7 and not starting[j]:
                        # Later iterations may see a larger constant, in a direction that the first does not.
                        old = 0.5 * omega[j] if iteration == 1 else omega[j]
                        omega[j] = max(2.0 * size / (previous[j] * previous[j]), old, 1e-3)
                        goal = min(options[PREDICTION], options[CONTRACTION] / omega[j])
                        settled = size * omega[j] <= goal
                    accepted[j] = settled and (
                        size <= options[ACCURACY] or (size <= SETTLED and size * ratio * ratio <= options[ACCURACY])
                    )
                    if ratio > 0.5 and not accepted[j]:
                        # Small steps that do not contract: rounding errors of the residual.
                        if size < options[NOISE] and (settled or extended):
                            accepted[j] = True
                        else:
                            good = False
                            if size < 1e-5 and not extended:
                                result[j] = NEEDS_PRECISION
                elif starting[j]:
                    singular = SINGULAR_START if smallest[j] == 0.0 else NOT_FINITE
                    result[j] = singular if extended else NEEDS_PRECISION
                previous[j] = size
                if not good or (iteration == _MOST_ITERATIONS - 1 and not accepted[j]):
                    iterating[j] = False
                    accepted[j] = False
                    continue
                for i in range(n):
                    for part in range(np.uintp(2)):
                        a = i * width + part * lane + j
                        if extended:
                            trial[a], trial_low[a] = dd_add(trial[a], trial_low[a], -residual[a], -residual_lows[a])
                        else:
                            trial[a] -= residual[a]
                if accepted[j]:
                    iterating[j] = False
                    measures[b, 0] = size
                    measures[b, 1] = smallest[j] / smallest[lane + j]

        for j in range(lane):
            b = path[j]
            if b < 0:
                continue
            if accepted[j]:
                for i in range(n):
                    for part in range(np.uintp(2)):
                        a = i * width + part * lane + j
                        base[a] = trial[a]
                        base_low[a] = trial_low[a]
                s[j] = s[j] - h[j]
                if starting[j]:
                    starting[j] = False
                    if measures[b, 1] < options[SINGULARITY]:
                        result[j] = SINGULAR_START
                else:
                    counters[b, STEPS] += 1
                    taken[j] += 1
                    if taken[j] >= options[PAUSE]:
                        result[j] = PAUSED
                fresh[j] = True
                if dt[j] == 0.0 and dt[lane + j] == 0.0:
                    s[j] = 0.0
                if s[j] <= 0.0 and (result[j] < 0 or result[j] == PAUSED):
                    result[j] = SUCCESS
            elif result[j] < 0:
                if starting[j]:
                    result[j] = NOT_A_SOLUTION if extended else NEEDS_PRECISION
                else:
                    counters[b, REJECTIONS] += 1
                    counters[b, STEPS] += 1
                    h[j] *= 0.5
                    model[j] *= 0.5 ** (top + 1)
            if result[j] >= 0:
                for i in range(n):
                    for part in range(np.uintp(2)):
                        a = i * width + part * lane + j
                        points[b, 2 * i + part] = base[a]
                        lows[b, 2 * i + part] = base_low[a]
                for part in range(np.uintp(2)):
                    t_from[b, part] = t0[part * lane + j] + s[j] * dt[part * lane + j]
                codes[b] = result[j]
                measures[b, 2] = omega[j]
                path[j] = -1
                fresh[j] = False
                starting[j] = False
                running -= 1
