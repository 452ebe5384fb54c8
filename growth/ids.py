"""Public ids: 64-bit keys in the database, ``prefix_code`` outside it.

The code is the key under a fixed permutation of 50 bits, one for each prefix, written as ten
characters of base 32. It hides how many rows there are and tells a wrong id at a glance; it is not
a secret. There is one spelling of each id, so that equal ids are equal strings.
"""

import re
from functools import cache
from zlib import crc32

_BITS = 50
_MASK = (1 << _BITS) - 1
_HALF = _BITS // 2
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no i, l, o, u
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_TO_INT = str.maketrans(_ALPHABET, "0123456789abcdefghijklmnopqrstuv")
_CODE = re.compile(f"[{_ALPHABET}]{{10}}", re.ASCII)

MAX_KEY = _MASK


class PublicIdError(ValueError):
    """The text is not an id of the kind that was asked for."""


def encode(prefix: str, key: int) -> str:
    """Return the public id of the row with this primary key.

    :raises PublicIdError: if the key does not fit into 50 bits.
    """
    if not 0 <= key <= _MASK:
        raise PublicIdError(f"{key} is outside the range of public ids.")
    first, second, _, _ = _factors(prefix)
    code = (key * first) & _MASK
    code ^= code >> _HALF
    code = (code * second) & _MASK
    code ^= code >> _HALF
    return (
        f"{prefix}_{_PAIRS[code >> 40]}{_PAIRS[code >> 30 & 1023]}{_PAIRS[code >> 20 & 1023]}"
        f"{_PAIRS[code >> 10 & 1023]}{_PAIRS[code & 1023]}"
    )


def decode(prefix: str, public_id: str) -> int:
    """Return the primary key that the public id speaks of.

    :raises PublicIdError: if it has another prefix, or is not spelled as ``encode`` spells it.
    """
    head, _, text = public_id.rpartition("_")
    if head != prefix or not _CODE.fullmatch(text):
        raise PublicIdError(f"This is not an id such as {prefix}_0123456789.")
    _, _, first_inverse, second_inverse = _factors(prefix)
    code = int(text.translate(_TO_INT), 32)
    code ^= code >> _HALF
    code = (code * second_inverse) & _MASK
    code ^= code >> _HALF
    return (code * first_inverse) & _MASK


@cache
def _factors(prefix: str) -> tuple[int, int, int, int]:
    """Return two odd multipliers for the prefix, and their inverses modulo 2^50."""
    first = (crc32(b"first" + prefix.encode()) << 18 | 0x2F0B5) & _MASK
    second = (crc32(b"second" + prefix.encode()) << 18 | 0x1C3A7) & _MASK
    return first, second, pow(first, -1, 1 << _BITS), pow(second, -1, 1 << _BITS)
