from waitlists.models.bucket import BUCKET_BITS, Bucket
from waitlists.models.entry import Entry
from waitlists.models.waitlist import Waitlist

__all__ = ["BUCKET_BITS", "Bucket", "Entry", "Waitlist"]
