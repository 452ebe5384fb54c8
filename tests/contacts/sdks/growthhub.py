"""What a program does that uses GrowthHub's SDK for Python; prints what it got."""

import asyncio
import json
import sys

from highlevel import HighLevel

GIVEN = json.loads(sys.argv[1])
LOCATION = GIVEN["location"]


async def everything(contacts, options=None):
    body = {"email": "sdk@example.com", "firstName": "Sdk", "tags": ["a"], "locationId": LOCATION}
    upserted = await contacts.upsert_contact(body, options)
    key = upserted["contact"]["id"]
    got = await contacts.get_contact(key, options)
    body = {"email": "two@example.com", "locationId": LOCATION}
    fields = {"customFields": [{"id": "f1", "fieldValue": 7}]}
    created = await contacts.create_contact(body | fields, options)
    updated = await contacts.update_contact(key, {"city": "Berlin"}, options)
    tagged = await contacts.add_tags(key, {"tags": ["b"]}, options)
    untagged = await contacts.remove_tags(key, {"tags": ["a"]}, options)
    found = await contacts.get_duplicate_contact(LOCATION, email="sdk@example.com", options=options)
    filters = [{"field": "city", "operator": "eq", "value": "Berlin"}]
    searched = await contacts.search_contacts_advanced(
        {"locationId": LOCATION, "pageLimit": 10, "filters": filters}, options
    )
    deleted = await contacts.delete_contact(key, options)
    await contacts.delete_contact(created["contact"]["id"], options)
    missing = None
    try:
        await contacts.get_contact(key, options)
    except Exception as error:
        missing = getattr(error, "status_code", None) or repr(error)
    return {
        "upserted": upserted,
        "got": got,
        "created": created,
        "updated": updated,
        "tagged": tagged,
        "untagged": untagged,
        "found": found,
        "searched": searched,
        "deleted": deleted,
        "missing": missing,
    }


async def main():
    HighLevel.BASE_URL = GIVEN["base_url"]
    plain = HighLevel(private_integration_token=GIVEN["token"])
    by_token = await everything(plain.contacts)

    app = HighLevel(client_id=GIVEN["client_id"], client_secret=GIVEN["client_secret"])
    refreshed = await app.oauth.refresh_token(
        GIVEN["refresh_token"],
        GIVEN["client_id"],
        GIVEN["client_secret"],
        "refresh_token",
        "Location",
    )
    storage = app.get_session_storage()
    await storage.set_session(LOCATION, {**refreshed, "expires_in": 1})
    by_session = await everything(app.contacts, {"headers": {"locationId": LOCATION}})
    session = await storage.get_session(LOCATION)
    told = {"byToken": by_token, "refreshed": refreshed, "bySession": by_session}
    print(json.dumps({**told, "session": session}, default=str))


asyncio.run(main())
