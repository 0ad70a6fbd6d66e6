"""Every derivative that is not PyTorch's own, against finite differences in float64.

Written by hand are the subclasses of `torch.autograd.Function`: each in the package needs an entry in `BY_HAND`. The
others are made of PyTorch's operations in an unusual way (a sparse matrix for RoIAlign, a closed form for a mean).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
import torch.distributed
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck

import clab_lite
from clab_lite import distributed
from clab_lite.config import RoIConfig
from clab_lite.detector.frozen_norm import convolve_normalised
from clab_lite.detector.roi_align import roi_align
from clab_lite.detector.sparse_rows import SparseRows
from clab_lite.detector.temporal_roi_align import TemporalRoIAlign
from clab_lite.methods.codo.loss import batch_losses, queue_losses
from clab_lite.methods.crosscl.region_mean import region_means
from clab_lite.methods.ranked.loss import Ranks, ranked_loss
from clab_lite.methods.shared.info_nce import info_nce
from clab_lite.methods.shared.joined_norm import _Joined

REGIONS = {
    "none": [],
    "inside": [[3.0, 5.0, 40.0, 44.0]],
    "across the border": [[-20.0, -9.0, 25.0, 30.0], [30.0, 20.0, 90.0, 70.0]],
    "outside": [[-90.0, -80.0, -50.0, -40.0], [200.0, 20.0, 260.0, 60.0]],
    "a point": [[16.0, 16.0, 16.0, 16.0]],
}
"""On maps of 3 x 4 cells of 16 pixels."""


def doubles(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


@pytest.fixture
def group(tmp_path: Path) -> Iterator[None]:
    """A process group of this process alone."""
    torch.distributed.init_process_group("gloo", f"file://{tmp_path / 'group'}", rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def check_gather(_: pytest.FixtureRequest) -> None:
    """Rows of one process; of several, the gradient is by design theirs together (below)."""
    _.getfixturevalue("group")
    for rows in (0, 1, 3):
        values = doubles(rows, 2)
        assert gradcheck(lambda x: distributed._Gather.apply(x, [len(x)]), (values,))
        assert gradgradcheck(lambda x: distributed._Gather.apply(x, [len(x)]).square(), (values,))


def check_normalised(_: pytest.FixtureRequest) -> None:
    """No image, one, several; strides, dilation, groups; gamma 0. A second derivative is refused."""
    for count, where in [
        (0, {}),
        (1, {"stride": 2, "padding": 1}),
        (2, {"padding": 2, "dilation": 2}),
        (1, {"groups": 2}),
    ]:
        convolution = nn.Conv2d(2, 4, 3, bias=False, **where).double()
        norm = nn.BatchNorm2d(4, eps=0.1).double().eval()
        nn.init.normal_(norm.weight)
        norm.running_var.uniform_(0.2, 3)
        norm.weight.data[1] = 0
        inputs = (doubles(count, 2, 4, 5), convolution.weight, norm.weight, norm.bias)
        assert gradcheck(lambda x, *_: convolve_normalised(x, convolution, norm), inputs)  # noqa: B023
    refuses_a_second(lambda x: convolve_normalised(x, convolution, norm), inputs[0], inputs[1])


def check_joined(_: pytest.FixtureRequest) -> None:
    """Rows and images of one process (of several: tests/pretraining). A second derivative is refused."""
    for shape in [(3, 2), (2, 2, 2, 3), (1, 2, 1, 2)]:
        inputs = (doubles(*shape), doubles(2), doubles(2))
        assert gradcheck(lambda x, w, b: _Joined.apply(x, w, b, 0.1)[0], inputs)
    refuses_a_second(lambda x: _Joined.apply(x, inputs[1], inputs[2], 0.1)[0], inputs[0], inputs[1])


def refuses_a_second(function: Callable[[Tensor], Tensor], x: Tensor, weight: Tensor) -> None:
    """Also where the gradient that arrives is a constant, as that of a sum is."""
    for result in (lambda y: y.sum(), lambda y: y.square().sum()):
        (slope,) = torch.autograd.grad(result(function(x)), weight, create_graph=True)
        with pytest.raises(RuntimeError, match="once_differentiable"):
            slope.sum().backward()


BY_HAND: dict[str, Callable[[pytest.FixtureRequest], None]] = {
    "clab_lite.distributed._Gather": check_gather,
    "clab_lite.detector.frozen_norm._Normalised": check_normalised,
    "clab_lite.methods.shared.joined_norm._Joined": check_joined,
}


def functions_of_the_package() -> set[str]:
    """Every subclass of Function, after all modules were imported."""
    for module in pkgutil.walk_packages(clab_lite.__path__, "clab_lite."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    waiting, found = [torch.autograd.Function], set()
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith("clab_lite"):
            found.add(f"{kind.__module__}.{kind.__qualname__}")
    return found


def test_every_derivative_written_by_hand_is_checked() -> None:
    assert functions_of_the_package() == set(BY_HAND), "give a new Function a check in BY_HAND"


@pytest.mark.parametrize("name", BY_HAND)
def test_derivatives_written_by_hand(name: str, request: pytest.FixtureRequest) -> None:
    BY_HAND[name](request)


def test_gathered_rows_of_two_processes_have_twice_the_own_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every rank computes the same function of all rows; DistributedDataParallel halves the sum over ranks again."""
    own, other = doubles(2, 3), torch.randn(1, 3, dtype=torch.float64)
    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    monkeypatch.setattr(distributed, "rank", lambda: 1)
    monkeypatch.setattr(distributed, "_gather_padded", lambda values, _: torch.cat([other, values]))
    (found,) = torch.autograd.grad(distributed._Gather.apply(own, [1, 2]).square().sum(), own)
    torch.testing.assert_close(found, 2 * 2 * own.detach())


@pytest.mark.parametrize("boxes", REGIONS.values(), ids=REGIONS)
def test_roi_align(boxes: list[list[float]]) -> None:
    rois = torch.nn.functional.pad(torch.tensor(boxes, dtype=torch.float64).reshape(-1, 4), (1, 0), value=1)
    assert gradcheck(lambda maps: roi_align(maps, rois, 2, 16, 2), (doubles(2, 2, 3, 4),))


@pytest.mark.parametrize("boxes", REGIONS.values(), ids=REGIONS)
@pytest.mark.parametrize("references", [0, 1, 2])
def test_temporal_roi_align(boxes: list[list[float]], references: int) -> None:
    config = RoIConfig(output_size=2, sampling_ratio=1, most_similar=2, attention_blocks=2)
    module, maps = TemporalRoIAlign(2, config, 16).double(), doubles(1 + references, 2, 3, 4)
    regions = torch.tensor(boxes, dtype=torch.float64).reshape(-1, 4)

    def aggregated(maps: Tensor, *_: Tensor) -> Tensor:
        key, *others = module.tables(maps)
        return module([regions], [key], [others])[0]

    assert gradcheck(aggregated, (maps, *module.parameters()), fast_mode=True)


def test_temporal_roi_align_where_all_cells_are_alike() -> None:
    """Ties: which cells are looked up does not depend on a step of 1e-6, for all reference cells stay alike."""
    config = RoIConfig(output_size=2, sampling_ratio=1, most_similar=2, attention_blocks=1)
    module, key, shared = TemporalRoIAlign(2, config, 16).double(), doubles(1, 2, 3, 4), doubles(2)
    regions = torch.tensor(REGIONS["inside"], dtype=torch.float64)

    def aggregated(key: Tensor, shared: Tensor) -> Tensor:
        tables = module.tables(torch.cat([key, shared[None, :, None, None].expand_as(key)]))
        return module([regions], tables[:1], [tables[1:]])[0]

    assert gradcheck(aggregated, (key, shared))


@pytest.mark.parametrize("rows", [[], [[]], [[(0, 1.5)]], [[(0, 2.0), (0, -1.0), (2, 0.0)], [], [(1, 3.0)]]])
def test_sparse_rows(rows: list[list[tuple[int, float]]]) -> None:
    entries = [entry for row in rows for entry in row]
    index = torch.tensor([column for column, _ in entries], dtype=torch.long)
    weight = torch.tensor([value for _, value in entries], dtype=torch.float64, requires_grad=True)
    counts = torch.tensor([len(row) for row in rows], dtype=torch.long)
    start = counts.cumsum(0) - counts
    assert gradcheck(lambda w, t: SparseRows(index, w, start).of(t), (weight, doubles(3, 2)))


@pytest.mark.parametrize("boxes", [boxes for name, boxes in REGIONS.items() if name != "a point"])
def test_region_means(boxes: list[list[float]]) -> None:
    regions = torch.tensor(boxes, dtype=torch.float64).reshape(1, -1, 4).requires_grad_()
    assert gradcheck(lambda f, b: region_means(f, b, 16.0), (doubles(1, 2, 3, 4), regions))


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("negatives", [0, 4])
def test_info_nce(count: int, negatives: int) -> None:
    inputs = (doubles(count, 3), doubles(count, 3), doubles(negatives, 3))
    assert gradcheck(lambda *v: info_nce(*v, 0.2), inputs)
    assert gradgradcheck(lambda *v: info_nce(*v, 0.2), inputs)


def test_losses_of_the_methods() -> None:
    anchors, keys, bank = doubles(3, 4), torch.randn(3, 4).double(), torch.randn(5, 4).double()
    similarity = torch.tensor([[1, 0.5, 0], [0.5, 1, 0.2], [0, 0.2, 1]], dtype=torch.float64)
    ranks = Ranks.of_similarity(similarity, 2, 0.1, 0.6)
    labels, bank_labels = torch.tensor([0, 1, 2]), torch.tensor([0, 1, 2, -1, 1])
    for variant in ("in", "out", "out-in"):
        inputs = (keys, bank, labels, bank_labels, ranks, variant)
        assert gradcheck(lambda a: ranked_loss(a, *inputs).total, (anchors,))  # noqa: B023
    assert gradcheck(lambda q, k, n: queue_losses(q, k, n, 0.2), (doubles(2, 2, 3), doubles(2, 2, 3), doubles(2, 4, 3)))
    assert gradcheck(lambda q, k: batch_losses(q, k, 0.2), (doubles(3, 2, 3), doubles(3, 2, 3)))
