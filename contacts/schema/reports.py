"""``/v1/public/mail/{provider}``."""

from contacts.api.reports import ReportView
from growth.api.descriptions import Operation, describe
from growth.api.shapes import Shape, whole

describe(
    ReportView,
    "Mail reports",
    "Where mail providers tell of bounces, complaints, opens and clicks.",
    POST=Operation(
        "Report what became of mails",
        "The body is the provider's own. It proves who it is by `ANYMAIL_WEBHOOK_SECRET` in the "
        "address, and by its signature where it has one; see the guide on mail.",
        takes={},
        example={"RecordType": "Delivery", "MessageID": "…"},
        answers=Shape(
            "ReportsAccepted", "They are stored.", {"accepted": whole(1, "What is new.")}
        ),
        refuses=("unauthenticated",),
    ),
)
