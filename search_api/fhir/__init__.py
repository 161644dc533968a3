"""FHIR R4 under `/fhir`: the same services as /v1, in the words of hospital systems (docs/fhir.md)."""
