"""Amazon SES: mail goes to it by SMTP, and its reports come through a topic of Amazon SNS.

Anymail reads the reports. Here they need no AWS SDK, which Anymail takes along for a single call: a
topic that wants to post to us is confirmed at the address that it names.
"""

import re
from typing import Any

import requests
from anymail.exceptions import AnymailWebhookValidationFailure
from anymail.webhooks.amazon_ses import AmazonSESBaseWebhookView, AmazonSESTrackingWebhookView

TIMEOUT = 10
"""Seconds; SNS itself waits 15 for us."""

_CONFIRMATION = re.compile(r"https://sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/\?[!-~]+")


class NotConfirmed(Exception):
    """Amazon SNS could not be reached; it asks again by itself."""


class AmazonSESReports(AmazonSESTrackingWebhookView):
    """Reads what a topic posts, and lets it post."""

    def __init__(self, **options: Any) -> None:
        self.auto_confirm_enabled = True
        super(AmazonSESBaseWebhookView, self).__init__(**options)  # Its own asks for the SDK.

    def auto_confirm_sns_subscription(self, sns_message: dict[str, Any]) -> None:
        """Confirm that the topic may post. By now it has proved that it knows our secret.

        :raises AnymailWebhookValidationFailure: if the address is not one of SNS.
        :raises NotConfirmed: if SNS cannot be reached.
        """
        url = str(sns_message["SubscribeURL"])
        if not _CONFIRMATION.fullmatch(url):
            raise AnymailWebhookValidationFailure("The SubscribeURL is not one of Amazon SNS.")
        try:
            requests.get(url, timeout=TIMEOUT, allow_redirects=False).raise_for_status()
        except requests.RequestException as error:
            raise NotConfirmed(str(error)) from None
