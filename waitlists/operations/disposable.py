"""Services that hand out addresses for ten minutes: who writes to them later reaches nobody."""

from collections.abc import Collection

_LIST = """
    0-mail.com 10minutemail.com 10minutemail.net 10mail.org 20minutemail.com 33mail.com
    anonbox.net burnermail.io byom.de crazymailing.com deadaddress.com discard.email
    discardmail.com discardmail.de disposablemail.com dispostable.com dropmail.me
    e4ward.com emailfake.com emailondeck.com emailtemporanea.com fakeinbox.com fakemail.net
    fakemailgenerator.com filzmail.com getairmail.com getnada.com grr.la guerrillamail.biz
    guerrillamail.com guerrillamail.de guerrillamail.info guerrillamail.net guerrillamail.org
    guerrillamailblock.com harakirimail.com inboxbear.com inboxkitten.com incognitomail.org
    jetable.org mail-temp.com mail.tm mailcatch.com maildrop.cc mailexpire.com
    mailforspam.com mailinator.com mailinator.net mailinator.org mailnesia.com mailnull.com
    mailpoof.com mailsac.com mailtothis.com meltmail.com minuteinbox.com mintemail.com mohmal.com
    moakt.com mvrht.net mytemp.email mytrashmail.com nada.email nowmymail.com owlymail.com
    pokemail.net sharklasers.com shieldemail.com smailpro.com sogetthis.com spam4.me spamavert.com
    spambog.com spambog.de spambox.us spamdecoy.net spamex.com spamgourmet.com spamherelots.com
    spamhole.com spaml.de temp-mail.io temp-mail.org tempail.com tempemail.co tempinbox.com
    tempmail.dev tempmail.net tempmail.plus tempmailo.com tempr.email temporarymail.com
    throwaway.email throwawaymail.com tmail.ws tmpmail.net tmpmail.org trash-mail.com trash-mail.de
    trashmail.com trashmail.de trashmail.me trashmail.net trashmail.ws trbvm.com tyldd.com
    wegwerfmail.de wegwerfmail.net wegwerfmail.org wegwerfemail.de yopmail.com yopmail.fr
    yopmail.net zetmail.com
"""
_DOMAINS = frozenset(_LIST.split())


def is_disposable(domain: str, others: Collection[str] = ()) -> bool:
    """Tell whether the mail domain, or one above it, is such a service, or one of ``others``."""
    parts = domain.lower().split(".")
    above = {".".join(parts[start:]) for start in range(len(parts))}
    return not above.isdisjoint(_DOMAINS) or not above.isdisjoint(others)
