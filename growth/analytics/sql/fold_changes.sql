-- Changes become part of their days' totals; who did it on such a day is no longer known.
WITH change AS (
    DELETE FROM analytics_daychange
     WHERE id = ANY(ARRAY(SELECT id FROM analytics_daychange
                           WHERE project_id = {project} ORDER BY id LIMIT {limit}))
    RETURNING name, day, count
), day AS (
    SELECT name, day, sum(count) AS count, count(*) AS changes FROM change GROUP BY name, day
), forgotten AS (
    DELETE FROM analytics_dailypeople people USING day
     WHERE people.project_id = {project} AND people.name = day.name AND people.day = day.day
), folded AS (
    INSERT INTO analytics_dailytotal AS total (project_id, name, day, count)
    SELECT {project}, name, day, count FROM day WHERE count <> 0 ORDER BY name, day
    ON CONFLICT (project_id, name, day) DO UPDATE SET count = total.count + excluded.count
)
SELECT coalesce(sum(changes), 0)::bigint FROM day
