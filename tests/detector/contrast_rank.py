"""Run by test_contrast.py in two processes: the auxiliary head on this rank's features. usage: contrast_rank.py OUT"""

from __future__ import annotations

import sys

import torch
from golden_inputs import make_two_rank_feature
from test_contrast import official_branch

from clab_lite import distributed


def main() -> None:
    torch.set_num_threads(1)
    distributed.start_from_environment("cpu")
    branch = official_branch(temperature=0.1, in_channels=64)
    embeddings: list[torch.Tensor] = []
    # The golden holds the gradient of each rank's own embeddings.
    branch.projector.register_forward_hook(lambda _module, _inputs, output: embeddings.append(output))
    features = torch.from_numpy(make_two_rank_feature(distributed.rank()))
    loss = branch(features, torch.tensor([0, 1, 0, 0, 1, 1]))
    embeddings[0].retain_grad()
    (0.005 * loss).backward()
    found = {"embeddings": embeddings[0].detach(), "gradient": embeddings[0].grad, "loss": loss.detach()}
    torch.save(found, f"{sys.argv[1]}_{distributed.rank()}.pt")
    distributed.stop()


if __name__ == "__main__":
    main()
