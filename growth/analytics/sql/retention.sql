-- Who began when, and in which periods after that they came back: how many periods of each could be
-- watched to their end ("whole"), and how many people came back in each ("back").
{people}
SELECT 'whole', NULL::text, cohort, whole, count(*) FROM begun GROUP BY 3, 4
UNION ALL
SELECT 'back', NULL, cohort, reached, count(*) FROM ({reached}) reached GROUP BY 3, 4
UNION ALL
SELECT 'total', NULL, NULL, NULL, count(DISTINCT contact_id) FROM begun
