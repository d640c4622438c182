"""Gradients in notebooks: cells as one program, and what a tape may not reach over."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

from tape_migrate.model import Left, Options, Outcome, SourceError
from tape_migrate.notebooks.document import parse
from tape_migrate.notebooks.migrate import migrate_notebook
from tests.notebooks.making import code, markdown, migrate, notebook, sources

IMPORT = "import tensorflow as tf"
X = "x = tf.constant(2.0)"
FORWARD = "y = x * x"
GRADIENT = "g = tf.gradients(y, x)[0]"


def refused(*cells: object) -> str:
    """The message of the only call, which must be refused because of the cells."""
    migration = migrate(*cells)  # type: ignore[arg-type]
    assert migration.new == migration.old
    (site,) = migration.sites
    assert (site.outcome, site.code) == (Outcome.REFUSED, "TM150"), site
    return site.message


def test_a_tape_never_reaches_over_markdown() -> None:
    assert "cell 3 (markdown)" in refused(f"{IMPORT}\n{X}", FORWARD, markdown("So:"), GRADIENT)


def test_a_tape_never_reaches_over_an_output() -> None:
    shown = code(FORWARD, outputs=[{"output_type": "stream", "name": "stdout", "text": ["1"]}])
    assert "the output of cell 2" in refused(f"{IMPORT}\n{X}", shown, GRADIENT)


@pytest.mark.parametrize("line", ["print(y)", "plt.plot(y)", "y"])
def test_a_tape_never_takes_what_shows_something_elsewhere(line: str) -> None:
    message = refused(f"{IMPORT}\n{X}", f"{FORWARD}\n{line}", GRADIENT)
    assert message == f"`{line}` in cell 2 shows or does something"


@pytest.mark.parametrize("line", ["%matplotlib inline", "!ls", "tf.constant?"])
def test_a_tape_never_holds_a_line_of_ipython(line: str) -> None:
    message = refused(f"{IMPORT}\n{X}\ny = x * x\n{line}\nz = y * x\ng = tf.gradients(z, x)[0]")
    assert message == f"`{line}` would be inside the tape"


def test_a_tape_never_reaches_into_a_cell_with_a_magic() -> None:
    assert "cell 2 with %%time" in refused(f"{IMPORT}\n{X}", f"%%time\n{FORWARD}", GRADIENT)


@pytest.mark.parametrize("line", ["%run other.py", "%time y = x * x", "%%unknown\nh = 1"])
def test_over_what_could_do_anything_nothing_is_migrated(line: str) -> None:
    migration = migrate(f"{IMPORT}\n{X}", line, f"{FORWARD}\n{GRADIENT}")
    assert migration.new == migration.old
    assert [site.code for site in migration.sites] == ["TM115"]


def test_a_forward_pass_in_cells_before_is_merged_into_the_cell_of_the_gradient() -> None:
    migration = migrate(
        f"{IMPORT}\n{X}", "a = 1\ny = tf.sin(x)", "z = y * x", "g = tf.gradients(z, x)[0]\ng"
    )
    assert sources(migration.new) == [
        f"{IMPORT}\n{X}",
        "a = 1",
        "",
        "with tf.GradientTape() as tape:\n    tape.watch(x)\n    y = tf.sin(x)\n    z = y * x\n"
        "g = tape.gradient(z, x)\ng",
    ]
    (site,) = migration.sites
    assert (site.site.cell, site.site.line, site.new_lines) == (4, 1, (1, 5))
    assert site.applicability is not None
    assert site.applicability.value == "review"
    assert "assumes that cells 2 to 4 are run in order" in site.message
    again = migrate_notebook(migration.new)
    assert again.new == migration.new


def test_all_but_the_edited_cells_is_kept() -> None:
    data = notebook(
        f"%matplotlib inline\n{IMPORT}\n{X}",
        markdown("# tf.gradients\n"),
        code(f"{FORWARD}\n{GRADIENT}", outputs=[{"output_type": "x", "data": "é"}]),
        "tf.gradients?\nawait later()\n!ls",
        "%%bash\ntf.gradients(",
    )
    migration = migrate_notebook(data)
    old, new = parse(data), parse(migration.new)
    assert [a.source == b.source for a, b in zip(old.cells, new.cells, strict=True)] == [
        True, True, False, True, True,
    ]  # fmt: skip
    start, end = old.cells[2].span
    assert new.text.startswith(old.text[:start])
    assert new.text.endswith(old.text[end:])
    assert json.loads(migration.new)["cells"][2]["outputs"] == [{"output_type": "x", "data": "é"}]


def test_control_flow_becomes_a_function_in_its_own_cell() -> None:
    branch = f"if x > 1.0:\n    y = x * x\nelse:\n    y = x\n\n{GRADIENT}"
    migration = migrate(f"{IMPORT}\n{X}", branch, "after = 1")
    old, middle, after = sources(migration.new)
    assert (old, after) == (f"{IMPORT}\n{X}", "after = 1")
    assert middle.startswith("@tf.function\ndef compute_y(x):\n")


def test_calls_that_are_left_stay_at_their_cells() -> None:
    cells = [f"{IMPORT}\n{X}\n{FORWARD}\n{GRADIENT}", "w = tf.cos(x)\nh = tf.gradients(w, x)[0]"]
    first = migrate(*cells, options=Options(leave=(Left(4, 5, "TM002", "no", 1),)))
    assert [(s.site.cell, s.code) for s in first.sites] == [(1, "TM002"), (2, None)]
    second = migrate(*cells, options=Options(leave=(Left(2, 5, "TM002", "no", 2),)))
    assert [(s.site.cell, s.code) for s in second.sites] == [(1, None), (2, "TM002")]


def test_what_is_not_read_is_said_if_it_could_hold_a_call() -> None:
    migration = migrate(IMPORT, "%timeit tf.gradients(y, x)", "%timeit nothing()")
    (remark,) = migration.remarks
    assert (remark.cell, remark.line, remark.code) == (2, 1, "TM150")


def test_remarks_and_annotations_stand_in_their_cells() -> None:
    helper = "x = 1  # tape-migrate: ignore\ndef grad(y, x):\n    return tf.gradients(y, x)"
    migration = migrate(IMPORT, helper, options=Options(annotate=True))
    assert [(r.cell, r.line) for r in migration.remarks] == [(2, 1)]
    assert "    # TODO(tape-migrate) TM101: " in sources(migration.new)[1]


def test_other_languages_and_empty_notebooks_are_left_alone() -> None:
    cell = code("gradients(y, x)")
    for data in (
        notebook(cell, kernelspec={"language": "R"}),
        notebook(cell, language_info={"name": "julia"}),
        notebook(),
        notebook(markdown("gradients")),
    ):
        migration = migrate_notebook(data)
        assert migration.new == data
        assert migration.sites == ()


def test_what_is_no_python_is_an_error_that_names_the_cell() -> None:
    data = notebook(IMPORT, markdown("x"), "x = 1\nprint 'gradients'")
    with pytest.raises(SourceError, match="cell 3, line 2: syntax error"):
        migrate_notebook(data)


RUN = """
import json, sys
import tensorflow as tf

def run(cells, graph):
    names = {}
    if not graph:
        for cell in cells:
            exec(cell, names)
        return [float(names[n]) for n in ("g", "h")]
    with tf.Graph().as_default():
        for cell in cells:
            exec(cell, names)
        with tf.compat.v1.Session() as session:
            return [float(v) for v in session.run([names["g"], names["h"]])]

old, new = json.load(sys.stdin)
print(json.dumps([run(old, True), run(new, False)]))
"""


def test_a_merged_notebook_gives_the_same_numbers() -> None:
    cells = [
        f"{IMPORT}\nx = tf.constant(1.5)",
        "y = tf.sin(x) * x",
        "z = tf.exp(y)",
        "g = tf.gradients(z, x)[0]",
        "w = tf.cos(x) + x * x * x\nd = tf.gradients(w, x)[0]\nh = tf.gradients(d, x)[0]",
    ]
    migration = migrate(*cells)
    assert [site.outcome for site in migration.sites] == [Outcome.MIGRATED] * 3
    new = sources(migration.new)
    assert new[1:3] == ["", ""]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(RUN)],
        input=json.dumps([cells, new]),
        capture_output=True,
        text=True,
        check=True,
    )
    before, after = json.loads(done.stdout)
    assert before == pytest.approx(after, rel=1e-6)
    assert all(abs(value) > 0.1 for value in before)


def test_a_magic_in_the_cell_of_the_gradient_stays_where_it_is() -> None:
    migration = migrate(f"%matplotlib inline\n{IMPORT}\n{X}\n{FORWARD}\n!date\n{GRADIENT}\n%pwd")
    assert sources(migration.new) == [
        f"%matplotlib inline\n{IMPORT}\n{X}\nwith tf.GradientTape() as tape:\n"
        "    tape.watch(x)\n    y = x * x\n!date\ng = tape.gradient(y, x)\n%pwd"
    ]


def test_a_blank_line_at_the_start_of_a_cell_stays() -> None:
    migration = migrate(f"{IMPORT}\n{X}", f"\n\n{FORWARD}\n{GRADIENT}")
    (first, second) = sources(migration.new)
    assert first == f"{IMPORT}\n{X}"
    assert second.startswith("\n\nwith tf.GradientTape() as tape:\n")


def test_what_cannot_be_parsed_at_all_is_an_error_without_a_line() -> None:
    with pytest.raises(SourceError) as caught:
        migrate_notebook(notebook(IMPORT, "y = '\0'\ng = tf.gradients(y, x)"))
    assert "null bytes" in caught.value.message
