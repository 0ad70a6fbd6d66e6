"""The five terms: golden with gradients and queue, slow twin, properties (b), (d), (e), (f), (g), failure cases."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from method_goldens import agree, cases, doubles
from torch import Tensor

from clab_lite.methods.crosscl import CrossCLConfig, lite
from clab_lite.methods.crosscl.loss import RegionTerms, region_terms, term_name
from clab_lite.methods.crosscl.model import weighted_total
from clab_lite.methods.crosscl.region_mean import region_means
from clab_lite.methods.shared import RingQueue, info_nce_logits, top1

PAIRS = ((3, 3), (3, 4), (4, 3), (4, 4))


def maps(seed: int, images: int = 2, channels: int = 5) -> dict[int, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        level: torch.randn(images, channels, side, side, dtype=torch.float64, generator=generator, requires_grad=True)
        for level, side in ((3, 12), (4, 6))
    }


WINDOWS = doubles([[0, 0, 48, 48], [32, 0, 80, 48], [0, 32, 48, 80], [32, 32, 80, 80]])
KEY_WINDOWS = torch.stack([WINDOWS * 0.8 + 3, WINDOWS * 0.9 + 1])
VALID = torch.tensor([[True, False, True, True], [True, True, False, True]])


def terms_of(query: dict, key: dict, config: CrossCLConfig | None = None, **changed: Any) -> RegionTerms:
    given = {"windows": WINDOWS, "key_windows": KEY_WINDOWS, "valid": VALID, **changed}
    return region_terms(query, key, given["windows"], given["key_windows"], given["valid"], config or lite())


@pytest.mark.parametrize("case", cases("crosscl.losses"), ids=lambda c: c["name"])
def test_five_losses_golden(case: dict) -> None:
    given, expected = case["inputs"], case["expected"]
    pool = given["neg_pool"]
    config = lite(
        temperature=given["temperature"], negative_pool=pool["kernel"], negative_stride=pool["stride"],
        image_size=given["img_size"],
    )  # fmt: skip
    assert given["strides"] == {"p4": 16, "p3": 8}
    query = {level: doubles(given[f"p{level}_q"]).requires_grad_() for level in (3, 4)}
    key = {level: doubles(given[f"p{level}_k"]).requires_grad_() for level in (3, 4)}
    valid = torch.tensor(given["labels"]) == 0
    found = region_terms(query, key, doubles(given["windows_q"]), doubles(given["windows_k"]), valid, config)

    global_query, global_key = doubles(given["global_q"]).requires_grad_(), doubles(given["global_k"])
    queue = RingQueue(len(given["queue_DxK"][0]), len(given["queue_DxK"])).double()
    queue.vectors = doubles(given["queue_DxK"]).T
    queue.pointer = torch.tensor(given["queue_ptr"])
    logits = info_nce_logits(global_query, global_key, queue.vectors, config.temperature)
    terms = {"global": (logits.logsumexp(dim=1) - logits[:, 0]).mean(), **found.losses}
    total = weighted_total(terms, config)
    for name, value in expected["losses"].items():
        agree(total if name == "total" else terms[name], value, case)
    for name, value in expected["top1"].items():
        agree(top1(logits) if name == "global" else found.top1[name], value, case)
    assert found.valid == expected["n_valid"]

    total.backward()
    agree(global_query.grad, expected["grad_total_wrt"]["global_q"], case)
    for level in (3, 4):
        agree(query[level].grad, expected["grad_total_wrt"][f"p{level}_q"], case)
        assert key[level].grad is None  # property (e)
    queue.enqueue(global_key)
    agree(queue.vectors.T, expected["queue_after"], case)
    assert int(queue.pointer) == expected["queue_ptr_after"]


def slow_term(query: dict, key: dict, source: int, target: int, same_image: bool, temperature: float = 0.2) -> float:
    """Loops over images, windows and positions."""

    def unit(v: Tensor) -> Tensor:
        return v / v.norm()

    losses = []
    for image in range(len(VALID)):
        for window in range(len(WINDOWS)):
            if not VALID[image, window]:
                continue
            row, column = slice(image, image + 1), slice(window, window + 1)
            z = unit(region_means(query[source][row], WINDOWS[None, column], 2.0**source)[0, 0])
            k = unit(region_means(key[target][row], KEY_WINDOWS[row, column], 2.0**target)[0, 0])
            total = 0.0
            for other in range(len(VALID)):
                if other == image and not same_image:
                    continue
                level = key[target][other]
                for i in range(level.shape[-2] - 2):
                    for j in range(level.shape[-1] - 2):
                        negative = unit(level[:, i : i + 3, j : j + 3].mean(dim=(1, 2)))
                        total += math.exp(float(z @ negative) / temperature)
            good = math.exp(float(z @ k) / temperature)
            losses.append(-math.log(good / (good + total)))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("exclude", [False, True])
def test_terms_equal_their_slow_twin(exclude: bool) -> None:
    query, key = maps(1), maps(2)
    found = terms_of(query, key, lite(exclude_same_image=exclude)).losses
    query, key = ({level: value.detach() for level, value in side.items()} for side in (query, key))
    assert set(found) == {"p3", "p4", "p3_to_p4", "p4_to_p3"}
    for source, target in PAIRS:
        expected = slow_term(query, key, source, target, same_image=not exclude)
        assert found[term_name(source, target)].item() == pytest.approx(expected, rel=1e-10)


def test_without_a_valid_window_terms_are_zero_and_in_the_graph() -> None:
    """The official mean over nothing is NaN (quirk 5)."""
    query = maps(1)
    found = terms_of(query, maps(2), valid=torch.zeros_like(VALID))
    total = sum(found.losses.values())
    total.backward()  # type: ignore[union-attr]
    assert found.valid == 0 and all(value == 0 for value in found.losses.values())
    for level in query.values():
        assert level.grad is not None and level.grad.abs().max() == 0
    assert all(value == 0 for value in found.top1.values())


def test_permuting_windows_or_scaling_a_level_changes_nothing() -> None:
    query, key, order = maps(1), maps(2), torch.tensor([2, 0, 3, 1])
    base = terms_of(query, key).losses
    permuted = terms_of(
        query, key, windows=WINDOWS[order], key_windows=KEY_WINDOWS[:, order], valid=VALID[:, order]
    ).losses
    scaled = terms_of({3: query[3] * 7, 4: query[4]}, {3: key[3], 4: key[4] * 0.01}).losses
    for name, value in base.items():
        torch.testing.assert_close(permuted[name], value)
        torch.testing.assert_close(scaled[name], value)


def test_own_location_among_the_negatives_keeps_the_loss_up() -> None:
    """Quirk 1: at perfect agreement the published form still pays for the positive's own place, the option not."""
    level = torch.zeros(2, 4, 6, 6, dtype=torch.float64)
    level[0, 0], level[1, 1] = 1.0, 1.0  # each image is one colour
    same, other = {4: level}, {4: level.clone()}
    config = {"stages": (4,)}
    published = terms_of(same, other, lite(**config)).losses["p4"]
    without = terms_of(same, other, lite(exclude_same_image=True, **config)).losses["p4"]
    positions = 4 * 4
    assert published.item() == pytest.approx(math.log(1 + positions + positions * math.exp(-5)))
    assert without.item() == pytest.approx(math.log(1 + positions * math.exp(-5)))
    assert published > math.log(positions)


def test_one_image_without_its_own_negatives_has_none() -> None:
    query = {level: value[:1] for level, value in maps(1).items()}
    key = {level: value[:1] for level, value in maps(2).items()}
    found = terms_of(query, key, lite(exclude_same_image=True), key_windows=KEY_WINDOWS[:1], valid=VALID[:1])
    assert all(abs(value.item()) < 1e-12 for value in found.losses.values())


def test_autocast_rounds_maps_but_neither_windows_nor_cosines() -> None:
    query, key = ({level: value.detach().bfloat16() for level, value in maps(seed).items()} for seed in (1, 2))
    exact = terms_of(*({level: value.float() for level, value in side.items()} for side in (query, key))).losses
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = terms_of(query, key).losses
    for name, value in exact.items():
        torch.testing.assert_close(found[name], value, rtol=1e-6, atol=1e-6)


def test_weights_of_the_total() -> None:
    terms = {name: torch.tensor(float(n)) for n, name in enumerate(("global", "p3", "p4", "p3_to_p4", "p4_to_p3"), 1)}
    assert weighted_total(terms, lite()) == 15
    assert weighted_total(terms, lite(cross_weight=0.0)) == 1 + 2 + 3  # property (g)
    assert weighted_total(terms, lite(global_weight=0.0, intra_weight=2.0)) == 2 * (2 + 3) + 4 + 5


def test_any_levels_are_contrasted_with_each_other() -> None:
    query, key = maps(1), maps(2)
    query[2] = torch.randn(2, 5, 24, 24, dtype=torch.float64)
    key[2] = torch.randn(2, 5, 24, 24, dtype=torch.float64)
    assert len(terms_of(query, key).losses) == 9


@pytest.mark.parametrize("exclude", [False, True])
def test_gathered_negatives_of_two_processes(exclude: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of two processes holds one image. P4's negatives come from both, P3's are its own (quirk 3)."""
    from clab_lite.methods.crosscl import loss

    query, key = maps(1), maps(2)
    joined = terms_of(query, key, lite(exclude_same_image=exclude)).losses
    parts = []
    for process in (0, 1):
        rows = slice(process, process + 1)
        monkeypatch.setattr(loss, "rank", lambda process=process: process)
        monkeypatch.setattr(loss, "gather_rows", lambda _squares: loss.negative_vectors(key[4].detach(), 3, 1))
        parts.append(
            terms_of(
                {level: value[rows] for level, value in query.items()},
                {level: value[rows] for level, value in key.items()},
                lite(gather="deepest", exclude_same_image=exclude),
                key_windows=KEY_WINDOWS[rows],
                valid=VALID[rows],
            )
        )
        monkeypatch.undo()
        alone = terms_of(
            {level: value[rows] for level, value in query.items()},
            {level: value[rows] for level, value in key.items()},
            lite(exclude_same_image=exclude),
            key_windows=KEY_WINDOWS[rows],
            valid=VALID[rows],
        )
        torch.testing.assert_close(parts[-1].losses["p3"], alone.losses["p3"])
    for name in ("p4", "p3_to_p4"):
        together = sum(part.losses[name] * part.valid for part in parts) / sum(part.valid for part in parts)
        torch.testing.assert_close(together, joined[name])


def test_roi_align_is_the_same_for_windows_on_whole_cells() -> None:
    query, key, windows = maps(1), maps(2), WINDOWS.expand(2, -1, -1)
    exact = terms_of(query, key, key_windows=windows).losses
    sampled = terms_of(query, key, lite(pool="roi_align"), key_windows=windows).losses
    for name, value in exact.items():
        torch.testing.assert_close(sampled[name], value)
    moved = terms_of(query, key, lite(pool="roi_align")).losses
    assert not torch.allclose(moved["p4"], terms_of(query, key).losses["p4"])
