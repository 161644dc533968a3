"""Refuses a read of patient content that takes no Scope.

Rule 1: in the modules of READERS, a public function or method whose name starts with a reading verb, or whose return
annotation names a content type, has a parameter annotated `Scope` (or with several, as `Sequence[Scope]`), or carries
`_without_scope` in its name.
Rule 2: a `..._without_scope` function is named outside records/ and tests/ only in the modules of PIPELINE.
Rule 3: a `Scope` parameter is never optional and has no default.

Exit 0 when clean; 1 with one line a finding; 2 when it looked at fewer functions than FLOOR (a lint that sees nothing
proves nothing).
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

READERS = (
    "records/documents.py",
    "records/readings.py",
    "records/corrections.py",
    "records/receipts.py",
    "records/patients.py",
    "records/grants.py",
    "records/relations.py",
    "records/will.py",
    "records/journal.py",
    "records/audit.py",
    "index/port.py",
    "index/embedded.py",
    "index/opensearch*.py",
)
VERBS = ("get", "list", "find", "load", "read", "search", "match", "forms", "count", "coverage", "identity", "entries")
CONTENT = ("Document", "Reading", "Identity", "Candidates", "Coverage", "Entry", "Grant")
PIPELINE = (
    "ingest/",
    "index/project",
    "index/verify",
    "index/port.py",
    "index/embedded",
    "index/opensearch",
    "search_api/patients.py",  # look-up: an identity becomes an id, which decide() lets out or not
    "search_api/fhir/counter.py",  # the same look-up
    "search_api/fhir/patients.py",
    "search_api/fhir/audits.py",  # the journal of anybody, for the auditor
    "search_api/notifier.py",  # the outbox of notifications: addresses, no content
    "search_api/webhooks.py",  # what happened, told by the listener's own Scope
    "search_api/bulk_lines.py",  # whose a document is that comes in
    "search_api/bulk_sent.py",  # the same
    "search_api/bulks.py",  # what became of the lines that its caller sent: counts and refusals, no content
    "search_api/reminders.py",  # who asked for reminders; their record by their own Scope
    "search_api/metrics.py",  # how many events did not arrive
    "search_api/upkeep.py",  # counts without identities, for who keeps the service
    "search_api/auditing.py",  # the journals of all, for the auditor
    "search_api/reviews.py",  # who opened what, for the auditor; requests, for who decides them
    "cli/",
    "tools/",
    "benchmarks/",
)
FLOOR = 12
Function = ast.FunctionDef | ast.AsyncFunctionDef


def findings(root: Path) -> tuple[list[str], int]:
    """Every finding under `root`, and how many reading functions were judged."""
    found: list[str] = []
    judged = 0
    for pattern in READERS:
        for path in sorted(root.glob(pattern)):
            for function in _public_functions(ast.parse(path.read_text())):
                if _reads(function):
                    judged += 1
                    if not _takes_scope(function) and "_without_scope" not in function.name:
                        found.append(
                            f"{path.relative_to(root)}:{function.lineno} {function.name} reads without a Scope"
                        )
    for path in _sources(root):
        tree = ast.parse(path.read_text())
        where = path.relative_to(root).as_posix()
        found += [f"{where}:{line} a Scope must be required" for line in _optional_scopes(tree)]
        if not where.startswith(("records/", "tests/", *PIPELINE)):
            found += [f"{where}:{line} {name} used outside the pipeline" for line, name in _bypasses(tree)]
    return found, judged


def _sources(root: Path) -> Iterator[Path]:
    for folder in ("access", "records", "index", "ocr", "clinical", "ingest", "search_api", "cli"):
        yield from sorted((root / folder).rglob("*.py"))


def _public_functions(tree: ast.Module) -> Iterator[Function]:
    for node in tree.body:
        if isinstance(node, Function) and not node.name.startswith("_"):
            yield node
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from (f for f in node.body if isinstance(f, Function) and not f.name.startswith("_"))


def _reads(function: Function) -> bool:
    returned = {n.id for n in ast.walk(function.returns) if isinstance(n, ast.Name)} if function.returns else set()
    is_factory = function.name.startswith(("new_", "create", "add_", "put", "append", "build", "parse"))
    return not is_factory and (function.name.startswith(VERBS) or bool(returned & set(CONTENT)))


def _takes_scope(function: Function) -> bool:
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    named = (node for a in arguments if a.annotation for node in ast.walk(a.annotation))
    return any(isinstance(node, ast.Name) and node.id == "Scope" for node in named)


def _optional_scopes(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if not isinstance(node, Function):
            continue
        positional = [*node.args.posonlyargs, *node.args.args]
        defaults = [None] * (len(positional) - len(node.args.defaults)) + list(node.args.defaults)
        pairs = [
            *zip(positional, defaults, strict=True),
            *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True),
        ]
        for argument, default in pairs:
            names = (
                {n.id for n in ast.walk(argument.annotation) if isinstance(n, ast.Name)}
                if argument.annotation
                else set()
            )
            optional = not isinstance(argument.annotation, ast.Name) and any(
                isinstance(n, ast.Constant) and n.value is None for n in ast.walk(argument.annotation or argument)
            )
            if "Scope" in names and (default is not None or optional):
                yield node.lineno


def _bypasses(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        if name.endswith("_without_scope"):
            yield node.lineno, name


def main() -> int:
    found, judged = findings(Path(__file__).resolve().parents[1])
    for line in found:
        print(line)
    if judged < FLOOR:
        print(f"only {judged} reading functions judged, {FLOOR} expected: the lint no longer looks where reads are")
        return 2
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
