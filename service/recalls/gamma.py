"""Quantiles of the Gamma distribution, in plain Python; pure."""

import math
from typing import Final

_EPSILON: Final = 1e-15
_CLOSE: Final = 1e-14
_TERMS_MAX: Final = 10_000
_STEPS_MAX: Final = 200


def gamma_quantile(probability: float, shape: float) -> float:
    """Return x with P(shape, x) = probability, for the Gamma distribution of scale 1; about 13 figures are right.

    Newton's steps on the regularised incomplete gamma, kept inside a bracket that bisection narrows. The lower end is
    the root of the series' first term, x^shape / Gamma(shape + 1), which is never below P.
    """
    if not (0 < probability < 1 and shape > 0):
        raise ValueError("a quantile needs a probability between 0 and 1 and a shape above 0")
    low = math.exp((math.log(probability) + math.lgamma(shape + 1)) / shape)
    if low == 0:
        return 0.0  # below the smallest float
    high = max(shape + 1.0, 2 * low)
    while gamma_cdf(shape, high) < probability:
        low, high = high, 2 * high
    x = low if shape < 1 else (low + high) / 2
    for _ in range(_STEPS_MAX):
        error = gamma_cdf(shape, x) - probability
        if abs(error) <= _CLOSE * probability:
            return x
        low, high = (low, x) if error > 0 else (x, high)
        density = math.exp((shape - 1) * math.log(x) - x - math.lgamma(shape))
        step = x - error / density if density > 0 else low
        following = step if low < step < high else (low + high) / 2
        if abs(following - x) <= 1e-14 * x:
            return following
        x = following
    return x


def gamma_cdf(shape: float, x: float) -> float:
    """Return the regularised lower incomplete gamma function P(shape, x).

    Below shape + 1 by its series (DLMF 8.11.4), above by the continued fraction of the upper function (DLMF 8.9.2)
    with Lentz's algorithm, as in Press and others, Numerical Recipes, 3rd edition, 6.2.
    """
    if x <= 0:
        return 0.0
    front = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    return front * _series(shape, x) if x < shape + 1 else 1.0 - front * _fraction(shape, x)


def _series(shape: float, x: float) -> float:
    term = total = 1.0 / shape
    for number in range(1, _TERMS_MAX):
        term *= x / (shape + number)
        total += term
        if term < total * _EPSILON:
            break
    return total


def _fraction(shape: float, x: float) -> float:
    tiny = 1e-300
    b = x + 1.0 - shape
    c, d = 1.0 / tiny, 1.0 / b
    total = d
    for number in range(1, _TERMS_MAX):
        a = -number * (number - shape)
        b += 2.0
        d = 1.0 / (a * d + b or tiny)
        c = b + a / c or tiny
        total *= d * c
        if abs(d * c - 1.0) < _EPSILON:
            break
    return total
