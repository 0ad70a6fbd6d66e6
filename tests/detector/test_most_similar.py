"""The search for the most similar cells: largest values, near ties, cosines."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from clab_lite.detector import most_similar
from clab_lite.detector.map_tables import MapTables, unit_rows
from clab_lite.detector.most_similar import MapPair, most_similar_cells
from clab_lite.detector.sparse_rows import SparseRows


def tables(cells: Tensor) -> MapTables:
    """Of a map of one row of cells (V, C)."""
    return MapTables((1, len(cells)), cells, unit_rows(cells), None)


def search(queries: Tensor, reference: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The cells of a reference map (V, C) that are most similar to queries (N, C)."""
    itself = SparseRows.equal(torch.arange(len(queries))[:, None], torch.ones(len(queries), 1, dtype=torch.float64))
    return most_similar_cells(itself, queries, MapPair.of(tables(queries), tables(reference)), count)


@pytest.mark.parametrize("count", [1, 2, 5, 12])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("way", ["_largest", "_largest_by_sorting", "_largest_one_by_one"])
def test_the_largest_are_those_of_topk(way: str, ties: bool, count: int) -> None:
    rows = torch.randint(-3, 3, (40, 12)).float() if ties else torch.randn(40, 12)
    expected = functional.pad(rows, (0, 1), value=-torch.inf).topk(count + 1, dim=1).values
    values, index, following = getattr(most_similar, way)(rows.clone(), count)
    assert torch.equal(values, expected[:, :count])
    assert torch.equal(following, expected[:, count])
    assert torch.equal(rows.gather(1, index), values)
    assert all(len(set(row)) == count for row in index.tolist())


@torch.no_grad()
@pytest.mark.parametrize("count", [1, 2, 5])
def test_cells_and_cosines_are_those_of_the_whole_table(count: int) -> None:
    queries, reference = torch.randn(30, 8), 5 * torch.randn(20, 8)
    cosines = functional.normalize(queries.double()) @ functional.normalize(reference.double()).T
    expected = cosines.topk(count, dim=1)
    index, cosine = search(queries, reference, count)
    assert torch.equal(index, expected.indices)
    torch.testing.assert_close(cosine.double(), expected.values, rtol=0, atol=1e-6)


def test_searching_with_gradient_finds_the_same() -> None:
    queries, reference = torch.randn(30, 8), torch.randn(20, 8)
    with torch.no_grad():
        index, cosine = search(queries, reference, 2)
    found = search(queries.requires_grad_(), reference, 2)
    assert found[1].requires_grad and torch.equal(found[0], index)
    torch.testing.assert_close(found[1], cosine, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_gradients_are_those_of_the_cosines(kind: torch.dtype) -> None:
    """Of both maps; also where autocast has made them bfloat16."""
    queries, reference = (torch.randn(count, 8).to(kind).requires_grad_() for count in (30, 20))
    index, found = search(queries, reference, 2)
    unit_queries, units = functional.normalize(queries.double()), functional.normalize(reference.double())
    toward = torch.randn(30, 2)
    ours = torch.autograd.grad(found, (queries, reference), toward)
    theirs = torch.autograd.grad((unit_queries[:, None] * units[index]).sum(dim=2), (queries, reference), toward)
    torch.testing.assert_close(ours, theirs, **({"rtol": 0.02, "atol": 0.02} if kind == torch.bfloat16 else {}))


@torch.no_grad()
@pytest.mark.parametrize("nearest_first", [True, False])
@pytest.mark.parametrize("count", [1, 2])
def test_near_ties_are_decided_right(count: int, nearest_first: bool) -> None:
    """Cosines of (1, 0) and (1, t) for two neighbouring float32 values t: they differ by 1e-8, and float32 has 6e-8."""
    start = torch.linspace(0.25, 0.49, 50)
    alike = 0
    for near, far in zip(start, start.nextafter(torch.tensor(1.0)), strict=True):
        pair = torch.stack([torch.stack([torch.tensor(1.0), t]) for t in (near, far)])
        exact = (pair.double()[:, 0] / pair.double().norm(dim=1)).tolist()
        assert 5e-9 < exact[0] - exact[1] < 2e-8
        alike += int(unit_rows(pair)[0, 0] == unit_rows(pair)[1, 0])
        others = torch.tensor([[0.0, 1.0], [3.0, 0.0]])  # far away, and for two wanted cells an undoubted first
        reference = torch.cat([others[:count], pair if nearest_first else pair.flip(0)])
        index, _ = search(torch.tensor([[1.0, 0.0]]), reference, count)
        assert index[0, -1] == count + (0 if nearest_first else 1)
        assert count == 1 or index[0, 0] == 1
    assert alike > 25  # in float32 most pairs are equal: the first would be taken


@torch.no_grad()
def test_what_counts_as_near_does_not_depend_on_lengths(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cosines are compared, whatever the length of a cell: the same cells are decided again in float64."""
    generator = torch.Generator().manual_seed(0)
    queries, reference = (torch.randn(count, 3, generator=generator).abs() for count in (400, 2000))
    original, again = most_similar._largest_exactly, list[int]()

    def counted(cells: SparseRows, pair: MapPair, count: int) -> tuple[Tensor, Tensor]:
        again.append(len(cells))
        return original(cells, pair, count)

    monkeypatch.setattr(most_similar, "_largest_exactly", counted)
    for length in (2.0**-13, 1.0, 2.0**13):  # powers of two: nothing is rounded otherwise
        search(length * queries, reference, 2)
    assert again[0] == again[1] == again[2] > 3, again
