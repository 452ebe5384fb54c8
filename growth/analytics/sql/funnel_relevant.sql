-- The events that matter to a funnel, of those who enter it, with flags s1, s2 … for the steps that
-- each may be, and x1, x2 … for the steps after which it ends an attempt.
WITH entrant AS MATERIALIZED (
    SELECT event.contact_id, min(event.timestamp) AS first, max(event.timestamp) AS last {entries}
     GROUP BY event.contact_id
), relevant AS (
    SELECT event.contact_id, event.id, event.timestamp, {t} AS t, {held} AS held,
           {label} AS label, {flags}
      FROM entrant JOIN contacts_event event ON event.contact_id = entrant.contact_id
       AND event.timestamp >= entrant.first AND event.timestamp <= entrant.last + {window} {joins}
     WHERE {scope}
), numbered AS (
    SELECT *, row_number() OVER (PARTITION BY {each} ORDER BY t DESC, id DESC) AS rn
      FROM relevant WHERE {matters}
)
