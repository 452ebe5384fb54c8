"""The ingest API: ``/v1/identify track page screen group alias batch import``, as Segment's clients
speak it.

Each call is answered 202 once it is committed. Field names may be snake_case or camelCase. In a
batch each call gets its own verdict, and those that are right are stored whatever the others are.
"""

from collections.abc import Iterator
from typing import Any

from django.utils.timezone import now
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from contacts.api.calls import Envelope, parse_call
from contacts.operations.calls import Call
from contacts.operations.events import record_calls
from contacts.operations.resolving import Outcome
from growth.api.authentication import WriteKeyAuthentication
from growth.api.errors import refused
from growth.api.idempotency import answered_once
from growth.api.json import gunzip, load
from growth.api.permissions import IsWriteKey
from growth.api.throttling import INGEST
from growth.errors import Invalid, TooLarge, Violation

MAX_BYTES = 500 * 1024
MAX_CALLS = 2500


class IngestParser(BaseParser):
    """JSON, gzipped or not, under any name that browsers send it by."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, context: Any = None) -> Any:
        request = context["request"]._request
        body = request.body
        encoding = request.META.get("HTTP_CONTENT_ENCODING", "").lower()
        if encoding in ("gzip", "x-gzip"):
            body = gunzip(body, MAX_BYTES)
        elif encoding not in ("", "identity"):
            raise UnsupportedMediaType(encoding, "Send the body plain, or packed by gzip.")
        if len(body) > MAX_BYTES:
            raise TooLarge(f"The body is over {MAX_BYTES // 1024} KB; send smaller batches.")
        return load(body)


class IngestView(APIView):
    """What all calls of the ingest API share."""

    authentication_classes = [WriteKeyAuthentication]
    permission_classes = [IsWriteKey]
    parser_classes = [IngestParser]
    rate = INGEST

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.post = answered_once(self.post)

    def accepted(self, request: Request, **additions: Any) -> Response:
        """Return the answer to calls that were stored."""
        request_id = request._request.request_id
        return Response({"success": True, "request_id": request_id, **additions}, 202)


class CallView(IngestView):
    """One call."""

    type = ""

    def post(self, request: Request) -> Response:
        at = now()
        project = request.auth.project
        item = _object(request.data) | {"type": self.type}
        call = parse_call(item, Envelope({}, at, project.zone))
        [outcome] = record_calls(project, [call], at=at)
        if outcome and outcome.violations:
            raise Invalid(*outcome.violations)
        return self.accepted(request, **_kept_back(call, outcome))


class BatchView(IngestView):
    """Up to 2,500 calls of all types."""

    def post(self, request: Request) -> Response:
        at = now()
        body = _object(request.data)
        project = request.auth.project
        verdicts = list(_verdicts(_batch(body), Envelope(body, at, project.zone)))
        calls = [verdict for verdict in verdicts if isinstance(verdict, Call)]
        outcomes = iter(record_calls(project, calls, at=at))
        items = [
            _item(i, each, next(outcomes) if isinstance(each, Call) else None)
            for i, each in enumerate(verdicts)
        ]
        return self.accepted(request, items=items)


def _object(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise Invalid(Violation("", "invalid", "Send a JSON object."))
    return data


def _batch(body: dict[str, Any]) -> list[Any]:
    batch = body.get("batch")
    if not isinstance(batch, list):
        raise Invalid(Violation("batch", "invalid", "Send the calls as a list."))
    if len(batch) > MAX_CALLS:
        raise TooLarge(f"Send {MAX_CALLS} calls in a batch at most.")
    return batch


def _verdicts(batch: list[Any], envelope: Envelope) -> Iterator[Call | Invalid]:
    for item in batch:
        try:
            yield parse_call(item, envelope)
        except Invalid as refusal:
            yield refusal


def _item(index: int, verdict: Call | Invalid, outcome: Outcome | None) -> dict[str, Any]:
    if outcome and outcome.violations:
        return refused(index, Invalid(*outcome.violations))
    if isinstance(verdict, Invalid):
        return refused(index, verdict)
    return {"index": index, "status": 202, "success": True, **_kept_back(verdict, outcome)}


def _kept_back(call: Call, outcome: Outcome | None) -> dict[str, Any]:
    """Return what of the call was not stored; a write key learns of no other person by it."""
    conflicts = outcome.conflicts if outcome else ()
    told = {
        "conflicts": [{"identifier": each.kind, "action": "ignored"} for each in conflicts],
        "warnings": [*call.warnings, *(outcome.warnings if outcome else ())],
    }
    return {name: each for name, each in told.items() if each}
