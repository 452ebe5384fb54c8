"""Programs, the links that people share, who came by them, and what is owed for it."""

from referrals.models.conversion import Conversion, ConversionQuerySet
from referrals.models.link import Click, Link
from referrals.models.program import Program
from referrals.models.referral import Referral
from referrals.models.reward import Reward, RewardQuerySet
from referrals.models.standing import Standing

__all__ = [
    "Click",
    "Conversion",
    "ConversionQuerySet",
    "Link",
    "Program",
    "Referral",
    "Reward",
    "RewardQuerySet",
    "Standing",
]
