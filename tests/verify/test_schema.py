"""The schema of evidence: whole, in step with the enumerations, and strict."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from tape_migrate.verify.compare import Verdict
from tape_migrate.verify.evidence import Evidence, Row, Side
from tape_migrate.verify.finite import DifferenceCheck, Opinion
from tape_migrate.verify.program.outcome import (
    DeviceProof,
    Finding,
    Judged,
    ProgramProof,
    SideInfo,
    SiteProof,
)
from tape_migrate.verify.program.report import json_text as program_json
from tape_migrate.verify.report import json_text as cases_json
from tape_migrate.verify.schema import number, schema


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    found = schema()
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found)


def program() -> dict[str, Any]:
    """Evidence with everything in it that can be there."""
    side = SideInfo("v1-alias", "3.7.16", "1.15.5", "1.18.5", "2.3.1", 1.25, 0)
    sites = tuple(
        SiteProof(
            "m.py", n, "<module>", "tf.gradients(y, x)", "tape.gradient(y, x)" if n % 2 else "",
            n if n % 2 else None,
            Judged(finding, "why", float("inf"), False, 2, 2, 3, ("float32[2]",),
                   (0.0, float("inf"), float("nan")), ((1.0, 2.0),), "entry 0", ("a note",)),
            "float64: equal", "finite differences: agrees",
        )
        for n, finding in enumerate(Finding, 1)
    )  # fmt: skip
    failed = SideInfo("as-is", "", "", "", "", 0.0, 1, "ValueError: no", "Traceback")
    devices = (
        DeviceProof("CPU:0", sites, side, side, notes=("a note",)),
        DeviceProof("CPU:0", sites[:1], side, failed),
        DeviceProof("GPU", (), not_run="no GPU"),
        DeviceProof("CPU:0 against GPU:0", (), not_run="no GPU", counts=False),
    )
    data: dict[str, Any] = json.loads(program_json(ProgramProof("p", "/p", devices, (), 0, "c")))
    return data


def cases() -> dict[str, Any]:
    rows = tuple(
        Row("eager", "CPU:0", verdict, "why", float("inf"), False, 2, ("a note",))
        for verdict in Verdict
    )
    side = Side("graph", "2.21.0", "3.11.7")
    checks = [DifferenceCheck(opinion, "why", float("nan")) for opinion in Opinion]
    evidence = [Evidence("c", Verdict.EQUAL, "why", rows, side, side, check) for check in checks]
    empty = Evidence("d", Verdict.NOT_RUN, "why")
    data: dict[str, Any] = json.loads(cases_json([*evidence, empty]))
    return data


def test_all_that_can_be_said_fits(validator: jsonschema.Draft202012Validator) -> None:
    validator.validate(program())
    validator.validate(cases())


def test_what_the_schema_does_not_know_does_not_fit(
    validator: jsonschema.Draft202012Validator,
) -> None:
    for change in ({"version": 2}, {"kind": "other"}, {"more": 1}, {"proven": "yes"}):
        assert not validator.is_valid({**program(), **change})
    data = program()
    data["devices"][0]["sites"][0]["verdict"] = "fine"
    assert not validator.is_valid(data)
    data = cases()
    del data["cases"][0]["rows"][0]["required"]
    assert not validator.is_valid(data)


def test_words_are_those_of_the_program() -> None:
    kinds = schema()["$defs"]
    assert set(kinds["site"]["properties"]["verdict"]["enum"]) == {f.value for f in Finding}
    assert set(kinds["row"]["properties"]["verdict"]["enum"]) == {v.value for v in Verdict}
    opinions = kinds["case"]["properties"]["finite_differences"]["oneOf"][1]
    assert set(opinions["properties"]["opinion"]["enum"]) == {o.value for o in Opinion}


def test_json_has_no_infinity() -> None:
    assert [number(v) for v in (None, 0.5, float("inf"), float("nan"))] == [None, 0.5, "inf", "nan"]
    assert program()["devices"][0]["sites"][0]["errors"] == [0.0, "inf", "nan"]
