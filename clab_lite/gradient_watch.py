"""Follows the gradients of one backward pass through the modules of a network, for `clab_lite.nonfinite`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn


@dataclass
class _Call:
    """One call of a module."""

    name: str
    module: nn.Module
    reached: bool = True
    """Whether all gradients that have reached its outputs so far are finite."""

    def __str__(self) -> str:
        return f"{self.name or 'the network'} ({type(self.module).__name__})"


@dataclass
class GradientWatch:
    """Inside, a forward and backward pass of the network are watched; `found` tells the first bad gradient.

    Every tensor that enters a module is replaced by a view of its own, so that the gradient which this one module gives
    it can be seen, and not the sum over all that read it. Tensors inside dataclasses are not followed: what a module
    does with them is told as "outside of a layer".
    """

    network: nn.Module
    found: str | None = None
    _calls: dict[int, list[_Call]] = field(default_factory=dict)
    _hooks: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> GradientWatch:
        for name, module in self.network.named_modules():
            self._calls[id(module)] = []
            before = module.register_forward_pre_hook(self._enters(name), with_kwargs=True)
            after = module.register_forward_hook(self._leaves)
            self._hooks.callback(before.remove)
            self._hooks.callback(after.remove)
        for name, parameter in self.network.named_parameters():
            if parameter.requires_grad:
                self._hooks.callback(parameter.register_hook(self._of_weight(name)).remove)
        return self

    def __exit__(self, *_: object) -> None:
        self._hooks.close()

    def _enters(self, name: str) -> Callable[..., Any]:
        def hook(module: nn.Module, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
            call = _Call(name, module)
            self._calls[id(module)].append(call)
            return self._watched(inputs, call), self._watched(options, call)

        return hook

    def _watched(self, value: Any, call: _Call) -> Any:
        """The same value with its own view of every tensor that learns."""
        if isinstance(value, Tensor):
            if not value.requires_grad:
                return value
            view = value.view_as(value)
            view.register_hook(lambda gradient: self._at_input(gradient, call))
            return view
        if isinstance(value, Mapping):
            return {key: self._watched(item, call) for key, item in value.items()}
        if type(value) in (list, tuple):
            return type(value)(self._watched(item, call) for item in value)
        return value

    def _leaves(self, module: nn.Module, _: Any, output: Any) -> None:
        call = self._calls[id(module)].pop()
        self._follow(output, call)

    def _follow(self, value: Any, call: _Call) -> None:
        if isinstance(value, Tensor):
            if value.requires_grad:
                value.register_hook(lambda gradient: self._at_output(gradient, call))
        elif isinstance(value, Mapping):
            self._follow(list(value.values()), call)
        elif isinstance(value, list | tuple):
            for item in value:
                self._follow(item, call)

    def _at_output(self, gradient: Tensor, call: _Call) -> None:
        if gradient.isfinite().all():
            return
        call.reached = False
        self._tell(f"is that of the output of {call}: what follows that layer, outside of any other, made it")

    def _at_input(self, gradient: Tensor, call: _Call) -> None:
        if call.reached and not gradient.isfinite().all():
            self._tell(f"comes out of the backward pass of {call}, into which a finite one went")

    def _of_weight(self, name: str) -> Callable[[Tensor], None]:
        def hook(gradient: Tensor) -> None:
            if not gradient.isfinite().all():
                self._tell(f"is that of the weight {name}")

        return hook

    def _tell(self, words: str) -> None:
        if self.found is None:
            self.found = f"The first gradient that is not finite {words}."
