"""A backward pass that is no function to be derived itself says so."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch.autograd.function import once_differentiable

Backward = Callable[..., Any]


def first_derivative_only(backward: Backward) -> Backward:
    """`torch.autograd.function.once_differentiable`, also where the gradient that arrives is a constant.

    Asked for a second derivative there, PyTorch's own would leave this layer out of it, as if it were 0. Here it raises
    RuntimeError in both cases.
    """
    once = once_differentiable(backward)

    @functools.wraps(backward)
    def checked(ctx: Any, gradient: torch.Tensor, *others: Any) -> Any:
        if torch.is_grad_enabled() and not gradient.requires_grad:  # enabled: a second derivative is wanted
            gradient = gradient.detach().requires_grad_()
        return once(ctx, gradient, *others)

    return checked
