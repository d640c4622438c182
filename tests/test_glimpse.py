"""What a module's text tells without being parsed, against what parsing it tells."""

from __future__ import annotations

import ast
import contextlib
import sysconfig
from pathlib import Path

import pytest

from tape_migrate.glimpse import imports_of, may_mean, may_return_name
from tape_migrate.model import SourceError
from tape_migrate.parsed import parse
from tape_migrate.project import build_project

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
LIBRARY = Path(sysconfig.get_path("stdlib"))


@pytest.mark.parametrize(
    "code",
    [
        "import tensorflow as tf",
        "import a, tf.b",
        "import a, \\\n  tf",
        "from a import tf as b, c as tf",
        "from a import (b,  # ) of c\n  tf)",
        "from a import \\\n  (b, tf)",
        "from a import *",
        "tf = a",
        "(tf) = a",
        "(tf  # of a\n) = a",
        "b = tf = a",
        "tf: object = a",
        "(tf): object = a",
        "if a:\n\ttf=a",
        "def f():\n  global tf\n  tf = a",
        "for tf in [a]: pass",
        "for tf in a, b: pass",
        "for tf \\\n  in \\\n  [a]: pass",
        "for b, tf in zip(\n  a): pass",
        "for (b,\n  tf) in zip(a): pass",
        "for (b, [tf]) in zip(a): pass",
        "x = 'in'  # in\nfor tf in (a): pass",
        "'''made of b in\n'''\nfor tf in [a]: pass",
        "ｔｆ = a",
    ],
)
def test_what_may_mean_something_to_others(code: str) -> None:
    parse(code.encode())
    assert may_mean(code.encode(), "tf")


@pytest.mark.parametrize(
    "code",
    [
        "",
        "x = tf",
        "x = tf(a) == tf.b",
        "if isinstance(x, (a, tf)):\n  y = 1",
        "from a import b\ntf(b)",
        "x.tf = a",
        "tf == a",
        "def tf(a): return a",
        "class tf(): pass",
        "with a as tf, b: pass",
        "for a in tf(): pass",
        "outfit = tfx = a",
        "a = 'é'\ntf(a)",
    ],
)
def test_what_means_nothing_to_others(code: str) -> None:
    parse(code.encode())
    assert not may_mean(code.encode(), "tf")


@pytest.mark.parametrize(
    ("code", "may"),
    [
        ("def f():\n  return tf", True),
        ("def f():\n  def g():\n    return tf", True),
        ("def  \\\n  f(a,\nb):\n  '''A\ntext.'''\n  return tf\n", True),
        ("x = 1\ndef f(): return tf\n\nx = 2", True),
        ("\x0cdef f(): return tf", True),
        ("\\\n  def f(): return tf", True),
        ("def f():\n  return 1\ndef f():\n  return tf", True),
        ("if a:\n  def f(): return tf", False),
        ("def f():\n  return tf.a\nreturn_ = tf", False),
        ("def f():\n  if a: return tf\n  return b\n\n# end", False),
        ("def ff():\n  return tf", False),
        ("f = tf", False),
    ],
)
def test_functions_that_may_return_a_module(code: str, may: bool) -> None:
    assert may_return_name(code.encode(), "f") is may


@pytest.mark.parametrize(
    ("part", "may_be_meant", "may_be_returned"),
    [
        ("for a ", True, False),
        ("for a (", False, False),
        ("import (", False, False),
        ("import \\", False, False),
        ("tf #", True, False),
        ("tf )", True, False),
        ("tf\n", True, False),
        ("def tf(", True, True),
        ("\\\n", False, True),
    ],
)
def test_hostile_texts_are_looked_at_in_linear_time(
    part: str, may_be_meant: bool, may_be_returned: bool
) -> None:
    text = part.encode() * 50_000
    assert may_mean(text, "tf") is may_be_meant
    assert may_return_name(text, "tf") is may_be_returned


@pytest.mark.parametrize(
    "code",
    [
        "import a",
        "import a.b as c, d",
        "from a import b as c, d",
        "from . import a",
        "from .a.b import (c,  # ) of d\n  d # import e\n)\nimport f",
        "from a import \\\n  b",
        "from importlib import a\nfrom reimport import import_b",
        "import a; from b import c;import d",
        "try: import a\nexcept ImportError: b = {'import': c}; import d",
        "if 'import': import a",
        "def f():\n\timport a",
        "'''made to\nimport (what\n'''\nimport a",
        "'''from\nimport'''\nimport a",
        "b = 1  # note: import (c,\nimport a",
        "from a import (" + "b, " * 3_000 + ")",
        "b = '" + "c " * 3_000 + "'; import a",
        "import a\r\nfrom b import c\rimport d\r",
        "\x0cimport a",
        "import é.b\nfrom é import c",
        "from a import *",
        "important = 1\nimport_ = 2\nx.imports",
        "",
    ],
)
def test_imports_by_text_are_those_of_the_tree(code: str) -> None:
    found = {ast.dump(node) for node in imports_of(code.encode())}
    assert found >= {ast.dump(node) for node in _imports(parse(code.encode()))}


def test_what_stands_in_comments_is_no_import() -> None:
    text = b"# import a\n#from b import c\nd = 'import e'\nf.imports()\n"
    assert imports_of(text) == []


@pytest.mark.parametrize(
    "part", ["import ", "import", "'import' ", "import (", ": import (a\n", "import a b\n", "from "]
)
def test_imports_are_looked_for_in_linear_time(part: str) -> None:
    with contextlib.suppress(SourceError):
        assert imports_of(part.encode() * 50_000) == []


def _imports(tree: ast.AST) -> list[ast.AST]:
    return [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]


def test_real_modules_are_never_taken_for_less_than_they_hold() -> None:
    asked = 0
    for path in [*sorted(LIBRARY.glob("[a-e]*.py")), *sorted(FIXTURES.glob("*/*/before.py"))]:
        data = path.read_bytes()
        try:
            tree = parse(data)
        except (SourceError, UnicodeDecodeError):
            continue
        found = {ast.dump(node) for node in imports_of(data)}
        assert found >= {ast.dump(node) for node in _imports(tree)}, path
        for name in _names_with_meaning(tree):
            assert may_mean(data, name), (path, name)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                values = [n.value for n in ast.walk(node) if isinstance(n, ast.Return)]
                if len(values) == 1 and isinstance(values[0], ast.Name):
                    assert may_return_name(data, node.name), (path, node.name)
                    asked += 1
    assert asked > 10


def _names_with_meaning(tree: ast.Module) -> set[str]:
    """Names that are imported, assigned by themselves, or run over what is written there."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                found |= {(alias.asname or alias.name).split(".")[0] for alias in names}
            case ast.Assign(targets=targets):
                found |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
            case (
                ast.For(target=target, iter=ast.List() | ast.Tuple())
                | ast.For(target=target, iter=ast.Call(func=ast.Name(id="zip")))
            ):
                found |= {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
    return found - {"*"}


def test_what_a_package_takes_from_its_parts_is_still_found() -> None:
    project = build_project(
        {
            "p/__init__.py": b"from p import fill\nfill.fill()\n",
            "p/fill.py": b"def fill(): pass\n",
            "p/sub/__init__.py": b"import tensorflow as tf\n",
            "q.py": b"def tf(): return 1\n",
        }
    )
    assert project.meaning("p", "tf") == "tensorflow"
    assert project.meaning("q", "tf") == ""
    assert project.meaning("p.sub", "tf") == "tensorflow"
