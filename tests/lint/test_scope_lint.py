"""The Scope lint finds what it must, and the tree is clean."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.scope_lint import findings

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("path", "code", "expected"),
    [
        ("records/documents.py", "def get_document(tx, document_id): ...", "reads without a Scope"),
        ("records/documents.py", "def newest(tx) -> Document: ...", "reads without a Scope"),
        ("records/documents.py", "def get_document(tx, scope: Scope): ...", None),
        ("index/embedded.py", "def match_each(asked: Sequence[tuple[Scope, Question]]): ...", None),
        ("index/embedded.py", "def forms_each(asked: Sequence[Scope | None]): ...", "must be required"),
        ("records/documents.py", "def document_without_scope(tx) -> Document: ...", None),
        ("records/documents.py", "def get_document(tx, scope: Scope | None): ...", "must be required"),
        ("records/documents.py", "def get_document(tx, scope: Scope = EMPTY): ...", "must be required"),
        ("search_api/ask.py", "x = document_without_scope(tx, 1)", "outside the pipeline"),
        ("ingest/recipe.py", "x = documents.document_without_scope(tx, 1)", None),
        ("index/embedded.py", "class E:\n    def match(self, question): ...", "reads without a Scope"),
    ],
)
def test_each_rule(tmp_path: Path, path: str, code: str, expected: str | None) -> None:
    target = tmp_path / path
    target.parent.mkdir(parents=True)
    target.write_text(code)
    found, _ = findings(tmp_path)
    if expected is None:
        assert found == []
    else:
        assert any(expected in line for line in found)


def test_the_tree_is_clean_and_was_looked_at() -> None:
    found, judged = findings(ROOT)
    assert found == []
    assert judged >= 12
