"""What IPython adds to Python, as placeholders and back."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tape_migrate.notebooks.magics import PythonCell, Translator


def translate(source: str) -> PythonCell:
    return Translator(source).translate(source)


def back(cell: PythonCell) -> str:
    text = cell.text
    for placeholder in cell.placeholders:
        assert text.count(placeholder.text) == 1
        text = text.replace(placeholder.text, placeholder.original)
    return text


PIECES = st.sampled_from(
    ["%matplotlib inline", "!ls -l", "x = !ls", "%%time", "y = 1", "f?", "??f", "s = '''", "'''",
     "(", ")", "  ", "\\", "%time z = 2", "# %no", "a = b % c", "\t!x \\", "[1,", "2]", ""]
)  # fmt: skip


@given(st.lists(PIECES, max_size=8).map("\n".join))
def test_every_text_comes_back_and_keeps_its_lines(source: str) -> None:
    cell = translate(source)
    assert back(cell) == source
    assert cell.text.count("\n") == source.count("\n")


@pytest.mark.parametrize(
    "source",
    [
        "%matplotlib inline",
        "  \n%load_ext autoreload\n%autoreload 2\nx = 1",
        "!pip install a \\\n  b \\\n  c\nx = 1",
        "if x:\n    !ls\n    %cd ..\nelse:\n    y = 1",
        "files = !ls *.py\na, b = %sx ls",
        "self.files = !ls",
        "tf.gradients?\n?tf.gradients\ntf.gradients??\n*int*?\n%timeit?",
        "%%time\ny = f(x)\n%pwd",
        "%%capture out\nprint(1)",
        "%%bash\nfor i in 1 2; do\n  echo $i\ndone",
        "%%javascript\nalert('%%');",
        "%run other.py\nx = 1",
        "%time y = f(x)",
        "%%timeit -n 3\ny = f(x)",
        "await session.run()\nasync with a as b:\n    pass",
        "plt.plot(x);",
        "%%bash\necho 1\n\necho 2\n",
    ],
)
def test_the_result_is_python(source: str) -> None:
    cell = translate(source)
    ast.parse(cell.text)
    assert back(cell) == source


@pytest.mark.parametrize(
    "source",
    [
        "x = (a\n     % b)",
        "s = '''\n%matplotlib\n!ls\n'''",
        's = f"""\n!{x}\n"""',
        "y = a \\\n  % b",
        "x = a != b",
        "d = {\n 'a': 1,\n # why?\n}",
        "print(1)  # really?",
        "x = [\n'%s'\n% y]",
    ],
)
def test_python_stays_python(source: str) -> None:
    cell = translate(source)
    assert cell.text == source
    assert cell.placeholders == ()
    assert cell.opaque == ()


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("%matplotlib inline", '"'),
        ("!ls", '"'),
        ("f?", '"'),
        ("x = !ls", 'x = get_ipython("'),
        ("%run a.py", 'exec("'),
        ("%pylab", 'exec("'),
        ("%time y = f(x)", 'exec("'),
        ("%%bash\nls", '"'),
        ("%%bash --out x\nls", 'exec("'),
        ("%%timeit\ny = 1", 'exec("'),
        ("%%unheard_of\ny = 1", 'exec("'),
        ("%%time\ny = 1", '"'),
    ],
)
def test_placeholders_say_what_a_line_could_do(source: str, what: str) -> None:
    assert translate(source).text.startswith(what)


def test_what_could_hold_python_is_known() -> None:
    assert translate("x = 1\n%timeit f(x)").opaque == ((2, "%timeit f(x)"),)
    assert translate("%%timeit\ny = 1").opaque == ((1, "%%timeit"), (2, "y = 1"))
    assert translate("%%bash\necho").opaque == ()


def test_a_string_without_an_end_hides_no_magic_below() -> None:
    """The parser tells of the string; the lines below are as they would be without it."""
    cell = translate("x = 'no end\n%pwd\ny = 'it goes\\\n%on'\n!ls")
    assert [placeholder.original for placeholder in cell.placeholders] == ["%pwd", "!ls"]


def test_marks_are_found_nowhere_else() -> None:
    source = 'x = "tape-migrate"\n%pwd'
    cell = translate(source)
    assert '"tape-migrate-' in cell.text
    assert back(cell) == source
