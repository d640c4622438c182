"""A layer class in one file, models that use it in others: all change, or none does."""

from __future__ import annotations

import pytest

from tape_migrate.model import Outcome, Shape
from tests.fixture_cases import FIXTURES
from tests.migrating import edited_files, migrate_files

BEFORE = FIXTURES / "projects/layer_class_of_another_file/before"
FILES = {path.name: path.read_text(encoding="utf-8") for path in sorted(BEFORE.glob("*.py"))}
_USE = "GradNorm()([dis(interpolation), interpolation])"
_IMPORT = "from layers import GradNorm\n"
_CLASS = "class GradNorm(Layer):"
_END = "        return loss[0]\n"


def edited(**changes: tuple[str, str] | str) -> dict[str, str]:
    """The files with ``name=(old, new)`` replaced, or ``name=text`` added."""
    return edited_files(FILES, changes)


_OTHER = "import layers\n\n\ndef use(model, x):\n    return "


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        # The class has other uses, or may have.
        (
            edited(other=_OTHER + "layers.GradNorm()\n"),
            "other.py: line 5 uses layers.GradNorm othe",
        ),
        (edited(other=_OTHER + "layers.GradNorm()([x, x])\n"), "other.py: line 5: x is not what a"),
        (edited(other=_OTHER + "layers.GradNorm()([model(x)[0], x])\n"), "gives several outputs"),
        (
            edited(other=_OTHER + "{'GradNorm': layers.GradNorm}\n"),
            "other.py: line 5 uses layers.G",
        ),
        (edited(other=_OTHER + "getattr(layers, 'GradNorm')\n"), "asks for GradNorm by its name"),
        (
            edited(other="from layers import *\n\nprint(GradNorm)\n"),
            "line 3 uses GradNorm otherwise",
        ),
        (edited(other="from layers import GradNorm as G\n", more="G = 1\n"), "imports it as G"),
        (edited(other="from layers import GradNorm\n\n\nclass N(GradNorm):\n    pass\n"), "line 4"),
        # It is more than a layer of two tensors.
        (edited(layers=(_CLASS, "@keras_export('g')\n" + _CLASS)), "is decorated"),
        (edited(layers=("target, wrt = inputs", "target, wrt = list(inputs)")), ""),
        # What the models do otherwise.
        (
            edited(gan=(_END, "        self.dis_trainer.save('d.h5')\n" + _END)),
            "uses self.dis_trai",
        ),
        (edited(main=("LeakyReLU(0.2)", "BatchNormalization()")), "main.py: line 11 names BatchNo"),
        (
            edited(main="\n\niWGAN(1, 2).gen_trainer.fit(1, 2, sample_weight=3)\n"),
            "fit sample_weig",
        ),
        (edited(main="\n\nprint(iWGAN(1, 2).dis_trainer.layers[0])\n"), "of a layer at a place"),
        (edited(main="\n\nrun(1)[0].compile('sgd')\n"), "main.py compiles a model"),
        (edited(main="import tensorflow as tf\n\ntf.Session()\n"), "needs graph mode"),
    ],
)
def test_what_is_not_the_same_is_left(files: dict[str, str], reason: str) -> None:
    found = migrate_files(files, closed=True)
    (site,) = [site for migration in found.values() for site in migration.sites]
    assert site.outcome is Outcome.REFUSED
    assert not [path for path, migration in found.items() if migration.changed]
    assert reason in site.message, site.message


def test_a_class_of_a_package_is_left_unless_nothing_else_uses_it() -> None:
    files = {
        f"net/{path}": text.replace("from layers", "from .layers").replace("from gan", "from .gan")
        for path, text in FILES.items()
    } | {"net/__init__.py": "from .layers import GradNorm\n"}
    (site,) = migrate_files(files)["net/layers.py"].sites
    assert (site.code, "--assume-closed" in site.message) == ("TM148", True)
    (site,) = migrate_files(files, closed=True)["net/layers.py"].sites
    assert site.shape is Shape.GRADIENT_LAYER


def test_several_gradients_in_one_class() -> None:
    call = "K.gradients(target, wrt)"
    found = migrate_files(edited(layers=(call, f"{call}\n        more = {call}")))
    assert [site.shape for site in found["layers.py"].sites] == [Shape.GRADIENT_LAYER, Shape.LOCAL]
    assert b"gradients" not in found["layers.py"].new


def test_several_files_use_it() -> None:
    second = FILES["gan.py"].replace(_USE, "L.GradNorm(name='norm')([dis(real_input), real_input])")
    files = {**FILES, "second.py": second.replace(_IMPORT, "import layers as L\n")}
    found = migrate_files(files)
    assert [path for path, m in found.items() if m.changed] == ["gan.py", "layers.py", "second.py"]
    assert b"L.GradNorm(dis, name='norm')(real_input)" in found["second.py"].new
    again = migrate_files({path: m.new.decode() for path, m in found.items()})
    assert not [path for path, m in again.items() if m.changed]
