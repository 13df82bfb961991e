-- Ten-minute statistics of angles in degrees, where 360 is 0 again.
--
-- In:  readings: `turbine`, `timestamp` (UTC, none twice) and one DOUBLE column per signal.
-- Out: one row per turbine and bucket that has readings; `timestamp` is the bucket's start.
--      Per signal:
--      mean   the direction of the mean unit vector, from 0 up to 360; none if the vectors cancel
--      min    the mean plus the least deviation from it. A deviation is the smallest difference of
--             a reading from the mean, -180 to 180. The sum is not wrapped: min <= mean <= max
--      max    the mean plus the greatest deviation
--      std    the sample standard deviation of the deviations; none for a single reading
--      count  the number of finite readings
--
-- COLUMNS(* EXCLUDE bucket) stands for every signal there is, and \0 for its name.
WITH finite_readings AS (
    SELECT
        {'turbine': turbine, 'timestamp': time_bucket(INTERVAL '10 minutes', timestamp)} AS bucket,
        CASE
            WHEN isfinite(COLUMNS(* EXCLUDE (turbine, timestamp)))
                THEN COLUMNS(* EXCLUDE (turbine, timestamp))
        END
    FROM readings
),

vectors AS (
    SELECT
        bucket,
        {
            'x': avg(cos(radians(COLUMNS(* EXCLUDE bucket)))),
            'y': avg(sin(radians(COLUMNS(* EXCLUDE bucket)))),
            'readings': list(COLUMNS(* EXCLUDE bucket))
                FILTER (COLUMNS(* EXCLUDE bucket) IS NOT NULL)
        } AS '\0'
    FROM finite_readings
    GROUP BY bucket
),

means AS (
    SELECT
        bucket,
        {
            'mean': CASE
                WHEN COLUMNS(* EXCLUDE bucket).x ** 2 + COLUMNS(* EXCLUDE bucket).y ** 2 >= 1e-10
                    THEN (degrees(atan2(
                        COLUMNS(* EXCLUDE bucket).y, COLUMNS(* EXCLUDE bucket).x
                    )) + 360) % 360
            END,
            'readings': COLUMNS(* EXCLUDE bucket).readings
        } AS '\0'
    FROM vectors
),

deviations AS (
    SELECT
        bucket,
        {
            'mean': COLUMNS(* EXCLUDE bucket).mean,
            'values': list_transform(
                COLUMNS(* EXCLUDE bucket).readings,
                lambda reading: reading - COLUMNS(* EXCLUDE bucket).mean
                    - 360 * round((reading - COLUMNS(* EXCLUDE bucket).mean) / 360)
            ),
            'count': len(COLUMNS(* EXCLUDE bucket).readings)
        } AS '\0'
    FROM means
)

SELECT
    bucket.turbine AS turbine,
    bucket.timestamp AS timestamp,
    COLUMNS(* EXCLUDE bucket).mean AS '\0_mean',
    -- Rounding can put all deviations of equal readings on one side of the mean
    COLUMNS(* EXCLUDE bucket).mean + least(list_min(COLUMNS(* EXCLUDE bucket).values), 0)
        AS '\0_min',
    COLUMNS(* EXCLUDE bucket).mean + greatest(list_max(COLUMNS(* EXCLUDE bucket).values), 0)
        AS '\0_max',
    list_stddev_samp(COLUMNS(* EXCLUDE bucket).values) AS '\0_std',
    nullif(COLUMNS(* EXCLUDE bucket).count, 0)::DOUBLE AS '\0_count'
FROM deviations
ORDER BY turbine, timestamp
