"""SparseRows against the dense matrix: rows without entries, entries of weight 0, a column named twice, no rows."""

from __future__ import annotations

from itertools import chain, pairwise

import pytest
import torch
from torch import Tensor

from clab_lite.detector.sparse_rows import SparseRows

ENTRIES = [[], [(1, 2.0)], [(0, 0.0), (3, 0.0)], [(2, 1.0), (2, 3.0), (0, -1.0)], [], [(3, 0.0), (1, 5.0)], []]
"""Per row (column, weight)."""
DENSE = torch.tensor(
    [[0, 0, 0, 0], [0, 2, 0, 0], [0, 0, 0, 0], [-1, 0, 4, 0], [0, 0, 0, 0], [0, 5, 0, 0], [0, 0, 0, 0.0]]
)
NO_ROWS = SparseRows(torch.zeros(0, dtype=torch.long), torch.zeros(0), torch.zeros(0, dtype=torch.long))


def sparse() -> SparseRows:
    counts = torch.tensor([len(row) for row in ENTRIES])
    columns, weights = (torch.tensor(part) for part in zip(*chain(*ENTRIES), strict=True))
    return SparseRows(columns, weights, counts.cumsum(0) - counts)


def dense(matrix: SparseRows, columns: int = 4) -> Tensor:
    """By its definition, entry by entry."""
    result = torch.zeros(len(matrix.start), columns)
    edges = [*matrix.start.tolist(), len(matrix.index)]
    for row, (begin, end) in enumerate(pairwise(edges)):
        for entry in range(begin, end):
            result[row, matrix.index[entry]] += matrix.weight[entry]
    return result


def test_the_example_is_what_it_says() -> None:
    assert torch.equal(dense(sparse()), DENSE)
    assert len(sparse()) == len(ENTRIES)


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_of_a_table_is_the_product(precision: torch.dtype) -> None:
    table = torch.randn(4, 3, dtype=precision)
    found = sparse().of(table)
    assert found.dtype == precision
    torch.testing.assert_close(found, DENSE.to(precision) @ table)


def test_the_product_has_the_right_gradient() -> None:
    matrix, table = sparse(), torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    weight = matrix.weight.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda w, t: SparseRows(matrix.index, w, matrix.start).of(t), (weight, table))


def test_nonzero_is_the_same_matrix_with_fewer_entries() -> None:
    found = sparse().nonzero()
    assert torch.equal(dense(found), DENSE)
    assert found.weight.tolist() == [2, 1, 3, -1, 5]
    assert torch.equal(dense(found.nonzero()), DENSE)


@pytest.mark.parametrize("which", [[0], [6], [5, 3, 1], [3, 3, 0, 6, 3], list(range(7)), []])
def test_rows_are_those_asked_for_in_that_order(which: list[int]) -> None:
    chosen = torch.tensor(which, dtype=torch.long)
    for matrix in (sparse(), sparse().rows(torch.arange(7))):
        assert torch.equal(dense(matrix.rows(chosen)), DENSE[chosen])


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 100])
def test_the_parts_of_a_split_are_the_matrix(rows: int) -> None:
    parts = list(sparse().split(rows))
    assert [len(part) for part in parts] == [min(rows, 7 - first) for first in range(0, 7, rows)]
    assert torch.equal(torch.cat([dense(part) for part in parts]), DENSE)


def test_equal_numbers_of_entries() -> None:
    index, weight = torch.tensor([[1, 0], [3, 3]]), torch.tensor([[2.0, 0.0], [1.0, 4.0]])
    assert torch.equal(dense(SparseRows.equal(index, weight)), torch.tensor([[0, 2, 0, 0], [0, 0, 0, 5.0]]))
    assert torch.equal(dense(SparseRows.equal(index[:, :0], weight[:, :0])), torch.zeros(2, 4))


def test_no_rows() -> None:
    table = torch.randn(4, 3, requires_grad=True)
    for matrix in (NO_ROWS, NO_ROWS.nonzero(), NO_ROWS.rows(torch.zeros(0, dtype=torch.long))):
        assert matrix.of(table).shape == (0, 3)
    assert all(len(part) == 0 for part in NO_ROWS.split(5))
    NO_ROWS.of(table).sum().backward()
    assert table.grad is not None and (table.grad == 0).all()
