"""Amounts: whole minor units in the database, decimal numbers on the wire.

How many decimals a currency has is ISO 4217's; what is owed in no currency, such as points, has
two.
"""

from decimal import Decimal

_DECIMALS = {
    **dict.fromkeys(
        (
            *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI"),
            *("VND", "VUV", "XAF", "XOF", "XPF"),
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
MAX_AMOUNT = 10**9
"""The largest amount, in whole units of any currency."""


def decimals(currency: str) -> int:
    """Return how many decimals amounts in the currency have."""
    return _DECIMALS.get(currency, 2)


def to_minor(amount: float | Decimal, currency: str) -> int:
    """Return the amount in minor units.

    :raises ValueError: if it is negative, too large, or finer than the currency's minor unit.
    """
    exact = Decimal(str(amount))
    if not 0 <= exact <= MAX_AMOUNT:
        raise ValueError(f"Send an amount from 0 to {MAX_AMOUNT}.")
    minor = exact.scaleb(decimals(currency))
    if minor != minor.to_integral_value():
        written = currency or "an amount without a currency"
        raise ValueError(f"Send {decimals(currency)} decimals at most for {written}.")
    return int(minor)


def from_minor(minor: int, currency: str) -> int | float:
    """Return minor units as the number that the API shows."""
    whole, rest = divmod(minor, 10 ** decimals(currency))
    return float(Decimal(minor).scaleb(-decimals(currency))) if rest else whole
