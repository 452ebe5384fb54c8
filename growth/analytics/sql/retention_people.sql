-- Who began in each period, and each period in which they came back, once.
WITH started AS MATERIALIZED (
    {starts}
), begun AS MATERIALIZED (
    SELECT event.contact_id, event.cohort, event.began, {label} AS label, {whole} AS whole
      FROM started event {grouping}
), came AS MATERIALIZED (
    {returns}
), back AS (
    {back}
)
