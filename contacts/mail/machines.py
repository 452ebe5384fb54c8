"""Who asks for a picture or a link of a mail: a person, or a machine that reads mail before them.

Machines that say what they are, are known by their request. The others are known by what they do;
see ``contacts.mail.verdicts``.
"""

import re
from collections.abc import Mapping

# What browsers say when they fetch a page that nobody has asked for yet.
_FORESIGHT = {
    "Purpose": ("prefetch", "preview"),
    "Sec-Purpose": ("prefetch", "prerender"),
    "X-Purpose": ("prefetch", "preview"),
    "X-Moz": ("prefetch",),
}
# Proxies of pictures, gateways that scan links, previews of chats, crawlers, and programs.
_MACHINE = re.compile(
    r"""googleimageproxy|ggpht|yahoomailproxy|imageproxy|proxy\b
    |barracuda|proofpoint|mimecast|ironport|forcepoint|messagelabs|symantec|fireeye|trendmicro
    |sophos|safelinks|zscaler|cloudmark|bitdefender|checkpoint|virustotal|urlscan|urldefense
    |bot\b|bot/|crawl|spider|slurp|scan|preview|prefetch|headless|phantomjs|facebookexternalhit
    |embedly|skypeuripreview|whatsapp/|monitor
    |python|curl/|wget/|libwww|httpclient|http-client|okhttp|java/|ruby|perl|php/|axios|node
    |aiohttp|httpx|guzzle|powershell""",
    re.IGNORECASE | re.VERBOSE,
)
# The whole name that Apple's privacy proxy gives itself, when it fetches what nobody has opened.
_BARE = "Mozilla/5.0"


def is_machine(method: str, headers: Mapping[str, str]) -> bool:
    """Tell whether a request says of itself that no person made it."""
    if method == "HEAD" or any(
        word in headers.get(name, "").lower()
        for name, words in _FORESIGHT.items()
        for word in words
    ):
        return True
    return is_machine_name(headers.get("User-Agent", ""))


def is_machine_name(user_agent: str) -> bool:
    """Tell whether a program of this name is no person's browser or mail program."""
    return user_agent.strip() == _BARE or bool(_MACHINE.search(user_agent[:1000]))
