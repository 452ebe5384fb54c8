{name} AS MATERIALIZED (
    SELECT {kept},
           min(event.timestamp) FILTER (WHERE event.timestamp > before.{last} OR event.id > {id})
               AS {time}
      FROM {before} before JOIN contacts_event event
           ON event.contact_id = before.contact_id
          AND event.timestamp >= before.{last} AND event.timestamp <= before.t1 + {window} {joins}
     WHERE {scope}
     GROUP BY {kept}
)
