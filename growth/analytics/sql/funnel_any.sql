-- Each row of any step in the range is an attempt; the first time of each step after it counts if
-- it is within the window, and no exclusion is nearer.
{relevant}, nearest AS (
    SELECT *, {nearest}
      FROM numbered
    WINDOW since AS (PARTITION BY {each} ORDER BY t DESC, id DESC
                     ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
), judged AS (
    SELECT contact_id, id, label, t, {done} AS done, coalesce(nx > 0, false) AS is_blocked
      FROM nearest
     WHERE ({is_step}) AND timestamp >= {start} AND timestamp < {end}
), attempt AS (
    SELECT DISTINCT ON (contact_id) contact_id, label, level, is_open, {micros}
      FROM judged
     CROSS JOIN LATERAL (SELECT array_agg(time ORDER BY time) AS times, count(*) AS level
                           FROM unnest(done) time WHERE time IS NOT NULL) reached
     CROSS JOIN LATERAL (
           SELECT level < {steps} AND NOT is_blocked AND t + {window} > {at} AS is_open) future
     ORDER BY {preference}
)
