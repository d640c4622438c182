"""Refusals and shapes explained, as text."""

from __future__ import annotations

import textwrap
from importlib import import_module

from tape_migrate.model import Shape
from tape_migrate.refusals import Reason, all_refusals, find
from tape_migrate.reports.by_hand import BY_HAND

_WIDTH = 88

_SHAPES = {
    Shape.LOCAL: "Source, target and call lie in one function (or the module): the statements "
    "from the source to the target go into a tape, the gradient comes after it.",
    Shape.NESTED: "A gradient of a gradient: the tape of each higher order encloses the tape of "
    "the order below.",
    Shape.HESSIANS: "tf.hessians: an inner tape gives the gradient, an outer tape its jacobian.",
    Shape.CONTROL_FLOW: "Python control flow lies around or in the way of the gradient: it is put "
    "under tf.function, which turns it into the graph's own.",
    Shape.LOOP_BODY: "The call is in the body of tf.while_loop, tf.map_fn or tf.scan: the tape "
    "goes into the body.",
    Shape.TRAINING: "The sources are the trainable variables that the framework collects: the tape "
    "holds everything that may read one of them on its way to the target.",
    Shape.KEPT_TAPE: "The forward pass is in setUp or __init__, the gradient in another method: "
    "the object keeps the tape.",
    Shape.HELPER: "The target is a parameter: the callers open the tape around their forward pass "
    "and hand it in.",
    Shape.MAKERS: "A function makes the source and what is computed from it, and gives back both: "
    "it is handed the tape, and watches what it makes.",
    Shape.IN_TF_FUNCTION: "The function is already a tf.function: the tape goes inside it.",
    Shape.KERAS_FUNCTION: "Symbolic tensors of a Keras model, compiled by K.function: a sub-model "
    "gives their values in a tape, in a compiled function with K.function's calling convention.",
    Shape.LOSS_CLOSURE: "A loss function of compile takes the gradient of y_pred (WGAN-GP): a "
    "layer calls the model in a tape and gives the gradient, which the loss reads as its y_pred. "
    "Loss and model may be in different files, which change together.",
    Shape.GRADIENT_LAYER: "A Lambda layer, or a layer class, differentiates one of its inputs by "
    "another: a layer that calls what lies between them in a tape takes its place, or the class is "
    "given the model and does so.",
}

_MODULES = {Shape.TRAINING: "variables"}
"""Where a shape is explained, if not in the module called like it."""


def shape_sentence(shape: Shape) -> str:
    """Return what a shape is, in a sentence or two."""
    return _SHAPES[shape]


def explanation(key: str | None) -> str | None:
    """Return the text for a code, a code's name or a shape; the list of all for None.

    None if there is nothing of that name.
    """
    if key is None:
        return _listing()
    reason = find(key)
    if reason is not None:
        return _reason(reason)
    for shape, sentence in _SHAPES.items():
        if shape.value == key.lower():
            # Each shape's module tells its before, its after and why they are the same.
            name = _MODULES.get(shape, shape.value.replace("-", "_"))
            module = import_module(f"tape_migrate.shapes.{name}")
            recipe = (module.__doc__ or "").replace("::\n", ":\n").strip()
            return f"{shape.value}\n\n{textwrap.fill(sentence, _WIDTH)}\n\n{recipe}\n"
    return None


def _listing() -> str:
    reasons = all_refusals()
    width = max(len(reason.slug) for reason in reasons)
    lines = [f"{entry.code}  {entry.slug:<{width}}  {entry.sentence}" for entry in reasons]
    broad = max(len(shape.value) for shape in Shape)
    lines += ["", "Shapes, each with its before and after under `tape-migrate explain SHAPE`:", ""]
    lines += [f"{shape.value:<{broad}}  {sentence}" for shape, sentence in _SHAPES.items()]
    return "\n".join(lines) + "\n"


def _reason(reason: Reason) -> str:
    parts = [
        f"{reason.code} {reason.slug}",
        textwrap.fill(reason.sentence, _WIDTH),
        textwrap.fill(f"What to do: {reason.advice}", _WIDTH),
    ]
    if reason.example:
        parts.append("Example:\n\n" + textwrap.indent(reason.example, "    "))
    by_hand = reason.recipe or BY_HAND.get(reason.code, "")
    if by_hand:
        parts.append("By hand:\n\n" + textwrap.indent(by_hand, "    "))
    return "\n\n".join(parts) + "\n"
