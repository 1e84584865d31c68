"""The parts that forms are made of: ipywidgets with the classes of `form.css`."""

from __future__ import annotations

import html

import ipywidgets

__all__ = ["box", "error_line", "field", "segments"]


def box(kind: type[ipywidgets.Box], name: str, *children: ipywidgets.Widget) -> ipywidgets.Box:
    """A box of a class of its own."""
    made = kind(list(children))
    made.add_class(name)
    return made


def field(label: str, control: ipywidgets.Widget, error: ipywidgets.HTML) -> ipywidgets.Box:
    """A control below its label, and what is wrong with it below that."""
    heading = ipywidgets.HTML(html.escape(label))
    heading.add_class("mj-label")
    return box(ipywidgets.VBox, "mj-field", heading, control, error)


def segments(options: list[tuple[str, str]], value: str, name: str) -> ipywidgets.ToggleButtons:
    """A choice of a few, all in sight; `name` is what they are a choice of."""
    control = ipywidgets.ToggleButtons(
        options=options, value=value, tooltips=[f"{name}: {label}" for label, _ in options]
    )
    control.add_class("mj-seg")
    return control


def error_line() -> ipywidgets.HTML:
    """Where an error is said; nothing is seen of it while it is empty."""
    shown = ipywidgets.HTML()
    shown.add_class("mj-error")
    return shown
