// What a program does that uses GrowthHub's SDK for Node; prints what it got.
const { HighLevel } = require("@gohighlevel/api-client");

const given = JSON.parse(process.argv[2]);
const { base_url: baseUrl, token, location, client_id: clientId, client_secret: clientSecret } = given;

async function everything(contacts, options) {
  const body = { email: "sdk@example.com", firstName: "Sdk", tags: ["a"], locationId: location };
  const upserted = await contacts.upsertContact(body, options);
  const contactId = upserted.contact.id;
  const got = await contacts.getContact({ contactId }, options);
  const created = await contacts.createContact(
    { email: "two@example.com", locationId: location, customFields: [{ id: "f1", field_value: 7 }] },
    options,
  );
  const updated = await contacts.updateContact({ contactId }, { city: "Berlin" }, options);
  const tagged = await contacts.addTags({ contactId }, { tags: ["b"] }, options);
  const untagged = await contacts.removeTags({ contactId }, { tags: ["a"] }, options);
  const found = await contacts.getDuplicateContact(
    { locationId: location, email: "sdk@example.com" }, options,
  );
  const searched = await contacts.searchContactsAdvanced(
    { locationId: location, pageLimit: 10, filters: [{ field: "city", operator: "eq", value: "Berlin" }] },
    options,
  );
  const deleted = await contacts.deleteContact({ contactId }, options);
  await contacts.deleteContact({ contactId: created.contact.id }, options);
  let missing = null;
  try {
    await contacts.getContact({ contactId }, options);
  } catch (error) {
    missing = error.statusCode ?? error.status ?? error.response?.status ?? String(error.name);
  }
  return { upserted, got, created, updated, tagged, untagged, found, searched, deleted, missing };
}

async function main() {
  HighLevel.BASE_URL = baseUrl;
  const plain = new HighLevel({ privateIntegrationToken: token, logLevel: "none" });
  const byToken = await everything(plain.contacts);

  const app = new HighLevel({ clientId, clientSecret, logLevel: "none" });
  const refreshed = await app.oauth.refreshToken(
    given.refresh_token, clientId, clientSecret, "refresh_token", "Location",
  );
  await app.getSessionStorage().setSession(location, { ...refreshed, expires_in: 1 });
  const bySession = await everything(app.contacts, { headers: { locationId: location } });
  const session = await app.getSessionStorage().getSession(location);
  console.log(JSON.stringify({ byToken, refreshed, bySession, session }));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
