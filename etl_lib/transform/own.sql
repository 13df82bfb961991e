-- A source's own statistics of its readings, in place of those that a bucket has of one reading.
--
-- In:  statistics: of one signal `turbine`, `timestamp`, the bucket's start, and `mean`, `min`,
--      `max`, `std`, `count`, as of quantity.sql or angle.sql.
--      readings: of the same signal `turbine`, `timestamp` (UTC, none twice), `value`, and what its
--      source has of each reading: `own_min`, `own_max`, `own_std`, NULL where there is nothing.
-- Out: the same rows of statistics. A bucket with exactly one finite reading has its own `min`,
--      `max` and `std`. The mean of several deviations is no deviation, so others stay as they are.
--
-- What cannot be is ignored: a minimum above the reading, a maximum below it, a negative deviation,
-- NaN and infinities.
WITH own AS (
    SELECT
        turbine,
        time_bucket(INTERVAL '10 minutes', timestamp) AS timestamp,
        any_value(own_min) FILTER (isfinite(own_min) AND own_min <= value) AS own_min,
        any_value(own_max) FILTER (isfinite(own_max) AND own_max >= value) AS own_max,
        any_value(own_std) FILTER (isfinite(own_std) AND own_std >= 0) AS own_std
    FROM readings
    WHERE isfinite(value)
    GROUP BY 1, 2
    HAVING count(*) = 1
)

SELECT
    turbine,
    timestamp,
    mean,
    coalesce(own_min, min) AS min,
    coalesce(own_max, max) AS max,
    coalesce(own_std, std) AS std,
    count
FROM statistics
LEFT JOIN own USING (turbine, timestamp)
ORDER BY turbine, timestamp
