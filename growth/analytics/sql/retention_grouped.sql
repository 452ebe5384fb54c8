-- The same for the greatest groups, and for all others.
{people}, greatest_groups AS (
    SELECT label FROM begun GROUP BY label
     ORDER BY count(DISTINCT contact_id) DESC, label COLLATE "C" LIMIT {most}
), begun_shown AS (
    SELECT DISTINCT contact_id, cohort, whole,
           CASE WHEN label IN (SELECT label FROM greatest_groups) THEN label END AS label
      FROM begun
), back_shown AS (
    SELECT DISTINCT contact_id, cohort, whole, period,
           CASE WHEN label IN (SELECT label FROM greatest_groups) THEN label END AS label
      FROM back
)
SELECT 'whole', label, cohort, whole, count(*) FROM begun_shown GROUP BY 2, 3, 4
UNION ALL
SELECT 'back', label, cohort, reached, count(*) FROM ({reached}) reached GROUP BY 2, 3, 4
UNION ALL
SELECT 'people', label, NULL, NULL, count(DISTINCT contact_id) FROM begun_shown GROUP BY 2
UNION ALL
SELECT 'total', NULL, NULL, NULL, count(DISTINCT contact_id) FROM begun_shown
