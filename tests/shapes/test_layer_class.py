"""Layer classes that differentiate one of their inputs by the other, given the model instead."""

from __future__ import annotations

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.linking import migrate_project
from tape_migrate.model import Migration, Options, Outcome, Shape
from tests.fixture_cases import FIXTURES

NORM = (FIXTURES / "gradient-layer/grad_norm_class/before.py").read_text(encoding="utf-8")
LAYERS = (FIXTURES / "gradient-layer/norm_of_layers/before.py").read_text(encoding="utf-8")
TWICE = (FIXTURES / "gradient-layer/gradients_class/before.py").read_text(encoding="utf-8")

_CLASS = "class GradNorm(Layer):"
_USE = "GradNorm()([dis(interpolation), interpolation])"
_LINE = f"    norm = {_USE}\n"
_AFTER = "    norm = GradNorm()([out, interpolation])\n"
_NAMED = "    out = dis(interpolation)\n" + _AFTER
_PAIR = "        target, wrt = inputs\n"
_END = "    return gen.get_weights()"
_SHAPE = "(input_shapes[1][0], 1)"
_METHOD = "    def call(self, inputs):\n"
_TRAIN = "    dis2batch.compile("


def outcome(source: str, *, closed: bool = True) -> tuple[str, str]:
    """What becomes of the only call: its shape or code, and what is said."""
    migration = migrate_source(source.encode(), Options(assume_closed=closed), path="net.py")
    assert migration.internal_error is None
    (site,) = migration.sites
    if site.outcome is Outcome.MIGRATED:
        assert site.shape is not None
        return site.shape.value, site.message
    assert migration.new == source.encode()
    return str(site.code), site.message


_SCORE = "    score = head(g)\n"
_INNER = "    norm = SlopeNorm(name='gn')([score, mixed])\n"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (
            _SCORE,
            "    score = head(LeakyReLU(0.3)(g))\n    other = Dense(1)(mixed)\n",
            "comes between the layers",
        ),
        (_SCORE, _SCORE + "    print(g)\n", "uses g, too"),
        (_SCORE, _SCORE + "    head = Dense(1)\n", "is bound more than once"),
        (_SCORE, "    hidden = 1\n" + _SCORE, "binds hidden, which is called there"),
        (_SCORE, "    score = head(g * 2)\n", "g * 2 is no layer's output"),
        (_INNER, _INNER.replace("score, mixed", "head(score), gan.mixed"), "it is no name"),
        (_INNER, _INNER.replace("score, mixed", "head(score)[0], mixed"), "is not a model's on mi"),
        ("    ones =", "    trainer.get_weights()\n    ones =", "the weights have another order"),
    ],
)
def test_layers_that_cannot_be_called_anew_are_left(old: str, new: str, reason: str) -> None:
    assert old in LAYERS
    code, said = outcome(LAYERS.replace(old, new))
    assert code == "TM148", said
    assert reason in said, said


def test_layers_one_after_another_are_a_model() -> None:
    given = LAYERS.replace(_SCORE, "").replace("score, mixed", "Dense(1)(LeakyReLU(0.2)(g)), mixed")
    migration = migrate_source(given.encode(), Options(assume_closed=True), path="net.py")
    model = b"tf.keras.Sequential([conv, act, hidden, LeakyReLU(0.2), Dense(1)])"
    assert b"SlopeNorm(" + model + b", name='gn')(mixed)" in migration.new


def test_a_local_name_hides_tensorflow() -> None:
    given = "import tensorflow as tf\n" + LAYERS.replace(
        "    shape = (3,)", "    shape, tf = (3,), 1"
    )
    migration = migrate_source(given.encode(), Options(assume_closed=True), path="net.py")
    assert b"import tensorflow as tf2\n" in migration.new
    assert b"SlopeNorm(tf2.keras.Sequential(" in migration.new


_ELSE = [
    "gen.save('g.h5')",
    "dis.save_weights('d.h5')",
    "dis.load_weights('d.h5')",
    "Model(z, gen(z)).to_json()",
    "np.save('made.npy', made)",
    "figure.save('f.png') if (figure := None) else None",
    "for m in (gen, dis):\n        m.save('m')",
    "keras.models.save_model(gen, 'g')",
    "class Store:\n        def save(self):\n            self.load_weights = gen.load_weights('g')\n"
    "    store = Store()\n    store.save()",
]


@pytest.mark.parametrize("lines", _ELSE)
def test_models_without_the_layer_are_saved_as_before(lines: str) -> None:
    given = "import keras\n" + NORM.replace(_END, f"    {lines}\n{_END}")
    assert outcome(given)[0] == Shape.GRADIENT_LAYER.value, outcome(given)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        # The class is more than a layer of two tensors.
        (_CLASS, "@keras_export('g')\n" + _CLASS, "is decorated"),
        (_CLASS, "class GradNorm(Layer, Mixin):", "other bases than Layer"),
        (_CLASS, "class GradNorm(Layer):\n    scale = 2\n", "more than call and its shapes"),
        (_METHOD, "    def get_config(self):\n        return {}\n\n" + _METHOD, "more than call"),
        (_METHOD, "    @tf.function\n" + _METHOD, "more than call and its shapes"),
        ("def call(self, inputs)", "def call(self, inputs, mask=None)", "takes more than its inp"),
        (_PAIR, _PAIR + "        first = inputs[0]\n", "takes the two tensors out of inputs more"),
        (_PAIR, _PAIR + "        n = len(inputs)\n", "uses inputs otherwise than for the two"),
        (_PAIR, "        inputs = list(inputs)\n" + _PAIR, "uses inputs otherwise than for"),
        (_PAIR, "        target, wrt = inputs; n = 1\n", "uses inputs otherwise than for the two"),
        (_SHAPE, "(input_shapes[0][0], 1)", "uses more than the source's shape"),
        (_SHAPE, "(len(input_shapes), 1)", "uses more than the source's shape"),
        (
            "def __init__(self, **kwargs)",
            "def __init__(self, *args, **kwargs)",
            "its __init__ does",
        ),
        ("__init__(**kwargs)\n", "__init__()\n", "its __init__ does not hand on"),
        # It is used otherwise, or may be.
        (_USE, "GradNorm()(pair)", "otherwise than to call it on two tensors"),
        (_USE, "GradNorm()([dis(interpolation), interpolation, real_input])", "on two tensors"),
        (_USE, "GradNorm()([dis(interpolation), real_input])", "is not a model's on real_input"),
        (_USE, "GradNorm()([dis(interpolation * 2), interpolation])", "is not a model's on inter"),
        (_USE, "GradNorm()([dis(f(x)), f(x)])", "f(x) is no name"),
        (_USE, "GradNorm()([out, interpolation])", "out is not what a model gives for"),
        (_USE, "GradNorm()([dis(interpolation, training=True), interpolation])", "more than its i"),
        (_USE, "GradNorm()([dis(interpolation)[i], interpolation])", "is not what a model gives"),
        (_USE, "GradNorm()([dis(interpolation),  # of both\n interpolation])", "a comment stands"),
        (_USE, "GradNorm()([make(interpolation), interpolation])", "is not seen to be a model"),
        (_END, "    print(isinstance(norm, GradNorm))\n" + _END, "otherwise than to call it"),
        (_END, "    print({'GradNorm': GradNorm})\n" + _END, "otherwise than to call it"),
        (_END, "    print(globals()['GradNorm'])\n" + _END, "asks for GradNorm by its name"),
        (_END, "    layer = GradNorm()\n    layer([dis(z), z])\n" + _END, "than to call it"),
        (_LINE, _NAMED + "    print(out)\n", "out is used in lines 58, 59"),
        (_LINE, "    interpolation = real_input\n" + _NAMED, "is bound more than once"),
        (_LINE, "    if True:\n        out = dis(interpolation)\n" + _AFTER, "out is not what"),
        # What models do otherwise.
        ("LeakyReLU(0.2)", "BatchNormalization()", "names BatchNormalization"),
        (_END, "    dis2batch.save('m.h5')\n" + _END, "dis2batch.save: the layer cannot"),
        (_END, "    Model(interpolation, norm).save('m')\n" + _END, "norm).save: the layer cannot"),
        (_END, "    dis2batch.load_weights('m.h5')\n" + _END, "uses dis2batch.load_weights"),
        (_END, "    outer = Sequential([dis2batch])\n    outer.save('m')\n" + _END, "outer.save"),
        (
            _END,
            "    kept = []\n    kept.append(dis2batch)\n    kept[0].save('m')\n" + _END,
            "kept[0]",
        ),
        (
            _END,
            "    kept = {}\n    kept['m'] = norm\n    make(kept).save('m')\n" + _END,
            "make(kept)",
        ),
        (_END, "    for m in (gen, dis2batch):\n        m.save('m')\n" + _END, "uses m.save"),
        (_END, "    keras.models.save_model(dis2batch, 'm')\n" + _END, "uses save_model: the lay"),
        (
            _END,
            "    def keep(m=dis2batch):\n        m.to_json()\n    keep()\n" + _END,
            "uses m.to_json",
        ),
        (
            _END,
            "    checked = ModelCheckpoint\n    train(dis2batch).fit(1)\n" + _END,
            "uses ModelC",
        ),
        (_END, "    dis2batch.layers[-1].trainable = False\n" + _END, "of a layer at a place"),
        (_END, "    print(gendis.layers[0].output)\n" + _END, "gendis.layers, of a layer at a p"),
        (_END, "    dis.layers[0].trainable = False\n" + _END, "what dis.layers has at a place"),
        (_END, "    gendis.fit(noise, ones, sample_weight=w)\n" + _END, "gives fit sample_weight"),
        ("gendis = Model(z, dis(gen(z)))", "gendis = make(z)", "gendis, which is trained too"),
        (_TRAIN, "    tf.Session()\n" + _TRAIN, "needs graph mode"),
    ],
)
def test_what_is_not_the_same_is_left(old: str, new: str, reason: str) -> None:
    assert old in NORM
    source = "import tensorflow as tf\n\n\ndef make(x):\n    return x\n\n\n" + NORM.replace(
        old, new
    )
    code, said = outcome(source)
    assert code == "TM148", said
    assert reason in said, said


def test_several_models_outputs_are_not_told_apart() -> None:
    code, said = outcome(TWICE.replace("potential(other)[0]", "potential(other)[1]"))
    assert (code, "different outputs of models" in said) == ("TM148", True)


def test_a_public_class_is_left_unless_nothing_else_uses_it() -> None:
    code, said = outcome(NORM, closed=False)
    assert (code, "--assume-closed" in said) == ("TM148", True)


def test_a_class_that_another_file_names_is_left() -> None:
    files = {"gan.py": NORM, "other.py": "from gan import GradNorm\n\nprint(GradNorm()([1, 2]))\n"}
    found = migrate_project({path: text.encode() for path, text in files.items()})
    migration = found["gan.py"]
    assert isinstance(migration, Migration)
    assert not migration.changed
    assert "other.py names GradNorm" in migration.sites[0].message


def test_names_that_are_taken_are_not_taken_again() -> None:
    given = TWICE.replace("self.factor", "self.model")
    migration = migrate_source(given.encode(), Options(), path="net.py")
    text = migration.new.decode()
    assert "def __init__(self, model2, scale, **kwargs):" in text
    assert "outputs = self.model2(inputs)[0]" in text
    assert 'force = _Gradients(potential, -1.0, name="force")(place)' in text


def test_a_target_that_has_a_name_goes_with_it() -> None:
    given = NORM.replace(_LINE, _NAMED)
    migration = migrate_source(given.encode(), Options(assume_closed=True), path="net.py")
    text = migration.new.decode()
    assert "dis(interpolation)" not in text
    assert "    norm = GradNorm(dis)(interpolation)\n" in text


def test_a_class_without_a_constructor_gets_one() -> None:
    constructor = NORM[NORM.index("    def __init__") : NORM.index("    def build")]
    given = NORM.replace(constructor, "").replace("    ", "\t").replace("\n", "\r\n")
    migration = migrate_source(given.encode(), Options(assume_closed=True), path="net.py")
    text = migration.new.decode()
    assert "\tdef __init__(self, model, **kwargs):\r\n\t\tsuper().__init__(**kwargs)\r\n" in text
    assert "\t\twrt = inputs\r\n\t\twith tf.GradientTape() as tape:\r\n" in text


def test_regularization_of_frozen_layers_is_spoken_of() -> None:
    given = NORM.replace("Dense(1)]", "Dense(1, kernel_regularizer='l2')]")
    assert "assumes" not in outcome(given)[1]
    read = given.replace("        gendis.train_on", "        loss = gendis.train_on")
    assert "the regularization of frozen layers" in outcome(read)[1]
