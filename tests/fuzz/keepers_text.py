"""What programs that keep values aside have at their top: functions and classes that keep."""

from __future__ import annotations

PREAMBLE = """\
import collections
import contextlib
import copy
import functools
import types

import tensorflow as tf

W = tf.Variable([0.3, -0.2, 0.5], dtype=tf.float64)
Pair = collections.namedtuple("Pair", "loss extra")
LAST = None


class Found(Exception):
    pass


def net(v, acts):
    h = tf.tanh(v * W)
    acts.append(h)
    return tf.sin(h) * v


def layers(v):
    for _ in range(2):
        v = tf.tanh(v * W) + v
        yield v


def remember(v):
    global LAST
    LAST = tf.sin(v)
    return LAST * v


def recall():
    return LAST * 1.5


def pair_of(v, w):
    h = v * w
    return Pair(tf.sin(h), h)


def made(v):
    u = tf.identity(v)
    return tf.sin(u) * u, u


def hand(f, v):
    return f(v)


def seen(v, kept=[]):
    kept.append(v * W)
    return kept[-1] + kept[0]


@functools.lru_cache(maxsize=None)
def scale_of(name):
    return tf.sin(W)


@contextlib.contextmanager
def held(v):
    yield tf.sin(v) * W


@tf.function
def compiled(v):
    return tf.sin(v) * v


@tf.custom_gradient
def own_gradient(v):
    def grad(dy):
        return dy * 0.5

    return tf.sin(v), grad


def put_all(acts, *values):
    for v in values:
        acts.append(v)
    return len(acts)


FNS = {"half": lambda v: v * 0.5, "net": lambda v: net(v, []), "keep": remember}


class Box:
    scale = 0.5

    def __init__(self):
        self.h = None
        self.parts = []
        self.by_name = {}

    def build(self, v):
        self.h = tf.sin(v) * v
        self.parts.append(self.h)
        return self.h * self.scale

    def named(self, name, v):
        self.by_name[name] = tf.tanh(v)
        return self

    @property
    def out(self):
        return self.h * 2.0

    def __call__(self, v):
        self.last = v * W
        return tf.cos(self.last)

    def __getitem__(self, index):
        return self.parts[index]

    @property
    def slot(self):
        return self.kept

    @slot.setter
    def slot(self, v):
        self.kept = tf.tanh(v) * W


class Shared:
    pool = []

    def add(self, v):
        self.pool.append(v * W)
        return len(self.pool)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.late = self.pool[-1] * 2.0


"""

SLOPE = """\
    def slope(self, y, x):
        return tf.gradients(y, x)[0]


"""
