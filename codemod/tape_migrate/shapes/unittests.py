"""Classes of tests: which they are, and what their assertions leave alone."""

from __future__ import annotations

import ast

from tape_migrate.module import Module

_TESTS = ("tensorflow.", "unittest.", "absl.")


def is_test_case(module: Module, base: ast.expr) -> bool:
    """Whether ``base`` is a test runner's own class: it makes an object for each test."""
    resolved = module.names.resolve(base) or module.names.spelled(base)
    return resolved.startswith(_TESTS) and resolved.endswith("TestCase")


def only_parameterizes(module: Module, decorator: ast.expr) -> bool:
    """``@parameterized.parameters(…)`` of a class: its tests run several times, nothing else."""
    func = decorator.func if isinstance(decorator, ast.Call) else decorator
    home, _, name = module.names.resolve(func).rpartition(".")
    return home == "absl.testing.parameterized" and name in ("named_parameters", "parameters")


def is_assertion(module: Module, call: ast.Call) -> bool:
    """``self.assertEqual(…)``: a method of a test class that changes nothing."""
    func = call.func
    if not isinstance(func, ast.Attribute) or not isinstance(func.value, ast.Name):
        return False
    if func.value.id != "self" or not func.attr.startswith("assert"):
        return False
    return func.attr not in _functions(module) and any(
        is_test_case(module, base)
        for parent in module.parents(call)
        if isinstance(parent, ast.ClassDef)
        for base in _visible_bases(module, parent)
    )


def _functions(module: Module) -> frozenset[str]:
    """Names of all functions and methods of the module (looked up once)."""
    known = module.memo.get("function names")
    if not isinstance(known, frozenset):
        names = (n.name for n in module.nodes if isinstance(n, ast.FunctionDef))
        known = module.memo["function names"] = frozenset(names)
    return known


def _visible_bases(module: Module, node: ast.ClassDef) -> list[ast.expr]:
    """The bases of a class, and those of its bases in the module."""
    return [base for klass in (node, *ancestors(module, node)) for base in klass.bases]


def ancestors(module: Module, node: ast.ClassDef) -> list[ast.ClassDef]:
    """The classes of the module that ``node`` inherits from."""
    if not node.bases:
        return []
    classes = _top_classes(module)
    found: list[ast.ClassDef] = []
    queue = [node]
    while queue:
        for base in queue.pop().bases:
            parent = classes.get(base.id) if isinstance(base, ast.Name) else None
            if parent is not None and parent is not node and parent not in found:
                found.append(parent)
                queue.append(parent)
    return found


def _top_classes(module: Module) -> dict[str, ast.ClassDef]:
    known = module.memo.get("classes at the top")
    if not isinstance(known, dict):
        classes = {n.name: n for n in module.tree.body if isinstance(n, ast.ClassDef)}
        known = module.memo["classes at the top"] = classes
    return known


def is_known_base(module: Module, base: ast.expr, parents: list[ast.ClassDef]) -> bool:
    """Whether a base class is in sight, or certainly none that the module could know of."""
    return (
        is_test_case(module, base)
        or (isinstance(base, ast.Name) and base.id in ("object", *(p.name for p in parents)))
        or module.names.resolve(base) == "tensorflow.Module"
    )
