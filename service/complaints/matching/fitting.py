"""Two fits in plain Python: a ranking by softmax over the candidates, and a logistic regression.

Both are deterministic: no chance, no clock, and sums in the order of the input.
"""

from collections.abc import Mapping, Sequence
from math import exp

Row = Mapping[str, float]


def fit_ranking(
    groups: Sequence[tuple[Sequence[Row], Sequence[bool]]],
    *,
    start: Mapping[str, float],
    rounds: int = 6,
    step: float = 0.05,
    shrink: float = 1e-4,
) -> dict[str, float]:
    """Return weights, never below zero, under which the right rows of each group have the largest softmax share.

    A group is (rows, which of them are right); groups without a right row teach nothing. Weights start at `start` and
    are averaged over the second half of the rounds, which steadies the last digits.
    """
    weights = dict(start)
    sums = dict.fromkeys(weights, 0.0)
    averaged = 0
    for turn in range(rounds):
        pace = step / (1 + turn)
        for rows, right in groups:
            if any(right) and not all(right):
                _climb(weights, rows, right, pace, shrink)
            if turn * 2 >= rounds:
                averaged += 1
                for key, value in weights.items():
                    sums[key] += value
    return {key: total / max(averaged, 1) for key, total in sums.items()}


def _climb(weights: dict[str, float], rows: Sequence[Row], right: Sequence[bool], pace: float, shrink: float) -> None:
    totals = [sum(weights.get(key, 0.0) * amount for key, amount in row.items()) for row in rows]
    top = max(totals)
    shares = [exp(total - top) for total in totals]
    whole = sum(shares)
    whole_right = sum(share for share, is_right in zip(shares, right, strict=True) if is_right)
    change: dict[str, float] = {}
    for row, share, is_right in zip(rows, shares, right, strict=True):
        pull = (share / whole_right if is_right else 0.0) - share / whole
        if abs(pull) > 1e-6:
            for key, amount in row.items():
                change[key] = change.get(key, 0.0) + pull * amount
    for key, amount in change.items():
        if key in weights:
            weights[key] = max(0.0, weights[key] + pace * (amount - shrink * weights[key]))


def fit_logistic(
    rows: Sequence[Row], truths: Sequence[bool], amounts: Sequence[float], *, ridge: float = 1.0, rounds: int = 8
) -> dict[str, float]:
    """Return the weights, "bias" among them, of a logistic regression by Newton's method (IRLS).

    `amounts` says how much each row counts; `ridge` is the penalty on every weight but the bias.
    """
    keys = ["bias", *sorted({key for row in rows for key in row})]
    table = [[1.0, *(row.get(key, 0.0) for key in keys[1:])] for row in rows]
    weights = [0.0] * len(keys)
    for _ in range(rounds):
        slope = [-(ridge * weight if place else 0.0) for place, weight in enumerate(weights)]
        curve = [[(ridge if place else 1e-6) if place == other else 0.0 for other in range(place + 1)]
                 for place in range(len(keys))]  # fmt: skip
        for values, truth, amount in zip(table, truths, amounts, strict=True):
            logit = sum(weight * value for weight, value in zip(weights, values, strict=True))
            chance = 1 / (1 + exp(-max(-30.0, min(30.0, logit))))
            pull = amount * (truth - chance)
            bend = amount * max(chance * (1 - chance), 1e-6)
            for place, value in enumerate(values):
                if value:
                    slope[place] += pull * value
                    bent = bend * value
                    line = curve[place]
                    for other in range(place + 1):
                        line[other] += bent * values[other]
        moves = _solve(curve, slope)
        weights = [weight + move for weight, move in zip(weights, moves, strict=True)]
        if max(map(abs, moves)) < 1e-6:
            break
    return dict(zip(keys, weights, strict=True))


def _solve(lower: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """Solve a symmetric positive system, given as its lower triangle, by Cholesky's decomposition."""
    size = len(right)
    root = [[0.0] * size for _ in range(size)]
    for place in range(size):
        for other in range(place + 1):
            rest = lower[place][other] - sum(root[place][at] * root[other][at] for at in range(other))
            root[place][other] = max(rest, 1e-12) ** 0.5 if place == other else rest / root[other][other]
    middle = [0.0] * size
    for place in range(size):
        done = sum(root[place][at] * middle[at] for at in range(place))
        middle[place] = (right[place] - done) / root[place][place]
    answer = [0.0] * size
    for place in reversed(range(size)):
        done = sum(root[at][place] * answer[at] for at in range(place + 1, size))
        answer[place] = (middle[place] - done) / root[place][place]
    return answer
