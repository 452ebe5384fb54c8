-- Sets of people of a day beside a recount, but for days of which changes wait to be folded.
WITH kept AS (
    SELECT name, day, sum(bit_count(people)) AS count FROM analytics_dailypeople people
     WHERE project_id = {project}
       AND NOT EXISTS (SELECT FROM analytics_daychange change
                        WHERE change.project_id = people.project_id AND change.name = people.name
                          AND change.day = people.day)
     GROUP BY name, day
)
SELECT name, day, kept.count::bigint, counted.count
  FROM kept CROSS JOIN LATERAL (
       SELECT count(DISTINCT contact_id) FROM contacts_event event
        WHERE event.project_id = {project} AND event.name = kept.name
          AND event.timestamp >= (kept.day - 1)::timestamp AT TIME ZONE {zone}
          AND event.timestamp < (kept.day + 2)::timestamp AT TIME ZONE {zone}
          AND (event.timestamp AT TIME ZONE {zone})::date = kept.day) counted
 WHERE kept.count <> counted.count
 ORDER BY name, day
