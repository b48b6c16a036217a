"""The JSON that each judge call is asked for, as a strict JSON schema.

The fields stand in the order in which they are to be written: reasoning first, the verdict after it. Bounds are given
as enumerations, which every structured-output backend knows, unlike `minimum` and `maximum`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrstudio.judge.packs import CallName

_TEXT: Mapping[str, Any] = {"type": "string"}
_TEXT_OR_NULL: Mapping[str, Any] = {"type": ["string", "null"]}
_WHOLE: Mapping[str, Any] = {"type": "integer"}
_SCORE: Mapping[str, Any] = {"type": "integer", "enum": list(range(11))}


def _one_of(*values: str) -> Mapping[str, Any]:
    return {"type": "string", "enum": list(values)}


def _list(items: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"type": "array", "items": items}


def _record(**fields: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


_SCHEMAS: Mapping[CallName, Mapping[str, Any]] = {
    CallName.HELPFULNESS: _record(analysis=_TEXT, score=_SCORE),
    CallName.LOGICALITY: _record(analysis=_TEXT, score=_SCORE),
    CallName.CLAIMS: _record(claims=_list(_record(statement=_TEXT, quote=_TEXT_OR_NULL))),
    CallName.SUPPORT: _record(
        analysis=_TEXT,
        passages=_list(_WHOLE),
        verdict=_one_of("full", "partial", "none_contradicted", "none_not_found"),
    ),
    CallName.KEY_POINTS: _record(key_points=_list(_record(point=_TEXT, quote=_TEXT))),
    CallName.COMPLETENESS: _record(
        analysis=_TEXT,
        coverage=_list(_record(key_point=_WHOLE, coverage=_one_of("full", "partial", "none"), note=_TEXT)),
        score=_SCORE,
    ),
}


def response_format(call: CallName) -> dict[str, Any]:
    """Return the `response_format` of a chat completion for this call; the schema bears the call's name."""
    return {"type": "json_schema", "json_schema": {"name": call.value, "strict": True, "schema": _SCHEMAS[call]}}
