"""The values that GrowthHub reads in several spellings: countries, days, zones."""

import re
from datetime import date, datetime
from functools import cache
from zoneinfo import available_timezones

_CODES = (
    "AD AE AF AG AI AL AM AN AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BM BN BO",
    "BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CX CY CZ DE DJ DK DM",
    "DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR",
    "GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI",
    "KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN",
    "MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG",
    "PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN",
    "SO SR ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ",
    "VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW",
)
COUNTRIES = frozenset(" ".join(_CODES).split())
"""The two letters of 247 countries: ISO 3166-1, with Kosovo and the former Netherlands Antilles,
and without Bonaire and South Sudan.
"""

# YYYY-MM-DD and MM-DD-YYYY, each with a slash, a hyphen, a dot or an underscore.
_DAY = re.compile(
    r"(?:(?P<year>[0-9]{4})(?P<one>[-/._])(?P<month>[0-9]{1,2})(?P=one)(?P<day>[0-9]{1,2})(?:T.*)?"
    r"|(?P<month2>[0-9]{1,2})(?P<two>[-/._])(?P<day2>[0-9]{1,2})(?P=two)(?P<year2>[0-9]{4}))"
)


def read_country(text: str) -> str:
    """Return the two letters of the country in upper case.

    :raises ValueError: if they are not those of one.
    """
    if (code := text.strip().upper()) not in COUNTRIES:
        raise ValueError("must be a two-letter country code, such as US")
    return code


def read_day(text: str) -> str:
    """Return the day as YYYY-MM-DD. A time that follows it is left out.

    :raises ValueError: if it is none, or is spelled in none of the eight ways.
    """
    wanted = "must be a date such as 1990-09-25, 1990/09/25 or 09.25.1990"
    if not (match := _DAY.fullmatch(text.strip())):
        raise ValueError(wanted)
    parts = match.groupdict()
    numbers = [int(parts[name] or parts[f"{name}2"]) for name in ("year", "month", "day")]
    try:
        return date(*numbers).isoformat()
    except ValueError:
        raise ValueError(wanted) from None


def read_zone(text: str) -> str:
    """Return the name of the time zone as the IANA database spells it.

    :raises ValueError: if it has none of that name.
    """
    if (name := _zones().get(text.strip().lower())) is None:
        raise ValueError("must be a time zone such as America/Chicago")
    return name


def write_time(moment: datetime | None) -> str | None:
    """Return the moment with milliseconds."""
    if moment is None:
        return None
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


@cache
def _zones() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}
