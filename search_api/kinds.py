"""The document types that a depositor may name: public data, in French, by category."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from access.document_types import TYPES
from search_api.desk import desk
from search_api.view_base import View

router = APIRouter(prefix="/v1", tags=["documents"])


class TypeView(View):
    """A type of the French value set, and the category of authorisations that it falls under."""

    code: str
    label: str
    category: str


class TypeList(View):
    types: list[TypeView]


@router.get("/document-types", summary="Les types de documents", dependencies=[Depends(desk)])
def read_types() -> TypeList:
    """Pour dire ce qu'est un document qu'on dépose. Sans type, seules les professions qui voient tous les types le
    verront."""
    return TypeList(types=[TypeView(code=code, label=label, category=of) for code, (label, of) in TYPES.items()])
