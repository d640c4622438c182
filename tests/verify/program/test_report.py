"""The proof of a program as text."""

from __future__ import annotations

from dataclasses import replace

from tape_migrate.verify.program.gate import _why_not
from tape_migrate.verify.program.outcome import (
    DeviceProof,
    Finding,
    Judged,
    ProgramProof,
    SideInfo,
    SiteProof,
)
from tape_migrate.verify.program.report import as_json, describe_side, text_table

SIDE = SideInfo("as-is", "3.11.7", "2.21.0", "2.1.0", "", 1.0, 0)
EQUAL = SiteProof(
    "net.py", 6, "slope", "tf.gradients(y, x)", "tape.gradient(y, x)", 8,
    Judged(Finding.EQUAL, "bit-equal", worst=0.0, old_evaluations=2, new_evaluations=2),
)  # fmt: skip
WRONG = replace(
    EQUAL, line=9, double="float64: equal, bit-equal",
    judged=Judged(
        Finding.DIFFERENT, "evaluation 1: relative error 0.1", worst=0.1, old_evaluations=3,
        new_evaluations=1, excerpt="entry 0: old 2, new 2.2\nentry 1: old 1, new 1.1",
    ),
)  # fmt: skip


def proof(*devices: DeviceProof) -> ProgramProof:
    return ProgramProof("python net.py", "/p", devices, (), 0, seconds=1.25, notes=("seed 0",))


def on_cpu(
    *sites: SiteProof, old: SideInfo | None = SIDE, new: SideInfo | None = SIDE
) -> DeviceProof:
    return DeviceProof("CPU:0", sites, old, new, notes=("one thread",))


GPU = DeviceProof("GPU", (), not_run="no GPU")


def test_a_table_with_what_differs() -> None:
    assert text_table(proof(on_cpu(EQUAL, WRONG), GPU)) == (
        "call      function  device  verdict    worst error  evaluations  remark\n"
        "--------  --------  ------  ---------  -----------  -----------  ------\n"
        "net.py:6  slope     CPU:0   equal      0.0e+00      2            bit-equal\n"
        "net.py:9  slope     CPU:0   different  1.0e-01      3/1          "
        "evaluation 1: relative error 0.1; float64: equal, bit-equal\n"
        "                    GPU     not run                              no GPU\n"
        "\n"
        "old on CPU:0: as-is, TensorFlow 2.21.0, Python 3.11.7\n"
        "new on CPU:0: as-is, TensorFlow 2.21.0, Python 3.11.7\n"
        "note: one thread\n"
        "note: seed 0\n"
        "net.py:9 on CPU:0:\n"
        "    old: tf.gradients(y, x)\n"
        "    new: tape.gradient(y, x)\n"
        "    entry 0: old 2, new 2.2\n"
        "    entry 1: old 1, new 1.1\n"
        "python net.py: 2 migrated calls: 1 equal, 1 different in 1.2 s\n"
    )


def test_programs_that_fail() -> None:
    old = replace(SIDE, error="ValueError: no", traceback="Traceback\nValueError: no")
    new = replace(SIDE, exit_code=3, output="\n".join(f"line {n}" for n in range(30)))
    text = text_table(proof(on_cpu(old=old, new=new)))
    assert (
        "the old program:\n    Traceback\n    ValueError: no\nthe new program:\n    line 6\n"
        in text
    )
    assert "new on CPU:0: as-is, TensorFlow 2.21.0, Python 3.11.7, exit code 3\n" in text
    assert text.endswith("python net.py: 0 migrated calls: none in 1.2 s\n")
    assert "the old program:" not in text_table(proof(on_cpu(old=old, new=new)), details=False)
    fine = replace(SIDE, output="printed")
    assert "program:" not in text_table(proof(on_cpu(old=fine, new=None)))


def test_a_side_without_tensorflow() -> None:
    assert describe_side(replace(SIDE, tensorflow="", error="no TensorFlow")) == "no TensorFlow"


def test_a_side_that_was_not_run_is_null() -> None:
    found = as_json(proof(on_cpu(EQUAL, new=None), GPU))
    assert found["devices"][0]["new"] is None
    assert found["devices"][0]["old"]["tensorflow"] == "2.21.0"
    assert found["devices"][1]["not_run"] == "no GPU"
    assert found["summary"]["equal"] == 1


def test_what_is_not_written_and_why() -> None:
    net = {"net.py"}
    assert _why_not(proof(on_cpu(EQUAL)), net) is None
    assert _why_not(proof(on_cpu(EQUAL, WRONG)), net) == (
        "line 9 is different: evaluation 1: relative error 0.1"
    )
    assert _why_not(proof(on_cpu(EQUAL, WRONG)), {"net.py", "b.py"}) == (
        "net.py:9 is different: evaluation 1: relative error 0.1"
    )
    assert _why_not(proof(on_cpu(WRONG)), {"b.py"}) == "no run of the program reached its calls"
    unreached = replace(EQUAL, judged=Judged(Finding.NOT_REACHED, "never"))
    assert _why_not(proof(on_cpu(unreached)), net) == "no run of the program reached its calls"
    assert _why_not(proof(on_cpu(unreached, EQUAL)), net) is None
    assert _why_not(proof(GPU), net) == "nothing was run"
    assert _why_not(proof(on_cpu(EQUAL, new=None)), net) == "a side was not run"
    assert _why_not(proof(on_cpu(EQUAL, old=None)), net) == "a side was not run"
    failed = replace(SIDE, error="ValueError: no")
    assert _why_not(proof(on_cpu(EQUAL, new=failed)), net) == (
        "the new program failed: ValueError: no"
    )
    assert _why_not(proof(on_cpu(EQUAL, old=failed, new=failed)), net) is None
    assert _why_not(proof(on_cpu(EQUAL, new=replace(SIDE, exit_code=1))), net) == (
        "the programs exit with 0 and 1"
    )


def test_sides_that_end_differently_prove_nothing() -> None:
    assert proof(on_cpu(EQUAL)).proven()
    assert not proof(on_cpu(EQUAL, new=replace(SIDE, exit_code=3))).proven()
    assert proof(
        on_cpu(EQUAL, old=replace(SIDE, exit_code=3), new=replace(SIDE, exit_code=3))
    ).proven()
