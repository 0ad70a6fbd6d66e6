"""The loss as a ledger: which pair pays how much of NT-Xent, and which pair causes it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Role = Literal["itself", "positive", "negative"]


@dataclass(frozen=True)
class Ledger:
    """NT-Xent of N embeddings, pair by pair.

    For an anchor a and one of its positives p, with the negatives n of a:

        term(a, p) = ln(1 + sum over n of exp((s_an - s_ap) / temperature))

    The loss is the mean of all terms. Positives *pay*: their terms add up to the loss. Negatives *cause*: without any
    negative every term is ln(1) = 0, so each term is charged to the negatives of its sum, in proportion to their
    exponentials. Both columns add up to 100 %.
    """

    similarity: NDArray[np.float64]
    """(N, N) cosines."""
    labels: NDArray[np.int64]
    """(N,) equal for positives."""
    temperature: float

    @classmethod
    def of(cls, embeddings: ArrayLike, labels: ArrayLike, temperature: float) -> Ledger:
        """The ledger of embeddings (N, D), which need not be normalised."""
        rows = np.asarray(embeddings, np.float64)
        units = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        return cls(units @ units.T, np.asarray(labels, np.int64), temperature)

    @cached_property
    def positive(self) -> NDArray[np.bool_]:
        """(N, N) equal labels, without the diagonal."""
        return (self.labels[:, None] == self.labels) & ~np.eye(len(self.labels), dtype=bool)

    @cached_property
    def negative(self) -> NDArray[np.bool_]:
        """(N, N) other labels."""
        return self.labels[:, None] != self.labels

    def role(self, row: int, column: int) -> Role:
        """What a cell is: the anchor itself, a positive pair or a negative pair."""
        if row == column:
            return "itself"
        return "positive" if self.positive[row, column] else "negative"

    @cached_property
    def terms(self) -> NDArray[np.float64]:
        """(N, N) the loss of each ordered positive pair, 0 elsewhere."""
        if not self.negative.any():
            return np.zeros_like(self.similarity)
        scaled = self.similarity / self.temperature
        # the largest negative is taken out of the sum: exp never overflows
        top = np.where(self.negative, scaled, -np.inf).max(axis=1, keepdims=True)
        rest = np.log(np.exp(np.where(self.negative, scaled - top, -np.inf)).sum(axis=1, keepdims=True)) + top
        return np.where(self.positive, np.logaddexp(0, rest - scaled), 0.0)

    @property
    def loss(self) -> float:
        """NT-Xent: the mean term. 0 without positives or without negatives."""
        return float(self.terms.sum() / max(self.positive.sum(), 1))

    @property
    def chance(self) -> float:
        """The loss when all embeddings are equal: ln(1 + negatives of the anchor), averaged over positive pairs."""
        per_pair = np.log1p(self.negative.sum(axis=1))[:, None] * self.positive
        return float(per_pair.sum() / max(self.positive.sum(), 1))

    @cached_property
    def paid(self) -> NDArray[np.float64]:
        """(N, N) share of the loss that each positive pair pays; the sum is 1."""
        return self.terms / max(self.terms.sum(), 1e-300)

    @cached_property
    def caused(self) -> NDArray[np.float64]:
        """(N, N) share of the loss that each negative pair causes; the sum is 1."""
        if not self.negative.any():
            return np.zeros_like(self.similarity)
        scaled = self.similarity / self.temperature
        weights = np.where(self.negative, np.exp(scaled - scaled.max(axis=1, keepdims=True)), 0.0)
        blame = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
        return blame * self.paid.sum(axis=1, keepdims=True)

    @cached_property
    def shares(self) -> NDArray[np.float64]:
        """(N, N) `paid` at positive cells, `caused` at negative ones, 0 on the diagonal."""
        return np.where(self.positive, self.paid, self.caused)

    def sentence(self, row: int, column: int, names: list[str]) -> str:
        """One line about a cell: role, similarity and share."""
        role, value = self.role(row, column), self.similarity[row, column]
        head = f"{names[row]} and {names[column]}: {role}, cosine {value:+.2f}"
        if role == "itself":
            return f"{head} (always 1; it takes no part)"
        verb = "pays" if role == "positive" else "causes"
        own = f", its term is {self.terms[row, column]:.2f}" if role == "positive" else ""
        return f"{head}{own}, {verb} {self.shares[row, column]:.1%} of the loss {self.loss:.2f}"
