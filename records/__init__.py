"""The truth: patients, documents and their states, jobs, grants, journal, outbox, keys and blobs, encrypted at rest.

Values come in and go out as frozen dataclasses; SQL stays inside. Imported by index, ocr, clinical, ingest,
search_api and cli; imports access only. A function that reads a patient's content takes a `Scope`, or says in its
name that it does not (`..._without_scope`), which only the pipeline and the administration commands may call.
"""
