-- The events that matter to a funnel, of those who enter it, with flags s1, s2 … for the steps that
-- each may be, and x1, x2 … for the steps after which it ends an attempt.
WITH entrant AS MATERIALIZED (
    SELECT DISTINCT event.contact_id {entries}
), relevant AS (
    SELECT event.contact_id, event.id, event.timestamp, {t} AS t, {held} AS held,
           {label} AS label, {flags}
      FROM contacts_event event {joins}
     WHERE {scope} AND event.contact_id IN (SELECT contact_id FROM entrant)
), numbered AS (
    SELECT *, row_number() OVER (PARTITION BY {each} ORDER BY t DESC, id DESC) AS rn
      FROM relevant WHERE {matters}
)
