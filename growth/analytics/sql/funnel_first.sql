-- The first event of step 1 of each person; of each further step, the first event that comes after
-- that of the step before.
WITH step_1 AS MATERIALIZED (
    SELECT event.contact_id, min(event.timestamp) AS t1 {entries}
     GROUP BY event.contact_id
), {following}, attempt AS (
    SELECT contact_id, NULL::text AS label, level,
           level < {steps} AND t1 + {window} > {at} AS is_open, {micros}
      FROM step_1 {reached}
     CROSS JOIN LATERAL (SELECT num_nonnulls({times}) AS level) furthest
)
