"""Our top-level packages are ours alone, and the declared walls hold."""

from __future__ import annotations

from importlib.metadata import packages_distributions

OURS = ("access", "records", "index", "mappings", "ocr", "clinical", "ingest", "search_api", "cli", "samples")


def test_no_foreign_distribution_provides_our_packages() -> None:
    providers = packages_distributions()
    assert {name: set(providers.get(name, [])) - {"anamnese"} for name in OURS} == {name: set() for name in OURS}
