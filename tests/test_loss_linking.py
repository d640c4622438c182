"""A loss in one file, the model that is compiled with it in another: both change, or neither."""

from __future__ import annotations

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.linking import link
from tape_migrate.model import Migration, Options, Outcome, Shape
from tape_migrate.project import build_project
from tests.fixture_cases import FIXTURES
from tests.migrating import edited_files, migrate_files

BEFORE = FIXTURES / "projects/loss_of_another_file/before"
FILES = {path.name: path.read_text(encoding="utf-8") for path in sorted(BEFORE.glob("*.py"))}
_IMPORT = "from losses import gradient_penalty_loss, wasserstein_loss\n"
_USE = "partial(gradient_penalty_loss,"
_END = "        return losses\n"
_RUN = "    losses = gan.train("


def outcome(found: dict[str, Migration]) -> tuple[str, str]:
    """What becomes of the only call: its shape or code, and what is said."""
    (site,) = [site for migration in found.values() for site in migration.sites]
    if site.outcome is Outcome.MIGRATED:
        assert site.shape is not None
        return site.shape.value, site.message
    assert not [path for path, migration in found.items() if migration.changed]
    return str(site.code), site.message


def edited(**changes: tuple[str, str] | str) -> dict[str, str]:
    """The files with ``name=(old, new)`` replaced, or ``name=text`` added."""
    return edited_files(FILES, changes)


_TAKEN = "gradient_penalty_loss"
_SECOND = (
    "import losses\n\n\ndef check(session, y, x):\n"
    "    return session.run(losses.gradient_penalty_loss(y, y, x))\n"
)
_SAVED = (
    "from keras.models import load_model\nfrom losses import gradient_penalty_loss\n\n"
    "model = load_model('m.h5', custom_objects={'loss': gradient_penalty_loss})\n"
)
_BY_TEXT = "import importlib\n\nnet = importlib.import_module('tr' + 'ain').WGAN()\n"
_RENAMED = "from losses import gradient_penalty_loss as gp\n"
_HANDED = "from hand import gradient_penalty_loss\n\nprint(gradient_penalty_loss)\n"
_HELD = "import hand\n\nprint(hand.gradient_penalty_loss)\n"
_STAR = "from losses import *\n"


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        # The loss has other uses, or may have.
        (edited(other=_SECOND), "other.py: it is used otherwise than in compile"),
        (edited(other=_SAVED), "other.py: it is used otherwise than in compile"),
        (edited(other=_STAR + "print(gradient_penalty_loss)\n"), "other.py: it is used otherwise"),
        (edited(other="import losses\n\nlosses.gradient_penalty_loss = None\n"), "other.py: it is"),
        (edited(other="import losses\n\nf = getattr(losses, 'gradient_penalty_loss')\n"), "by its"),
        (edited(train=(_END, "        print(gradient_penalty_loss)\n" + _END)), "is used in lines"),
        (edited(other="import lib.losses as L\n\nprint(L.gradient_penalty_loss)\n"), "other.py: l"),
        (edited(losses=(f"def {_TAKEN}", f"@cached\ndef {_TAKEN}")), "is decorated"),
        (edited(hand=_RENAMED, other="from hand import gp\n\nprint(gp)\n"), "imports it as gp"),
        (edited(hand=_STAR, other=_HANDED), "other.py: it is used otherwise"),
        (edited(hand=_IMPORT, other=_HELD), "other.py: it is used otherwise"),
        # The model is used otherwise.
        (edited(main=(_RUN, "    gan.critic_model.save('c.h5')\n" + _RUN)), "line 12, uses"),
        (edited(main=(_RUN, "    show(gan.critic_model)\n" + _RUN)), "main.py, line 12, hands"),
        (edited(main=(_RUN, "    gan.critic_model = None\n" + _RUN)), "is not seen to be made"),
        (edited(main=(_RUN, "    getattr(gan, 'critic_model')\n" + _RUN)), "asks for critic_model"),
        (edited(main=(_RUN, "    gan.generator_model.to_json()\n" + _RUN)), "uses gan.generator"),
        (edited(main=(_RUN, "    gan.critic.compile('sgd', 'mse')\n" + _RUN)), "main.py compiles"),
        (edited(train=(_END, "        self.critic_model.fit(images)\n" + _END)), "other than"),
        (edited(driver=_BY_TEXT + "net.critic_model.predict(1)\n"), "driver.py, line 4, uses"),
        # What the layers of other files do otherwise.
        (edited(networks=("LeakyReLU(0.2)", "BatchNormalization()")), "networks.py: line 8 names"),
        (edited(networks=("LeakyReLU(0.2)", "Masking(0.)")), "networks.py: the model may have a m"),
        (edited(networks="from keras.backend import set_floatx as s\n"), "sets "),
        (edited(main="import tensorflow as tf\n\ntf.Session()\n"), "needs graph mode"),
        (
            edited(main="import tensorflow as tf\n\ntf.compat.v1.disable_eager_execution()\n"),
            "main.py turns eager execution off",
        ),
        (edited(losses="\n\n@K.tf.RegisterGradient('R')\ndef r():\n    pass\n"), "RegisterG"),
        (edited(networks="\n\nfrom tensorflow import RegisterGradient\n"), "networks.py: the"),
        # What the loss does otherwise.
        (edited(losses=("    # first", "    print(y_true)\n    # first")), "uses y_true in line"),
        (edited(losses=("axis=list(range(1, len(gradients_sqr.shape)))", "axis=-1")), "may matter"),
    ],
)  # fmt: skip
def test_what_is_not_the_same_is_left(files: dict[str, str], reason: str) -> None:
    code, said = outcome(migrate_files(files, closed=True))
    assert code == "TM147", said
    assert reason in said, said


_OWN = "\n\ndef gradient_penalty_loss(y):\n    return y\n\n\nprint(gradient_penalty_loss(1))\n"


@pytest.mark.parametrize(
    "files",
    [
        edited(train=(_IMPORT, "import losses\nfrom losses import wasserstein_loss\n"))
        | {"train.py": FILES["train.py"].replace(
            _IMPORT, "import losses as L\nfrom losses import wasserstein_loss\n"
        ).replace(_USE, "partial(L.gradient_penalty_loss,")},
        edited(train=(_IMPORT, _IMPORT.replace(_TAKEN, f"{_TAKEN} as penalty")))
        | {"train.py": FILES["train.py"].replace(
            _IMPORT, _IMPORT.replace(_TAKEN, f"{_TAKEN} as penalty")
        ).replace(_USE, "partial(penalty,")},
        edited(handing="from losses import gradient_penalty_loss, wasserstein_loss\n"),
        edited(other="import numpy" + _OWN),
        edited(other="import numpy\n\n# gradient_penalty_loss is in losses.py\n"),
        edited(main=("gan.train(images, images[:, :2])",
                     "[gan.critic_model.train_on_batch(images, images)[0]]")),
        edited(train=("weight=GRADIENT_PENALTY_WEIGHT", "weight=2.5")),
    ],
)  # fmt: skip
def test_what_is_the_same_is_migrated(files: dict[str, str]) -> None:
    found = migrate_files(files)
    shape, said = outcome(found)
    assert shape == Shape.LOSS_CLOSURE.value
    assert [path for path, m in found.items() if m.changed] == ["losses.py", "train.py"]
    assert b"InputGradient(self.critic)(averaged)" in found["train.py"].new
    again = migrate_files({path: m.new.decode() for path, m in found.items()})
    assert not [path for path, m in again.items() if m.changed], said


def test_a_loss_of_a_package_is_left_unless_nothing_else_uses_it() -> None:
    files = {f"gan/{path}": text.replace("from losses", "from .losses")
             .replace("from networks", "from .networks").replace("from train", "from .train")
             for path, text in FILES.items()} | {"gan/__init__.py": ""}  # fmt: skip
    code, said = outcome(migrate_files(files))
    assert (code, "--assume-closed" in said) == ("TM147", True)
    shape, _ = outcome(migrate_files(files, closed=True))
    assert shape == Shape.LOSS_CLOSURE.value


@pytest.mark.parametrize("name", ["gradient_penalty_loss", "critic_model"])
def test_a_notebook_that_names_the_loss_or_the_model(name: str) -> None:
    sources = {path: text.encode() for path, text in FILES.items()}
    project = build_project(sources, {"look.ipynb": f'{{"source": ["{name}"]}}'.encode()})
    alone = {p: migrate_source(data, path=p, project=project) for p, data in sources.items()}
    linked = link(project, Options(), alone).migrations
    (site,) = linked["losses.py"].sites
    assert site.code == "TM147"
    assert not [path for path, migration in linked.items() if migration.changed]


@pytest.mark.parametrize("joint", [" + ", "\n    gradients += "])
def test_several_gradients_in_one_loss(joint: str) -> None:
    call = "K.gradients(y_pred, averaged_samples)[0]"
    found = migrate_files(edited(losses=(call, f"{call}{joint}{call}")))
    assert not [path for path, m in found.items() if m.changed]
    assert [site.code for site in found["losses.py"].sites] == ["TM147", "TM147"]


def test_a_comment_leaves_the_call_alone() -> None:
    files = edited(losses=("averaged_samples)[0]", "averaged_samples)[0]  # tape-migrate: ignore"))
    found = migrate_files(files)
    assert not [path for path, m in found.items() if m.changed]


def test_frozen_by_another_file_models_train_what_was_trainable() -> None:
    text = migrate_files(FILES)["train.py"].new
    assert text.count(b"= CompiledModel(") == 2


def test_nothing_is_said_of_losses_that_nobody_compiles() -> None:
    files = edited(
        train=("                                  loss=[w", "loss=None)\n        print([w")
    )
    code, said = outcome(migrate_files(files, closed=True))
    assert "in a loss cannot" not in said, (code, said)


def test_other_scripts_of_the_folder_do_not_matter() -> None:
    other = FILES["train.py"].replace("from losses", "from other_losses")
    other = other.replace("self.critic_model.train_on_batch", "self.critic_model.fit")
    shape, _ = outcome(migrate_files({**FILES, "unrelated.py": other}))
    assert shape == Shape.LOSS_CLOSURE.value
