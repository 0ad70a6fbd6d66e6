"""The most similar cells of a reference map, for every cell of every region (Temporal RoI Align section 3.2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.linalg import vecdot

from clab_lite.detector.map_tables import EPSILON, MapTables, unit_rows
from clab_lite.detector.sparse_rows import SparseRows
from clab_lite.devices import precise_type

_DOUBT = 1e-5
"""Cosines nearer than this are compared again in float64: float32 errs by less (5e-7 was measured at 512 channels), and
which of two near equals is chosen then depends neither on the device nor on the order of a sum. (A GPU that is allowed
TensorFloat32 errs by 1e-3 and chooses as coarsely.) Pooled cells are sums without cancellation, of maps after a ReLU:
what is rounded in a product is small beside their length."""
_PRODUCTS_AT_ONCE = 2**21
"""Products held at once on a CPU (8 MB): they stay in its cache."""
_PRODUCTS_AT_ONCE_ON_A_GPU = 2**27
"""A GPU rather has few large steps (512 MB)."""


@dataclass(frozen=True)
class MapPair:
    """A key map and a reference map, and the products of their cells: product[y, v] = key[y] . unit_reference[v].

    Products are float32 also under autocast: near 1, bfloat16 cannot tell neighbouring cells apart.
    """

    key: MapTables
    reference: MapTables
    product: Tensor

    @classmethod
    def of(cls, key: MapTables, reference: MapTables) -> MapPair:
        """Without gradient: the products choose cells, nothing more."""
        units = reference.units
        with torch.no_grad(), torch.autocast(units.device.type, enabled=False):
            return cls(key, reference, key.cells.to(units.dtype) @ units.T)


def most_similar_cells(cells: SparseRows, pooled: Tensor, pair: MapPair, count: int) -> tuple[Tensor, Tensor]:
    """For every cell of the regions the `count` most similar cells of the reference map, by cosine.

    A pooled cell is a weighted sum of cells of the key map, p = sum_y a_y k_y, so its products with the reference cells
    are the same sum of products: p . u = sum_y a_y (k_y . u). The products of whole maps, (H*W) x (H*W), are far fewer
    than those of R*P*P pooled cells (300 regions of 7x7 at 320x480: 0.18 instead of 4.5 GMAC per reference frame), and
    summing a few of their rows is cheap.

    Args:
        cells: RoIAlign of the regions, (N, H*W) with N = R*P*P.
        pooled: (N, C), its result.
        pair: the map that was pooled, and the map to look in, of V cells.
        count: cells wanted; at most V.

    Returns:
        index (N, count) into V, best first, and cosine (N, count). Gradients flow into the cosines.
    """
    units = pair.reference.units
    count = min(count, len(units))
    with torch.autocast(units.device.type, enabled=False):
        with torch.no_grad():
            index, values = _search(cells, pooled, pair, count)
        if torch.is_grad_enabled():
            values = torch.stack([vecdot(pooled.to(units.dtype), units[place]) for place in index.unbind(1)], dim=1)
        return index, values / _lengths(pooled, units)[:, None]


def _search(cells: SparseRows, pooled: Tensor, pair: MapPair, count: int) -> tuple[Tensor, Tensor]:
    """Places and values of the `count` largest products of every cell; near ties are decided in float64."""
    at_once = _PRODUCTS_AT_ONCE if pooled.device.type == "cpu" else _PRODUCTS_AT_ONCE_ON_A_GPU
    parts = cells.split(max(1, at_once // len(pair.reference.units)))
    found = zip(*(_largest(part.of(pair.product), count) for part in parts), strict=True)
    values, index, next_best = (torch.cat(part) for part in found)
    doubtful = torch.nonzero(values[:, -1] - next_best < _DOUBT * _lengths(pooled, pair.reference.units)).flatten()
    if len(doubtful):
        exact = _largest_exactly(cells.rows(doubtful), pair, count)
        values[doubtful], index[doubtful] = exact[0].to(values.dtype), exact[1]
    return index, values


def _lengths(pooled: Tensor, units: Tensor) -> Tensor:
    """(N,), in the precision of the units."""
    return pooled.to(units.dtype).norm(dim=1) + EPSILON


def _largest(rows: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """The `count` largest of each row of (N, V), their places, and the value after them (N,). Overwrites `rows`."""
    return (_largest_one_by_one if rows.device.type == "cpu" else _largest_by_sorting)(rows, count)


def _largest_by_sorting(rows: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    best = torch.cat([rows, rows.new_full((len(rows), 1), -torch.inf)], dim=1).topk(count + 1, dim=1)
    return best.values[:, :count], best.indices[:, :count], best.values[:, count]


def _largest_one_by_one(rows: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    values, index = [], []
    for _ in range(count):  # NumPy finds the place of a maximum several times faster than torch does on a CPU.
        place = torch.from_numpy(rows.numpy().argmax(axis=1))[:, None]
        index.append(place)
        values.append(rows.gather(1, place))
        rows.scatter_(1, place, -torch.inf)
    return torch.cat(values, dim=1), torch.cat(index, dim=1), rows.amax(dim=1)


def _largest_exactly(cells: SparseRows, pair: MapPair, count: int) -> tuple[Tensor, Tensor]:
    """The largest products and their places, for a few rows of `cells`, all in float64."""
    precise = precise_type(pair.product.device)
    read, place = cells.index.unique(return_inverse=True)  # few cells: the whole map need not be converted
    pooled = SparseRows(place, cells.weight, cells.start).of(pair.key.cells[read].to(precise))
    return (pooled @ unit_rows(pair.reference.cells.to(precise)).T).topk(count, dim=1)
