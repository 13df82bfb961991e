-- Ten-minute statistics of quantities.
--
-- In:  readings: `turbine`, `timestamp` (UTC, none twice) and one DOUBLE column per signal.
-- Out: one row per turbine and bucket that has readings. `timestamp` is the bucket's start: the
--      bucket 00:10 holds 00:10:00 up to, not including, 00:20:00. Per signal its mean, min, max,
--      sample standard deviation (std) and the count of finite readings.
--
-- COLUMNS(* EXCLUDE bucket) stands for every signal there is, and \0 for its name: one text
-- serves any set of columns.
WITH finite_readings AS (
    SELECT
        {'turbine': turbine, 'timestamp': time_bucket(INTERVAL '10 minutes', timestamp)} AS bucket,
        -- One NaN makes a bucket's mean NaN, so values that are not finite become NULL
        CASE
            WHEN isfinite(COLUMNS(* EXCLUDE (turbine, timestamp)))
                THEN COLUMNS(* EXCLUDE (turbine, timestamp))
        END
    FROM readings
)

SELECT
    bucket.turbine AS turbine,
    bucket.timestamp AS timestamp,
    -- Rounding can put the mean of equal readings outside min and max, so it is clamped
    least(
        greatest(avg(COLUMNS(* EXCLUDE bucket)), min(COLUMNS(* EXCLUDE bucket))),
        max(COLUMNS(* EXCLUDE bucket))
    ) AS '\0_mean',
    min(COLUMNS(* EXCLUDE bucket)) AS '\0_min',
    max(COLUMNS(* EXCLUDE bucket)) AS '\0_max',
    -- One reading has no standard deviation: NULL, not 0. Readings beyond 1e150 have none either:
    -- their squares overflow a DOUBLE
    CASE
        WHEN isfinite(stddev_samp(COLUMNS(* EXCLUDE bucket)))
            THEN stddev_samp(COLUMNS(* EXCLUDE bucket))
    END AS '\0_std',
    -- No reading is a gap: NULL, not 0
    nullif(count(COLUMNS(* EXCLUDE bucket)), 0)::DOUBLE AS '\0_count'
FROM finite_readings
GROUP BY bucket
ORDER BY turbine, timestamp
