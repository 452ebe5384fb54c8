"""What GrowthHub calls the traits of a contact, and the channels of its mail and calls."""

TRAITS = {
    "firstName": "first_name",
    "lastName": "last_name",
    "name": "name",
    "gender": "gender",
    "address1": "address1",
    "city": "city",
    "state": "state",
    "country": "country",
    "postalCode": "postal_code",
    "website": "website",
    "timezone": "timezone",
    "companyName": "company_name",
    "source": "source",
    "dateOfBirth": "date_of_birth",
    "assignedTo": "assigned_to",
}
ATTRIBUTIONS = {
    "attributionSource": "attribution_source",
    "lastAttributionSource": "last_attribution_source",
}
SHOWN_ONLY = {
    "type": "type",
    "keyword": "keyword",
    "businessId": "business_id",
    "visitorId": "visitor_id",
}
DND, DND_SETTINGS, INBOUND_DND = "dnd", "dnd_settings", "inbound_dnd_settings"
EMAIL_CHANNEL = "Email"
CHANNELS = ("Call", EMAIL_CHANNEL, "SMS", "WhatsApp", "GMB", "FB")
ACTIVE, INACTIVE, PERMANENT = STATUSES = ("active", "inactive", "permanent")
