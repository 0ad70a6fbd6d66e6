"""Where numbers stop being finite: what failed is done once more, looking at every layer.

Nothing here runs as long as all is well. Only when a loss, a gradient or a score is not finite, hooks are put on the
modules of the network, and the same forward pass (and backward pass) is repeated. The forward pass is repeated without
gradients: every layer is then called by itself, also where training fuses two (`clab_lite.detector.frozen_norm`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from clab_lite.distributed import alone, is_distributed
from clab_lite.errors import NotFinite
from clab_lite.gradient_watch import GradientWatch


@contextmanager
def layer_named(network: nn.Module, again: Callable[[], Tensor]) -> Iterator[None]:
    """Inside, the message of a `NotFinite` gets a sentence more: the first layer that was not finite.

    Args:
        network: whose modules are looked at.
        again: does the failed step once more and gives its total loss. Several processes each do it by themselves,
            on their own part of the batch (`clab_lite.distributed.alone`): nobody waits for anybody.
    """
    try:
        yield
    except NotFinite as error:
        raise type(error)(f"{error} {first_trouble(network, again)}") from error


def first_trouble(network: nn.Module, again: Callable[[], Tensor]) -> str:
    """A sentence: which output, or else which gradient, is the first that is not finite.

    Gradients are left as they were; other state that a step changes (statistics of BatchNorm, queues) is not.
    """
    try:
        with alone():
            with torch.no_grad():
                found = first_bad_output(network, again)
            return found or _first_bad_gradient(network, again)
    except RuntimeError as error:  # for example no memory left: that must not hide what went wrong
        return f"The layer could not be looked for ({str(error).splitlines()[0][:200]})."


def first_bad_output(network: nn.Module, again: Callable[[], Any]) -> str | None:
    """The same of a forward pass alone; None when every output is finite."""
    found: list[str] = []

    def look(name: str, module: nn.Module, inputs: tuple[Any, ...], options: Mapping[str, Any], output: Any) -> None:
        bad, total = _count(tensors_in(output))
        if bad and not found:
            which = _names_of_bad(output)
            found.append(
                f"The first output that is not finite is that of {_called(name, module)}{which}: {bad:,} of {total:,} "
                f"numbers; {_inputs(inputs, options)}, {_weights(name, module)}."
            )

    with ExitStack() as hooks:
        for name, module in network.named_modules():
            hook = module.register_forward_hook(
                lambda module, inputs, options, output, name=name: look(name, module, inputs, options, output),
                with_kwargs=True,
            )
            hooks.callback(hook.remove)
        again()
    return found[0] if found else None


def _first_bad_gradient(network: nn.Module, again: Callable[[], Tensor]) -> str:
    weights = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
    with GradientWatch(network) as watch:
        # Not backward(): that would also call what DistributedDataParallel has hung onto the weights.
        gradients = torch.autograd.grad(again(), list(weights.values()), allow_unused=True)
    if watch.found is not None:
        return f"Every output is finite. {watch.found}"
    pairs = zip(weights, gradients, strict=True)
    largest = [(float(gradient.abs().max()), name) for name, gradient in pairs if gradient is not None]
    if not largest:
        return "Done once more, every output is finite, and no weight has a gradient."
    value, name = max(largest)
    whose = "Done once more by this process alone" if is_distributed() else "Done once more"
    return f"{whose}, every output and gradient is finite; the largest gradient is that of {name}, {value:.3g}."


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Floating point tensors of a value, inside tuples, lists and dicts."""
    if isinstance(value, Tensor):
        if value.is_floating_point():
            yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from tensors_in(item)


def _count(tensors: Iterable[Tensor]) -> tuple[int, int]:
    """How many numbers are not finite, and how many there are."""
    bad = total = 0
    for tensor in tensors:
        bad, total = bad + int((~tensor.isfinite()).sum()), total + tensor.numel()
    return bad, total


def _called(name: str, module: nn.Module) -> str:
    kind = type(module).__name__
    return f"{name} ({kind})" if name else f"the whole {kind}, outside of its layers,"


def _names_of_bad(output: Any) -> str:
    """Of several named results those that are not finite."""
    if not isinstance(output, Mapping):
        return ""
    return f" ({', '.join(str(key) for key, value in output.items() if _count(tensors_in(value))[0])})"


def _inputs(inputs: tuple[Any, ...], options: Mapping[str, Any]) -> str:
    bad = _count(tensors_in([*inputs, *options.values()]))[0]
    return f"{bad:,} numbers of its input are not finite" if bad else "its input is finite"


def _weights(name: str, module: nn.Module) -> str:
    """Whether the weights of a module and of those inside are finite."""
    prefix = f"{name}." if name else ""
    unread = _unread_statistics(module)
    own = [*module.named_parameters(), *((key, value) for key, value in module.named_buffers() if key not in unread)]
    bad = [prefix + key for key, value in own if value.is_floating_point() and not value.isfinite().all()]
    if not bad:
        return "its weights are finite" if own else "it has no weights"
    return f"its weight {bad[0]} is not finite" + (f" (nor are {len(bad) - 1} more)" if bad[1:] else "")


def _unread_statistics(module: nn.Module) -> set[str]:
    """Running statistics of BatchNorms that are in training: nothing reads them, and the bad step has changed them."""
    norms = [(name, part) for name, part in module.named_modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    return {f"{name}.{key}".lstrip(".") for name, part in norms if part.training for key, _ in part.named_buffers()}
