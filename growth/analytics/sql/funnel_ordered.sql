-- Each row of step 1 in the range is an attempt; level_1 knows when it would have come to each
-- further step, and the furthest attempt of a person counts.
{relevant}, {levels}, judged AS (
    SELECT contact_id, id, label, t, {level} AS level, {blocked} AS is_blocked, {times}
      FROM level_1
     WHERE s1 AND timestamp >= {start} AND timestamp < {end}
), attempt AS (
    SELECT DISTINCT ON (contact_id) contact_id, label, level, is_open, {micros}
      FROM judged CROSS JOIN LATERAL (
           SELECT level < {steps} AND NOT is_blocked AND t + {window} > {at} AS is_open) future
     ORDER BY {preference}
)
