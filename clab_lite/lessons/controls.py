"""Controls of an explorer: a label in full, room to grab, the arrow keys work."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from clab_lite.errors import DataError

_WIDE = {"description_width": "initial"}
_BUTTONS, _LETTERS = 5, 48
"""As many options, with so many letters together, stand side by side as buttons; more go into a list."""


def slider(label: str, low: float, high: float, value: float, step: float) -> widgets.Widget:
    """A slider from `low` to `high`; of whole numbers where all four are whole numbers.

    Raises:
        DataError: `value` is outside, or the step is not positive.
    """
    _require(label, low, high, value)
    if step <= 0:
        raise DataError(f"slider {label!r}: step {step} does not move. Choose a positive one.")
    given: dict[str, Any] = {"description": label, "min": low, "max": high, "value": value, "step": step}
    given |= {"style": _WIDE, "layout": _layout(label), "continuous_update": True}
    if all(isinstance(number, int) for number in (low, high, value, step)):
        return widgets.IntSlider(**given)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return widgets.FloatSlider(**given, readout_format=f".{digits}f")


def log_slider(label: str, low: float, high: float, value: float, per_decade: int = 10) -> widgets.FloatLogSlider:
    """A slider on a logarithmic scale, `per_decade` steps for each factor of ten.

    Raises:
        DataError: a bound is not positive, or `value` is outside.
    """
    if low <= 0:
        raise DataError(f"slider {label!r}: {low} has no logarithm. Start above zero.")
    _require(label, low, high, value)
    return widgets.FloatLogSlider(
        description=label,
        base=10,
        min=math.log10(low),
        max=math.log10(high),
        step=1 / per_decade,
        value=value,
        readout_format=".2g",
        style=_WIDE,
        layout=_layout(label),
        continuous_update=True,
    )


def stops(label: str, options: Sequence[Any], value: Any) -> widgets.SelectionSlider:
    """A slider that stops only at `options`: numbers, texts, or (text, value) pairs."""
    _require_option(label, options, value)
    return widgets.SelectionSlider(
        description=label, options=list(options), value=value, style=_WIDE, layout=_layout(label)
    )


def choice(label: str, options: Sequence[Any], value: Any = None) -> widgets.Widget:
    """One of `options` (texts, or (text, value) pairs): buttons side by side while they fit, else a list.

    `value` None takes the first.
    """
    texts = [_text(option) for option in options]
    if value is None and options:
        value = _value(options[0])
    _require_option(label, options, value)
    given: dict[str, Any] = {"description": label, "options": list(options), "value": value, "style": _WIDE}
    if len(options) <= _BUTTONS and sum(map(len, texts)) <= _LETTERS:
        wide = widgets.Layout(width="auto")  # the label beside the buttons, not above them
        return widgets.ToggleButtons(**given | {"style": {**_WIDE, "button_width": "auto"}, "layout": wide})
    return widgets.Dropdown(**given, layout=widgets.Layout(width="max-content"))


def as_control(name: str, given: Any) -> widgets.Widget:
    """An ipywidget as it is; a truth value becomes a check box, a list a choice.

    Raises:
        DataError: it is none of these.
    """
    if isinstance(given, widgets.Widget) and given.has_trait("value"):
        return given
    if isinstance(given, bool):
        return widgets.Checkbox(description=name.replace("_", " "), value=given, indent=False)
    if isinstance(given, list | tuple) and given:
        return choice(name.replace("_", " "), given)
    raise DataError(f"control {name!r} is {given!r}. Pass lessons.slider(...), lessons.choice(...), or any ipywidget.")


def _layout(label: str) -> widgets.Layout:
    """Room for the label, a rail of at least 200 pixels, and the number."""
    return widgets.Layout(width=f"{280 + 7 * len(label)}px", max_width="100%")


def _text(option: Any) -> str:
    return str(option[0] if isinstance(option, tuple) else option)


def _value(option: Any) -> Any:
    return option[1] if isinstance(option, tuple) else option


def _require(label: str, low: float, high: float, value: float) -> None:
    if not low <= value <= high:
        raise DataError(f"slider {label!r}: the value {value} is outside {low} to {high}. Choose one inside.")


def _require_option(label: str, options: Sequence[Any], value: Any) -> None:
    values = [_value(option) for option in options]
    if value not in values:
        raise DataError(f"choice {label!r}: {value!r} is none of {values}. Choose one of them.")
