"""Mutates the access rules clause by clause and shows which mutants the fast access suite lets live.

Each mutant changes one thing in one module of access/: a condition dropped or inverted, an operand of and/or left out,
a comparison moved by one or turned around, a set operation losing a side, an entry of a table left out. It runs
tests/access in a forked child, in which that module alone is the mutated one; a suite that fails kills the mutant.

    python tools/mutate_policy.py [--sample N] [--only TEXT]     exit 0 when every mutant was killed
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.abc
import importlib.machinery
import os
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
MODULES = ("decide", "grants", "relations", "emergency", "states", "habilitation", "acts", "senders", "confidentiality")
PRESUMED = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
TURNED = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
EQUIVALENT: dict[str, str] = {
    "access/decide.py:176 inverted: if all_states": "two words exchanged in a version that is compared with itself",
}
"""Mutants that change no answer, with the reason. A mutant stands here only after a person has read it."""


SUITE = [
    *("tests/access", "-x", "-q", "-p", "no:cacheprovider", "-m", "not realdata"),
    *("--noconftest", "-p", "pytest_timeout"),  # no fixture of the services, no plugin but the one that pyproject sets
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # what the parent imported once for all children
]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: where, what, and the module's source with it."""

    module: str
    line: int
    what: str
    source: str

    @property
    def name(self) -> str:
        return f"access/{self.module}.py:{self.line} {self.what}"


def mutants(module: str) -> Iterator[Mutant]:
    """Every mutant of a module of access/."""
    tree = ast.parse((ROOT / "access" / f"{module}.py").read_text(encoding="utf-8"))
    seen: set[str] = set()
    types = _annotations(tree)
    for index, node in enumerate(ast.walk(tree)):
        if id(node) in types:
            continue
        for what, change in _changes(node):
            mutated = copy.deepcopy(tree)
            target = next(n for i, n in enumerate(ast.walk(mutated)) if i == index)
            change(target)
            source = ast.unparse(ast.fix_missing_locations(mutated))
            if source not in seen:
                seen.add(source)
                yield Mutant(module, getattr(node, "lineno", 0), what, source)


def _changes(node: ast.AST) -> Iterator[tuple[str, object]]:
    said = ast.unparse(node)[:60].replace("\n", " ") if hasattr(node, "lineno") else ""
    if isinstance(node, ast.If | ast.IfExp):
        yield f"dropped: if {ast.unparse(node.test)[:60]}", lambda n: setattr(n, "test", ast.Constant(False))
        yield f"inverted: if {ast.unparse(node.test)[:60]}", _negate
    if isinstance(node, ast.BoolOp):
        for position in range(len(node.values)):
            left_out = ast.unparse(node.values[position])[:60]
            yield f"left out: {left_out}", lambda n, at=position: n.values.pop(at)
    if isinstance(node, ast.Compare):
        for position, operator in enumerate(node.ops):
            table = PRESUMED | TURNED
            other = table[type(operator)]
            yield f"{said}: {other.__name__}", lambda n, at=position, o=other: n.ops.__setitem__(at, o())
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield f"not dropped: {said}", lambda n: setattr(n, "op", ast.UAdd()) or _truth(n)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.Sub | ast.BitAnd):
        yield f"left side only: {said}", lambda n: setattr(n, "right", _nothing(n))
    if isinstance(node, ast.Dict) and node.lineno and all(node.keys):
        for position, key in enumerate(node.keys):
            assert key is not None
            yield f"entry left out: {ast.unparse(key)}", lambda n, at=position: (n.keys.pop(at), n.values.pop(at))
    if isinstance(node, ast.Set) and len(node.elts) > 1:
        for position, element in enumerate(node.elts):
            yield f"element left out: {ast.unparse(element)}", lambda n, at=position: n.elts.pop(at)
    if isinstance(node, ast.comprehension):
        for position, condition in enumerate(node.ifs):
            left_out = ast.unparse(condition)[:60]
            yield f"filter left out: {left_out}", lambda n, at=position: n.ifs.pop(at)


def _annotations(tree: ast.Module) -> set[int]:
    """Every node of a type: changing one changes no answer."""
    found = [n.returns for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    found += [n.annotation for n in ast.walk(tree) if isinstance(n, ast.arg | ast.AnnAssign)]
    return {id(part) for each in found if each is not None for part in ast.walk(each)}


def _negate(node: ast.If | ast.IfExp) -> None:
    node.test = ast.UnaryOp(ast.Not(), node.test)


def _truth(node: ast.UnaryOp) -> None:
    """`not x` becomes `not not x`: the value's truth, of the same type."""
    node.op, node.operand = ast.Not(), ast.UnaryOp(ast.Not(), node.operand)


def _nothing(node: ast.BinOp) -> ast.expr:
    """What makes an operation keep its left side: an empty set beside | and -, the left side itself beside &."""
    return copy.deepcopy(node.left) if isinstance(node.op, ast.BitAnd) else ast.parse("frozenset()", mode="eval").body


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module of access/ with a mutated source; every other is the real one."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(self, name: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        if name != f"access.{self._mutant.module}":
            return None
        return importlib.machinery.ModuleSpec(name, self)

    def exec_module(self, module: object) -> None:
        code = compile(self._mutant.source, f"<mutant of {self._mutant.module}>", "exec")
        exec(code, module.__dict__)


def killed(mutant: Mutant) -> bool:
    """Whether the fast suite notices. In a child: nothing of a mutant stays in this process."""
    child = os.fork()
    if child == 0:
        _die_by_the_suite(mutant)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) != 0


def _die_by_the_suite(mutant: Mutant) -> NoReturn:
    """Run the suite over the mutant, and exit as it did."""
    status = 70
    try:
        import pytest
        from hypothesis import Phase, settings

        # A failure is enough: the smallest one is not looked for.
        settings.register_profile("mutants", deadline=None, derandomize=True, phases=[Phase.generate], database=None)
        settings.load_profile("mutants")
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        sys.meta_path.insert(0, _Mutated(mutant))
        sys.path.insert(0, str(ROOT))
        os.chdir(ROOT)
        status = int(pytest.main(SUITE))
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def survivors(chosen: Sequence[Mutant], workers: int = 2) -> list[Mutant]:
    """The mutants that no test notices."""
    with ThreadPoolExecutor(workers) as pool:
        alive = []
        for number, (one, dead) in enumerate(zip(chosen, pool.map(killed, chosen), strict=True), 1):
            print(f"{number}/{len(chosen)} {'killed' if dead else 'ALIVE'} {one.name}", file=sys.stderr)
            alive += [] if dead else [one]
        return alive


def every() -> list[Mutant]:
    """All mutants, without those known to change nothing."""
    return [one for module in MODULES for one in mutants(module) if one.name not in EQUIVALENT]


def control() -> Mutant:
    """A mutant that is none: when it dies, the deaths of the others prove nothing."""
    return Mutant("decide", 0, "unchanged", (ROOT / "access" / "decide.py").read_text(encoding="utf-8"))


def preload() -> None:
    """Import what every child needs once."""
    import hypothesis  # noqa: F401
    import lxml.etree  # noqa: F401
    import pytest  # noqa: F401
    import pytest_timeout  # noqa: F401
    import yaml  # noqa: F401


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--sample", type=int, help="every nth, about N of them")
    asked.add_argument("--only", default="", help="those whose name holds this")
    options = asked.parse_args()
    preload()
    if killed(control()):
        print("the suite fails on the rules as they are: nothing is proven")
        return 2
    chosen = [one for one in every() if options.only in one.name]
    if options.sample:
        chosen = chosen[:: max(1, len(chosen) // options.sample)]
    started = time.monotonic()
    alive = survivors(chosen)
    print("| module | mutants | killed |\n|---|---|---|")
    for module in MODULES:
        of = [one for one in chosen if one.module == module]
        print(f"| access/{module}.py | {len(of)} | {sum(one not in alive for one in of)} |")
    print(f"| all | {len(chosen)} | {len(chosen) - len(alive)} |\n\n{time.monotonic() - started:.0f} s")
    for one in alive:
        print("ALIVE", one.name)
    return 1 if alive or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
