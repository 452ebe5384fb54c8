"""GrowthHub's contacts API: ``/contacts/upsert`` and its neighbours, at the root."""
