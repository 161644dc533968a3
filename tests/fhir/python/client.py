"""fhirclient against a server: metadata, search with paging, read, upload, summary; one JSON line of what it got.

A process of its own: what it warns of is its own affair.
"""

from __future__ import annotations

import base64
import json
import sys

from fhirclient import client
from fhirclient.models.bundle import Bundle
from fhirclient.models.documentreference import DocumentReference

base, token, patient = sys.argv[1:]
smart = client.FHIRClient(settings={"app_id": "test", "api_base": base})
smart.server.session.headers["Authorization"] = f"Bearer {token}"
told = smart.server.capabilityStatement

pages = list(DocumentReference.where({"patient": patient, "_count": "1"}).perform_iter(smart.server))
first = pages[0].entry[0].resource.id
read = DocumentReference.read(first, smart.server)

data = base64.b64encode("Compte rendu envoyé par le client Python.".encode()).decode()
document = DocumentReference(
    {
        "resourceType": "DocumentReference",
        "status": "current",
        "subject": {"reference": f"Patient/{patient}"},
        "content": [{"attachment": {"contentType": "text/plain", "data": data, "title": "Python"}}],
    }
)
kept = document.create(smart.server)
summary = Bundle.read_from(f"Patient/{patient}/$summary", smart.server)
print(
    json.dumps(
        {
            "version": told.fhirVersion,
            "pages": len(pages),
            "read": read.id,
            "uploaded": f"DocumentReference/{kept['id']}",
            "sections": len(summary.entry[0].resource.section),
        }
    )
)
