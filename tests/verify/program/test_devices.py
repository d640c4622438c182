"""Devices: what was computed elsewhere is noticed, and devices are held against each other.

No GPU is needed: a second logical CPU stands for the other device, and for a GPU that is not there
TensorFlow falls back to the CPU as silently as it always does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from tape_migrate.api import migrate_source
from tape_migrate.verify.program.change import FileChange
from tape_migrate.verify.program.devices import Ran, across, placed
from tape_migrate.verify.program.outcome import (
    DeviceProof,
    Finding,
    Judged,
    ProgramProof,
    Tolerance,
)
from tape_migrate.verify.program.pairing import Part
from tape_migrate.verify.program.plan import Program
from tape_migrate.verify.program.prove import Prover, Request, on_device
from tape_migrate.verify.program.records import Recorded, Value
from tape_migrate.verify.program.report import as_json, text_table
from tape_migrate.verify.program.side import SideRun

PROGRAM = """import numpy as np
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


def asked(x):
    with tf.device("/CPU:1"):
        y = tf.sin(x) * x
        g = tf.gradients(y, x)[0]
    return g


def fallen_back(x):
    with tf.device("/GPU:0"):
        y = tf.cos(x) * x
        g = tf.gradients(y, x)[0]
    return g


def never_fetched(x):
    with tf.device("/CPU:1"):
        y = tf.exp(x) * x
        g = tf.gradients(y, x)[0]
    return g


@tf.function
def compiled(x):
    y = tf.tanh(x) * x
    g = tf.gradients(y, x)[0]
    return g


for _ in range(3):
    with tf.device("/CPU:1"):
        compiled(tf.constant([0.5, 1.0, 2.0]))

v1 = tf.compat.v1
config = v1.ConfigProto(device_count={"CPU": 2}, allow_soft_placement=True)
with tf.Graph().as_default(), v1.Session(config=config) as session:
    x = v1.placeholder(tf.float32, [3])
    both = asked(x), fallen_back(x)
    later = never_fetched(x)
    for step in range(3):
        session.run(both, {x: np.linspace(0.5, 1.5 + step, 3)})
    session.make_callable(both[0], [x])(np.ones(3))
"""


@dataclass(frozen=True)
class Proofs:
    """One program on two devices."""

    prover: Prover
    here: Ran
    there: Ran


@pytest.fixture(scope="module")
def proofs(tmp_path_factory: pytest.TempPathFactory) -> Proofs:
    folder = tmp_path_factory.mktemp("devices")
    (folder / "main.py").write_text(PROGRAM, encoding="utf-8")
    migration = migrate_source(PROGRAM.encode())
    change = FileChange("main.py", migration.old, migration.new, migration.sites)
    request = Request(folder, Program(("main.py",)), (change,))
    prover = Prover(request, tmp_path_factory.mktemp("runs"), lambda text: None)
    return Proofs(prover, on_device(prover, request, "CPU:0"), on_device(prover, request, "CPU:1"))


def by_function(proof: DeviceProof) -> dict[str, Judged]:
    return {site.function: site.judged for site in proof.sites}


def test_where_everything_may_run_anywhere_all_is_equal(proofs: Proofs) -> None:
    found = by_function(proofs.here.proof)
    assert {name: judged.finding for name, judged in found.items()} == dict.fromkeys(
        ("asked", "fallen_back", "never_fetched", "compiled"), Finding.EQUAL
    )


def test_a_gradient_that_fell_back_to_another_device_is_no_proof(proofs: Proofs) -> None:
    found = by_function(proofs.there.proof)
    assert found["fallen_back"].finding is Finding.NOT_COMPARABLE
    assert found["fallen_back"].sentence == "computed on CPU:0 by the old program, not on CPU:1"
    for name in ("asked", "never_fetched", "compiled"):
        assert found[name].finding is Finding.EQUAL, found[name]
        assert not any("seen" in note for note in found[name].notes), found[name]


def test_two_devices_are_held_against_each_other(proofs: Proofs) -> None:
    row = across(proofs.prover.watched, Tolerance(), proofs.here, proofs.there)
    assert not row.counts
    assert {judged.finding for judged in by_function(row).values()} == {Finding.EQUAL}
    assert row.old is proofs.here.proof.old
    assert row.new is proofs.there.proof.new


def test_devices_that_differ_are_shown_beside_the_old_program_itself(proofs: Proofs) -> None:
    shifted = Ran(
        proofs.there.proof, scaled(proofs.there.old, 1.001), scaled(proofs.there.new, 1.002)
    )
    row = across(proofs.prover.watched, Tolerance(), proofs.here, shifted)
    judged = by_function(row)["asked"]
    assert judged.finding is Finding.DIFFERENT
    assert judged.sentence == (
        "evaluation 1: relative error 0.002, allowed 2e-05; "
        "the old program alone lies 0.001 apart between these devices"
    )
    proof = ProgramProof("main.py", "/p", (proofs.here.proof, row), (), 0)
    assert proof.proven()
    assert as_json(proof)["summary"]["different"] == 0
    assert "CPU:0 against GPU:0  different" in text_table(proof)


def scaled(run: SideRun | None, factor: float) -> SideRun:
    """A side whose every number is larger."""
    assert run is not None
    found = {
        call: [replace(e, values=tuple(_scaled(v, factor) for v in e.values)) for e in group]
        for call, group in run.recorded.evaluations.items()
    }
    return replace(run, recorded=replace(run.recorded, evaluations=found))


def _scaled(value: Value, factor: float) -> Value:
    return value if value.array is None else replace(value, array=value.array * factor)


def test_without_a_gpu_the_extra_row_says_so_and_counts_for_nothing() -> None:
    missing = Ran(DeviceProof("GPU", (), not_run="no GPU"))
    row = across((), Tolerance(), Ran(DeviceProof("CPU:0", ())), missing)
    assert (row.not_run, row.counts) == ("no GPU", False)


@pytest.mark.parametrize(
    ("old", "new", "finding", "said"),
    [
        ({"GPU:0"}, {"GPU:0"}, Finding.EQUAL, ()),
        (
            {"GPU:0", "CPU:0"},
            {"GPU:0"},
            Finding.EQUAL,
            ("the old program computed a part on CPU:0",),
        ),
        (set(), {"GPU:0"}, Finding.EQUAL, ("where the old program computed it could not be seen",)),
        ({"GPU:0"}, {"CPU:0"}, Finding.NOT_COMPARABLE, ()),
        ({"CPU:0"}, {"CPU:0"}, Finding.NOT_COMPARABLE, ()),
    ],
)
def test_where_it_was_computed_decides_what_it_shows(
    old: set[str], new: set[str], finding: Finding, said: tuple[str, ...]
) -> None:
    sides = Recorded(devices={0: old}), Recorded(devices={4: new})
    equal = Judged(Finding.EQUAL, "bit-equal", 0.0, True, 1)
    found = placed(equal, "GPU:0", sides, 0, [(4, Part(0))])
    assert (found.finding, found.notes) == (finding, said)
    wrong = replace(equal, finding=Finding.DIFFERENT)
    assert placed(wrong, "GPU:0", sides, 0, [(4, Part(0))]) == wrong
    assert placed(equal, "CPU:0", sides, 0, [(4, Part(0))]) == equal
