"""One case can spoil no other: crashes, hangs, exits, prints, monkey patches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tape_migrate.verify import Case, Verdict, Verifier, parse_input, verify_cases
from tape_migrate.verify.harness import run_side
from tape_migrate.verify.process import WORKER, TensorFlowMissingError, Worker
from tape_migrate.verify.results import Leaf, Opaque, Scalar, Slices, Tree

HEAD = "import os, sys, time\nimport tensorflow as tf\n\n"
BEFORE = "def f(x):\n    return tf.gradients(x * x, x)[0]\n"
AFTER = """
def f(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x
    return tape.gradient(y, x)
"""


def case(before: str = BEFORE, after: str = AFTER, name: str = "test") -> Case:
    inputs = (("x", parse_input("float32[3]")),)
    return Case(name, HEAD + before, HEAD + after, "f", inputs=inputs)


def test_a_crash_fails_its_own_case_only() -> None:
    crash = case(before="print('last words', file=sys.stderr, flush=True)\nos._exit(7)\n")
    with Verifier(devices="cpu") as own:
        verdicts = [own.verify(c).verdict for c in (case(), crash, case())]
        sentence = own.verify(crash).sentence
        starts = own.old.starts, own.new.starts
    assert verdicts == [Verdict.EQUAL, Verdict.FAILED, Verdict.EQUAL]
    assert "WorkerDied: the process ended with exit status 7" in sentence
    assert starts == (3, 1)


def test_a_hang_is_stopped_after_the_limit() -> None:
    hang = case(after="time.sleep(600)\n")
    started = time.monotonic()
    found, good = verify_cases([hang, case()], devices="cpu", job_limit_s=3.0)
    assert time.monotonic() - started < 120
    assert found.verdict is Verdict.FAILED
    assert "Timeout: still running after 3 s" in found.sentence
    assert good.verdict is Verdict.EQUAL


@pytest.mark.parametrize(
    "before",
    [
        "print('{not json}')\nos.write(1, b'noise')\n" + BEFORE,
        "sys.stdin.read()\n" + BEFORE,
        "os.chdir('/')\n" + BEFORE,
        BEFORE + "tf.reduce_sum = tf.gradients = None\n" + BEFORE.replace("tf.", "tf.compat.v1."),
        "@tf.RegisterGradient('Mine')\ndef mine(op, g):\n    return g\n" + BEFORE,
        "tf.compat.v1.disable_v2_behavior()\n" + BEFORE,
    ],
    ids=["prints", "reads", "changes directory", "patches", "registers", "switches"],
)
def test_noise_does_not_matter(verifier: Verifier, before: str) -> None:
    for _ in range(2):
        assert verifier.verify(case(before)).verdict is Verdict.EQUAL
    head = before[: -len(BEFORE)] if before.endswith(BEFORE) else ""
    assert verifier.verify(case(after=head + AFTER)).verdict is Verdict.EQUAL
    assert verifier.verify(case()).verdict is Verdict.EQUAL


@pytest.mark.parametrize(
    ("before", "sentence"),
    [
        ("sys.exit(3)\n", "SystemExit: 3"),
        ("raise ValueError('first\\nsecond')\n", "ValueError: first"),
        ("def g(x):\n    return x\n", "NameError: name 'f' is not defined"),
        ("def f(x:\n", "SyntaxError"),
        ("def f(y):\n    return y\n", "TypeError"),
        ("import tensorflow.contrib\n", "ModuleNotFoundError: No module named"),
    ],
)
def test_errors_are_told_with_their_first_line(
    verifier: Verifier, before: str, sentence: str
) -> None:
    evidence = verifier.verify(case(before))
    assert evidence.verdict is Verdict.FAILED
    assert sentence in evidence.sentence
    assert evidence.rows[0].traceback


def test_every_run_gets_a_fresh_module(verifier: Verifier) -> None:
    counting = "count = [0]\n" + BEFORE.replace("x * x", "x * x * (count.append(1) or len(count))")
    worker = verifier.old
    once = case(counting)
    values = []
    for _ in range(2):
        run = run_side(worker, once, once.before, mode="graph", device="CPU:0", seed=0)
        assert isinstance(run.value, Leaf), run
        values.append(run.value.array.tolist())
    assert values[0] == values[1]


def test_neighbours_of_one_case_are_not_seen_by_the_next(
    verifier: Verifier, tmp_path: Path
) -> None:
    for folder, text in (("one", "x * x"), ("two", "tf.exp(x)")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "neighbour.py").write_text(
            f"import tensorflow as tf\ndef u(x):\n    return {text}\n", encoding="utf-8"
        )
    values = []
    for folder in ("one", "two"):
        before = "from neighbour import u\n" + BEFORE.replace("x * x", "u(x)")
        here = replace(case(before), sys_path=(str(tmp_path / folder),))
        run = verifier.run_before(here)
        assert isinstance(run.value, Leaf), run
        values.append(run.value.array.tolist())
    assert values[0] != values[1]


def test_an_interpreter_without_tensorflow(tmp_path: Path) -> None:
    # An empty environment made of this interpreter, but without its packages.
    wrapper = tmp_path / "python"
    wrapper.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -I "$@"\n', encoding="utf-8")
    wrapper.chmod(0o755)
    with Worker(str(wrapper)) as worker, pytest.raises(TensorFlowMissingError, match="No module"):
        worker.hello  # noqa: B018


def test_a_program_that_is_no_interpreter(tmp_path: Path) -> None:
    wrapper = tmp_path / "python"
    wrapper.write_text("#!/bin/sh\necho no such thing >&2\n", encoding="utf-8")
    wrapper.chmod(0o755)
    said = "did not start a worker: no such thing"
    with Worker(str(wrapper)) as worker, pytest.raises(TensorFlowMissingError, match=said):
        worker.hello  # noqa: B018


def test_a_worker_ends_with_those_who_ask_it() -> None:
    done = subprocess.run(
        [sys.executable, str(WORKER), "--serve"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["error"] is None


def test_values_of_all_kinds_come_back(verifier: Verifier) -> None:
    given = case(
        "class Net:\n    @staticmethod\n    def f(x):\n"
        "        rows = tf.IndexedSlices(tf.reshape(x, [1, 3]), tf.constant([1]))\n"
        "        dense = tf.linalg.diag(x)\n"
        "        sparse = tf.sparse.from_dense(dense)\n"
        "        ragged = tf.RaggedTensor.from_row_lengths(x, [1, 2])\n"
        "        word = tf.constant('word')\n"
        "        listed = tf.IndexedSlices(tf.reshape(x, [3, 1]), [0, 2, 2], [4, 1])\n"
        "        named = {'a': x, 'b': 2.0}\n"
        "        return [None, object(), rows, listed, named, sparse, ragged, word]\n"
    )
    run = verifier.run_before(replace(given, entry="Net.f"))
    assert isinstance(run.value, Tree), run.error
    nothing, thing, rows, listed, named, sparse, ragged, word = run.value.items
    assert nothing is None
    assert thing == Opaque("object")
    assert isinstance(rows, Slices)
    assert rows.dense is None, "without a shape it is not known how many rows there are"
    assert isinstance(listed, Slices), "what was made of lists is one, too"
    assert listed.indices.array.tolist() == [0, 2, 2]
    assert listed.dense is not None
    assert listed.dense.shape == (4, 1)
    assert isinstance(named, Tree)
    assert named.keys == ("a", "b")
    assert named.items[1] == Scalar("float", "2.0")
    assert isinstance(sparse, Tree)
    assert isinstance(ragged, Tree)
    assert (sparse.name, ragged.name) == ("SparseTensor", "RaggedTensor")
    assert [len(part.items) for part in (sparse, ragged)] == [3, 2]
    assert isinstance(word, Leaf)
    assert (word.dtype, word.array.tolist()) == ("string", b"word")


def test_sides_may_have_interpreters_of_their_own() -> None:
    other = os.path.join(os.path.dirname(sys.executable), os.path.basename(sys.executable))
    with Verifier(other, None, devices="cpu") as apart, Verifier(devices="cpu") as alike:
        assert alike._new_keras is alike._keras
        assert apart._new_keras is not apart._keras
        assert apart.old.python == apart._keras.python == other


def test_an_interpreter_that_is_not_there(tmp_path: Path) -> None:
    missing = str(tmp_path / "nowhere")
    with (
        Worker(missing) as worker,
        pytest.raises(TensorFlowMissingError, match="cannot be started"),
    ):
        worker.hello  # noqa: B018


def test_a_patched_keras_backend_is_mended(verifier: Verifier) -> None:
    spoil = "setattr(tf.keras.backend, 'gradients', lambda y, x: [0.0])\n" + BEFORE
    plain = BEFORE.replace("tf.gradients", "tf.keras.backend.gradients")
    for before in (spoil, plain):
        assert verifier.verify(case(before)).verdict is Verdict.EQUAL


PARENT = """
import sys
from tape_migrate.verify import verify_case
from tests.verify.test_process import case
print(verify_case(case(), devices="cpu").verdict.value, "tensorflow" in sys.modules)
"""


def test_the_parent_never_imports_tensorflow() -> None:
    root = Path(__file__).resolve().parents[2]
    path = os.pathsep.join([str(root), str(root / "codemod")])
    run = subprocess.run(
        [sys.executable, "-c", PARENT],
        env=dict(os.environ, PYTHONPATH=path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == ["equal", "False"]
