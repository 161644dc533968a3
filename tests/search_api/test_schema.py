"""The OpenAPI document is true: what schemathesis makes of it never breaks the service nor surprises its readers."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import checks
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from tests.search_api.conftest import DOCTOR, TRAITANT
from tests.search_api.world import World

CHECKS = [checks.not_a_server_error, content_type_conformance, response_schema_conformance]
EXAMPLES = 8
OPERATIONS = 69


def operations(world: World) -> dict[str, Any]:
    schema = schemathesis.openapi.from_asgi("/openapi.json", world.app, timeout=120)
    return {operation.ok().label: operation.ok() for operation in schema.get_all_operations()}


def test_every_operation_is_tried(world: World) -> None:
    assert len(operations(world)) == OPERATIONS


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("number", range(OPERATIONS))
def test_the_service_keeps_its_word(world: World, number: int, mode: GenerationMode) -> None:
    """With the identifiers of a real record and a document in it half of the time, else with anything."""
    operation = list(operations(world).values())[number]
    if mode is GenerationMode.NEGATIVE and not (operation.path_parameters or operation.query or operation.body):
        return  # nothing can be sent wrong
    real = {"patient_id": world.patients["marie"], "document_id": world.documents["lettre"]}
    turn = 0

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(operation.as_strategy(generation_mode=mode))
    def keeps(case: schemathesis.Case) -> None:
        nonlocal turn
        turn += 1
        if turn % 2:
            case.path_parameters.update({k: v for k, v in real.items() if k in case.path_parameters})
        who = (world.bearer(TRAITANT), world.bearer(DOCTOR), world.bearer(identity_vigilance="c"))[turn % 3]
        case.call_and_validate(headers=who, checks=CHECKS, timeout=120)

    keeps()
    assert turn >= 1
