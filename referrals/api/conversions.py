"""``/v1/referrals/conversions``."""

from typing import Any

from django.utils.timezone import now
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from growth.api.errors import body
from growth.api.viewsets import ProjectViewSet
from growth.errors import Violation
from referrals.api.serializers import ConversionSerializer, ReversalSerializer
from referrals.models import Conversion
from referrals.operations.conversions import record_conversion, reverse_conversion

_SENTENCES = {
    Conversion.Reason.SELF: "Nobody can refer themselves.",
    Conversion.Reason.LOOP: "The referrer was brought by this person, directly or over others.",
    Conversion.Reason.VELOCITY: (
        "This link has more conversions in an hour than the program believes."
    ),
    Conversion.Reason.REFERRER_GONE: "The contact whose link this is was deleted.",
    Conversion.Reason.DUPLICATE: "This person has converted in the program already.",
}
_FIELDS = {
    Conversion.Reason.VELOCITY: "link_code",
    Conversion.Reason.REFERRER_GONE: "link_code",
}


class ConversionViewSet(ProjectViewSet):
    """Conversions of referred people."""

    resource = "referrals"
    is_about_people = True
    queryset = Conversion.objects.select_related("project", "program__project", "link")
    serializer_class = ConversionSerializer

    def create(self, request: Request) -> Response:
        form = self.checked()
        conversion, is_new = record_conversion(at=now(), **form.validated_data)
        if conversion.status == Conversion.Status.REJECTED:
            return self._refused(conversion)
        warnings = {"warnings": form.warnings} if form.warnings else {}
        return Response(shown_conversion(conversion) | warnings, 201 if is_new else 200)

    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(shown_conversion(self.get_object()))

    @action(detail=True, methods=["post"], serializer_class=ReversalSerializer)
    def reverse(self, request: Request, pk: str) -> Response:
        conversion = self.get_object()
        reverse_conversion(conversion, **self.checked().validated_data, at=now())
        return Response(shown_conversion(conversion))

    def _refused(self, conversion: Conversion) -> Response:
        """Return the refusal, and no exception: the row that tells of it stays."""
        reason = Conversion.Reason(conversion.reason)
        field = _FIELDS.get(reason, "referred_contact_id")
        detail = Violation(field, reason.value, _SENTENCES[reason]).as_dict()
        detail["conversion_id"] = conversion.id
        message = f"{field}: {_SENTENCES[reason]}"
        request = self.request._request
        return Response(body("validation_error", message, request, [detail]), 422)


def shown_conversion(conversion: Conversion) -> dict[str, Any]:
    """Return a conversion as the API shows it."""
    return {
        "id": conversion.id,
        "program_id": conversion.program_id,
        "link_code": conversion.link.code,
        "referrer_contact_id": conversion.referrer_id,
        "referred_contact_id": conversion.contact_id,
        "conversion_event": conversion.conversion_event,
        "metadata": conversion.metadata,
        "status": conversion.status,
        "reason": conversion.reason or None,
        "converted_at": conversion.converted_at,
    }
