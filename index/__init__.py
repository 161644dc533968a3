"""Finding: tokens and vectors of passages go in, ranked candidates inside a `Scope` come out.

`port.py` is the contract, `embedded.py` and `opensearch.py` the engines, `analysis.py` the only text analysis,
`rank.py` the only ranking, `projector.py` the follower of the outbox. Imported by ingest, search_api and cli; imports
records and access.
"""
