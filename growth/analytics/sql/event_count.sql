-- How many events there are in each bucket.
SELECT width_bucket(event.timestamp, {bounds}::timestamptz[]) AS bucket, NULL::text, count(*)
  {events}
 GROUP BY 1
