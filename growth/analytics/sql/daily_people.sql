-- People by buckets and in all: from the sets of days that are over, and for all other days from
-- the events. The first column says whether that may be: sets of another zone are not asked.
WITH asked AS MATERIALIZED (
    SELECT day, starts, ends, bucket,
           EXISTS (SELECT FROM analytics_dailypeople people
                    WHERE people.project_id = {project} AND people.name = {name}
                      AND people.day = asked.day)
           AND NOT EXISTS (SELECT FROM analytics_daychange change
                            WHERE change.project_id = {project} AND change.name = {name}
                              AND change.day = asked.day) AS is_kept
      FROM unnest({days}::date[], {starts}::timestamptz[], {ends}::timestamptz[],
                  {buckets}::integer[]) asked (day, starts, ends, bucket)
), kept AS MATERIALIZED (
    SELECT bucket, part, bit_or(people) AS people
      FROM asked JOIN analytics_dailypeople people
        ON people.project_id = {project} AND people.name = {name} AND people.day = asked.day
     WHERE is_kept GROUP BY bucket, part
), kept_in_all AS MATERIALIZED (
    SELECT part, bit_or(people) AS people FROM kept GROUP BY part
), live AS MATERIALIZED (
    SELECT DISTINCT bucket, contact_id, contact_id / 65536 AS part,
           (contact_id % 65536)::integer AS bit
      FROM asked CROSS JOIN LATERAL (
           SELECT contact_id FROM contacts_event event
            WHERE event.project_id = {project} AND event.name = {name}
              AND event.timestamp >= starts AND event.timestamp < ends) event
     WHERE NOT is_kept
)
SELECT EXISTS (SELECT FROM analytics_rollup WHERE project_id = {project} AND zone = {zone})
       AND NOT EXISTS (SELECT FROM analytics_daychange
                        WHERE project_id = {project} AND zone <> {zone}),
       bucket, sum(count)::bigint
  FROM (SELECT bucket, sum(bit_count(people)) AS count FROM kept GROUP BY bucket
        UNION ALL
        SELECT live.bucket, count(*) FROM live LEFT JOIN kept USING (bucket, part)
         WHERE kept.people IS NULL OR get_bit(kept.people, live.bit) = 0 GROUP BY live.bucket
        UNION ALL
        SELECT 0, coalesce(sum(bit_count(people)), 0) FROM kept_in_all
        UNION ALL
        SELECT 0, count(*)
          FROM (SELECT DISTINCT contact_id, part, bit FROM live) live
          LEFT JOIN kept_in_all kept USING (part)
         WHERE kept.people IS NULL OR get_bit(kept.people, live.bit) = 0) counted
 GROUP BY bucket
