-- The latest events of a name or of a contact, in the order of their index.
SELECT event.* FROM contacts_event event
 WHERE event.project_id = {project} AND {chosen}
 ORDER BY event.timestamp DESC, event.id DESC LIMIT {limit}
