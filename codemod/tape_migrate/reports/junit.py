"""JUnit XML, for CI services that show tests: a file is a suite, a call is a test.

A refused call is a failure, a skipped one is skipped, a file that failed is an error.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from tape_migrate.model import Outcome, SiteResult
from tape_migrate.refusals import find
from tape_migrate.reports.escape import printable, printable_path

if TYPE_CHECKING:
    from tape_migrate.results import FileResult, RunResult

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def dumps(result: RunResult) -> str:
    """Return the report of a run as XML with a final newline."""
    root = ET.Element("testsuites", name="tape-migrate")
    totals = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for entry in result.results:
        suite = _suite(entry)
        if suite is None:
            continue
        root.append(suite)
        for name in totals:
            totals[name] += int(suite.get(name, "0"))
    for name, count in totals.items():
        root.set(name, str(count))
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _suite(entry: FileResult) -> ET.Element | None:
    cases = []
    if entry.status.value == "failed":
        case = ET.Element("testcase", classname=_path(entry.path), name="file")
        place = "" if entry.line is None else f"line {entry.line}: "
        ET.SubElement(case, "error", message=_text(place + entry.message), type="failed")
        cases.append(case)
    if entry.migration is not None:
        cases += [_case(entry.path, site) for site in entry.migration.sites]
    if not cases:
        return None
    kinds = [child.tag for case in cases for child in case]
    suite = ET.Element(
        "testsuite",
        name=_path(entry.path),
        tests=str(len(cases)),
        failures=str(kinds.count("failure")),
        errors=str(kinds.count("error")),
        skipped=str(kinds.count("skipped")),
    )
    suite.extend(cases)
    return suite


def _case(path: str, site: SiteResult) -> ET.Element:
    place = site.site
    cell = f"cell {place.cell}, " if place.cell else ""
    name = f"{place.api.value} in {place.function} ({cell}line {place.line}, column {place.column})"
    case = ET.Element("testcase", classname=_path(path), name=_text(name))
    case.set("file", _path(path))
    case.set("line", str(place.line))
    if site.outcome is Outcome.REFUSED:
        failure = ET.SubElement(case, "failure", message=_text(site.message), type=site.code or "")
        reason = find(site.code or "")
        if reason is not None:
            failure.text = _text(f"{reason.sentence}\nWhat to do: {reason.advice}")
    elif site.outcome is Outcome.SKIPPED:
        ET.SubElement(case, "skipped", message=_text(site.message))
    else:
        ET.SubElement(case, "system-out").text = _text(site.message)
    return case


def _path(path: str) -> str:
    return _text(printable_path(path))


def _text(text: str) -> str:
    return _NOT_XML.sub("?", printable(text, keep="\n\t"))
