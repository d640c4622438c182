"""Losses and layers of other files: what else stands in the way, and what does not."""

from __future__ import annotations

import pytest

from tape_migrate.model import Migration, Outcome
from tests import test_layer_linking as layers
from tests import test_loss_linking as losses
from tests.migrating import migrate_files

_HEAD = "def gradient_penalty_loss(y_true, y_pred, averaged_samples, gradient_penalty_weight=10):\n"
_LOSS = losses.FILES["losses.py"].partition(_HEAD)[2]
_PARTIAL = losses.FILES["train.py"].partition("partial_gp_loss = ")[2].partition("\n        par")[0]
_MAKER = (
    "def gradient_penalty_loss(averaged_samples, gradient_penalty_weight=10):\n"
    "    def loss(y_true, y_pred):\n"
    + "".join(f"    {line}\n" for line in _LOSS.splitlines())
    + "    return loss\n"
)
_OVERRIDE = (
    "\n\nimport tensorflow as tf\n\n\n@tf.RegisterGradient('R')\ndef r(op, g):\n    return g\n"
)
_EAGER_OFF = "\n\nimport tensorflow as tf\ntf.compat.v1.disable_eager_execution()\n"


def said(files: dict[str, str]) -> tuple[str, str]:
    """Shape or code, and the message, of the only call; refused, no file changes."""
    found: dict[str, Migration] = migrate_files(files, closed=True)
    (site,) = [site for migration in found.values() for site in migration.sites]
    if site.outcome is Outcome.MIGRATED:
        assert site.shape is not None
        return site.shape.value, site.message
    assert not any(migration.changed for migration in found.values())
    return str(site.code), site.message


def made(maker: str = _MAKER, use: str = "gradient_penalty_loss(averaged)") -> dict[str, str]:
    """The files, with a function that makes the loss."""
    files = dict(losses.FILES)
    files["losses.py"] = files["losses.py"].replace(_HEAD + _LOSS, maker)
    files["train.py"] = files["train.py"].replace(_PARTIAL, use)
    assert use in files["train.py"]
    return files


@pytest.mark.parametrize(
    ("files", "code", "reason"),
    [
        (made(), "loss-closure", ""),
        (made(use="gradient_penalty_loss(averaged_samples=averaged)"), "loss-closure", ""),
        (made(use="gradient_penalty_loss(*[averaged])"), "TM147", "what Keras hands to a loss"),
        (made(use="gradient_penalty_loss(self.averaged)"), "TM147", "what Keras hands to a loss"),
        (made(_MAKER.replace("return loss", "return [loss]")), "TM147", "what Keras hands to a l"),
        (
            losses.edited(train=("class WGAN:\n", "class WGAN:\n    def gradient_penalty_loss(s"
                                 "elf):\n        return self.gradient_penalty_loss\n\n")),
            "loss-closure",
            "",
        ),
        (
            losses.edited(train=("class WGAN:\n", "class WGAN:\n    def other(self):\n"
                                 "        return self.gradient_penalty_loss\n\n")),
            "TM147",
            "what Keras hands to a loss",
        ),
        (
            losses.edited(train="\n\nimport tensorflow as tf\ntf.gradients = None\n"),
            "TM147",
            "train.py: the module replaces the gradient function at run time",
        ),
        (layers.edited(layers="\n\ngetattr(K, 'GradNorm')\n"), "TM148", "asks for GradNorm by its"),
        (layers.edited(gan=_OVERRIDE), "TM148", "gan.py: the module uses RegisterGradient"),
        (layers.edited(layers=_OVERRIDE), "TM109", "the module uses RegisterGradient"),
        (layers.edited(layers=_EAGER_OFF), "TM148", "layers.py turns eager execution off"),
    ],
)  # fmt: skip
def test_what_becomes_of_a_loss_or_a_layer(files: dict[str, str], code: str, reason: str) -> None:
    found, message = said(files)
    assert found == code, message
    assert reason in message


def test_a_class_that_a_function_makes_is_left() -> None:
    head, mark, rest = layers.FILES["layers.py"].partition("class GradNorm(Layer):")
    inner = "".join(f"    {line}\n" if line else "\n" for line in (mark + rest).splitlines())
    files = dict(layers.FILES)
    files["layers.py"] = f"{head}def outer():\n{inner}    return GradNorm\n\n\nGradNorm = outer()\n"
    code, message = said(files)
    assert code == "TM148"
    assert "uses GradNorm otherwise than to call it" in message
