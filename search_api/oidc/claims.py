"""Verified claims become a Bearer. A token that names two bearers, or one that its issuer may not name, is refused.

Pro Santé Connect: `SubjectNameID` is a type and a number ("8" and an RPPS); `SubjectRefPro.exercices` are the practices
with profession, savoir-faire and the FINESS of each site; `Acces_Regulation_Medicale` is "VRAI" for Centre 15. A
generic issuer says the same under claim names of the settings.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from access.identifiers import is_opaque_id, is_rpps, parse_ins
from access.identitovigilance import ROLE
from access.scope import CallerKind
from access.smart import parse_scopes
from records.keys import KeyStore
from records.patients import patient_id_of_ins
from search_api.bearers import Authentication, Bearer, Stated
from search_api.oidc.config import IssuerSettings
from search_api.tokens import INVALID

ROLES = {
    "auditor": (CallerKind.AUDITOR, ""),
    "administrator": (CallerKind.ADMINISTRATOR, ""),
    ROLE: (CallerKind.ADMINISTRATOR, ROLE),
}
"""The words of a `roles` claim that mean something here."""


@cache
def ans_words() -> dict[str, Any]:
    """access/professions/ans.yaml."""
    data = yaml.safe_load((files("access") / "professions" / "ans.yaml").read_text(encoding="utf-8"))
    return dict(data)


def bearer_of(claims: Mapping[str, Any], settings: IssuerSettings, keys: KeyStore) -> Bearer:
    """Who the claims name. Refusal "token-invalid" when that is nobody, several, or not this issuer's to name."""
    found = [each for each in (_practitioner(claims, settings), _patient(claims, settings, keys)) if each is not None]
    if not found:
        found = [each for each in (_role(claims, settings), _system(claims)) if each is not None][:1]
    if len(found) != 1 or found[0].kind.value not in settings.names:
        raise INVALID
    bearer = dataclasses.replace(found[0], issuer=settings.issuer)
    context = claims.get(settings.claims.patient_context)
    return bearer.with_authentication(
        Authentication(
            scopes=parse_scopes(_words(claims.get("scope", claims.get("scp")))),
            smart_required=settings.smart_required,
            context=context if isinstance(context, str) else "",
            at=_instant(claims.get("auth_time")),
            strong=not settings.acr or claims.get("acr") in settings.acr,
        )
    )


def _practitioner(claims: Mapping[str, Any], settings: IssuerSettings) -> Bearer | None:
    if settings.profile == "psc":
        name = claims.get("SubjectNameID")
        if not isinstance(name, str) or ans_words()["identifiants"].get(name[:1]) != "RPPS":
            return None
        rpps, stated = name[1:], _psc_stated(claims, settings)
    else:
        value = claims.get(settings.claims.rpps)
        if value is None:
            return None
        rpps, stated = str(value), _generic_stated(claims, settings)
    if not is_rpps(rpps):
        raise INVALID
    actor = claims.get("act")  # RFC 8693: a system to which the practitioner's token was given in exchange
    system = actor.get("sub") if isinstance(actor, dict) else ""
    return Bearer(CallerKind.PRACTITIONER, rpps, system=system if isinstance(system, str) else "", stated=stated)


def _psc_stated(claims: Mapping[str, Any], settings: IssuerSettings) -> Stated:
    words, reference = ans_words(), claims.get("SubjectRefPro")
    practices = reference.get("exercices") if isinstance(reference, dict) else None
    kept = [
        each
        for each in (practices if isinstance(practices, list) else [])
        if isinstance(each, dict) and each.get("codeCategorieProfessionnelle") in words["categories"]
    ]
    sites = [site for each in kept for site in each.get("activities") or () if isinstance(site, dict)]
    named = {str(site.get(name) or "") for site in sites for name in _FINESS}
    return Stated(
        practices=tuple(
            (words["professions"][code], str(each.get("codeSavoirFaire") or ""))
            for each in kept
            if (code := str(each.get("codeProfession"))) in words["professions"]
        ),
        organizations=frozenset(named - {""}),
        regulates=claims.get("Acces_Regulation_Medicale") == "VRAI",
        trusted=settings.trusts_professions,
    )


_FINESS = ("numeroFinessSite", "numeroFinessetablissementJuridique")


def _generic_stated(claims: Mapping[str, Any], settings: IssuerSettings) -> Stated:
    names = settings.claims
    profession, where = claims.get(names.profession), claims.get(names.organizations)
    practice = (str(profession), str(claims.get(names.specialty) or ""))
    listed = where if isinstance(where, list) else [where]
    return Stated(
        practices=(practice,) if isinstance(profession, str) and profession else (),
        organizations=frozenset(each for each in listed if isinstance(each, str) and each),
        regulates=None,
        trusted=settings.trusts_professions,
    )


def _patient(claims: Mapping[str, Any], settings: IssuerSettings, keys: KeyStore) -> Bearer | None:
    if settings.profile == "psc":
        return None
    named, matricule = claims.get(settings.claims.patient_id), claims.get(settings.claims.ins)
    if named is None and matricule is None:
        return None
    if matricule is not None:
        ins = parse_ins(str(matricule))
        derived = None if ins is None else patient_id_of_ins(keys, ins)
        if derived is None or named not in (None, derived):
            raise INVALID
        named = derived
    if not isinstance(named, str) or not is_opaque_id(named):
        raise INVALID
    return Bearer(CallerKind.PATIENT, named)


def _role(claims: Mapping[str, Any], settings: IssuerSettings) -> Bearer | None:
    held = claims.get(settings.claims.roles)
    words = held if isinstance(held, list) else _words(held).split()
    found = [ROLES[word] for word in words if isinstance(word, str) and word in ROLES]
    subject = claims.get("sub")
    if not found or not isinstance(subject, str) or not subject:
        return None
    if len(found) > 1:  # two roles would be a third one, with the sum of both
        raise INVALID
    kind, role = found[0]
    return Bearer(kind, subject, role=role)


def _system(claims: Mapping[str, Any]) -> Bearer | None:
    """A client's own token (RFC 9068, client credentials): its subject is the client."""
    client, subject = claims.get("client_id", claims.get("azp")), claims.get("sub")
    own = isinstance(client, str) and client and subject in (None, client)
    return Bearer(CallerKind.SYSTEM, str(client), system=str(client)) if own else None


def _words(value: object) -> str:
    if isinstance(value, list):
        return " ".join(each for each in value if isinstance(each, str))
    return value if isinstance(value, str) else ""


def _instant(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**33:
        return None
    return datetime.fromtimestamp(value, UTC)
