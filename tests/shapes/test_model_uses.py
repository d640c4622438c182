"""Where a program uses a model: followed through parameters as far as they are seen."""

from __future__ import annotations

import ast

import pytest

from tape_migrate.module import Module
from tape_migrate.shapes.model_uses import trained_unseen, uses_of

_FOLLOWED = {
    "to a function": "def train(net):\n    net.fit(1)\n\n\ncritic = 0\ntrain(critic)",
    "by name": "def train(net):\n    net.fit(1)\n\n\ncritic = 0\ntrain(net=critic)",
    "to a method": "class A:\n    def train(self, net):\n        net.fit(1)\n\n"
    "    def run(self, critic):\n        self.train(critic)",
    "round and round": "def train(net):\n    train(net)\n    net.fit(1)\n\n\n"
    "critic = 0\ntrain(critic)",
    "through two": "def fit(net):\n    net.fit(1)\n\n\ndef train(net):\n    fit(net)\n\n\n"
    "critic = 0\ntrain(critic)",
}
_HANDED_ON = {
    "among others": "def train(*nets):\n    nets[0].fit(1)\n\n\ncritic = 0\ntrain(critic)",
    "by any name": "def train(**nets):\n    pass\n\n\ncritic = 0\ntrain(net=critic)",
    "by a name that is not there": "def train(net):\n    pass\n\n\n"
    "critic = 0\ntrain(net, n=critic)",
    "twice": "def train(a, b):\n    pass\n\n\ncritic = 0\ntrain(*[critic])",
    "decorated": "@tf.function\ndef train(net):\n    net.fit(1)\n\n\ncritic = 0\ntrain(critic)",
    "bound again": "def train(net):\n    net = net or 1\n\n\ncritic = 0\ntrain(critic)",
    "one of two": "def train(net):\n    pass\n\n\ntrain = train or 1\ncritic = 0\ntrain(critic)",
    "a method of another object": "class A:\n    def train(self, net):\n        net.fit(1)\n\n\n"
    "critic = 0\nA().train(critic)\na.train(critic)",
    "a method that is set": "class A:\n    def train(self, net):\n        self.train = print\n\n"
    "    def run(self, critic):\n        self.train(critic)",
    "a method that is asked for": "class A:\n    def train(self, net):\n        pass\n\n"
    "    def run(self, critic):\n        self.train(critic)\n\n\ngetattr(a, 'train')",
    "one of two methods": "class A:\n    def train(self, net):\n        pass\n\n\n"
    "class B:\n    def train(self, net):\n        pass\n\n"
    "    def run(self, critic):\n        self.train(critic)",
    "to what it was made of": "critic = 0\ncritic(critic)",
    "to a list": "critic = 0\nnets = [critic]",
}


def _handed_on(text: str) -> list[bool]:
    module = Module(text.encode())
    named = [node for node in module.nodes if isinstance(node, ast.Name) and node.id == "critic"]
    asked = uses_of(module, named[0])
    return [use.handed_on for use in asked if isinstance(use.node.ctx, ast.Load)]


@pytest.mark.parametrize("text", _FOLLOWED.values(), ids=_FOLLOWED)
def test_parameters_are_followed_to_what_they_are_asked(text: str) -> None:
    assert _handed_on(text) == [False]


@pytest.mark.parametrize("text", _HANDED_ON.values(), ids=_HANDED_ON)
def test_what_is_not_followed_is_handed_on(text: str) -> None:
    assert any(_handed_on(text))


_NO_MODELS = {
    "a method of its own": "class Gan:\n    def fit(self):\n        pass\n\n"
    "    def run(self):\n        self.fit()",
    "an object of the program": "class Gan:\n    def fit(self):\n        pass\n\n\n"
    "gan = Gan()\ngan.fit()",
    "scikit-learn": "from sklearn.preprocessing import StandardScaler\n"
    "scaler = StandardScaler()\nscaler.fit(1)",
}
_MAY_BE_MODELS = {
    "a parameter": "def run(net):\n    net.fit()",
    "an inherited method": "class Gan(Model):\n    def run(self):\n        self.fit()",
    "an object without such a method": "class Gan:\n    pass\n\n\ngan = Gan()\ngan.fit()",
    "a subclass": "class Gan(Model):\n    def fit(self):\n        pass\n\n\ngan = Gan()\ngan.fit()",
    "by a call of a call": "net = make()()\nnet.fit()",
    "asked for": "getattr(net, 'fit')()",
    "in a place": "nets[0].fit()",
}


@pytest.mark.parametrize("text", _NO_MODELS.values(), ids=_NO_MODELS)
def test_what_trains_no_model(text: str) -> None:
    assert trained_unseen(Module(text.encode()), []) is None


@pytest.mark.parametrize("text", _MAY_BE_MODELS.values(), ids=_MAY_BE_MODELS)
def test_what_may_train_a_model(text: str) -> None:
    said = trained_unseen(Module(text.encode()), [])
    assert said is not None
    assert "fit" in said
