-- Ten-minute statistics of angles in degrees, where 360 is 0 again.
--
-- In:  readings: `turbine`, `timestamp` (UTC, none twice) and one DOUBLE column per signal.
-- Out: one row per turbine and bucket that has readings; `timestamp` is the bucket's start. Per signal:
--      mean   the direction of the mean unit vector, from 0 up to 360; none if the vectors cancel
--      min    the mean plus the least deviation from it. A deviation is the smallest difference of
--             a reading from the mean, -180 to 180. The sum is not wrapped: min <= mean <= max
--      max    the mean plus the greatest deviation
--      std    the sample standard deviation of the deviations; none for a single reading
--      count  the number of finite readings
WITH finite_readings AS (
    SELECT
        turbine,
        timestamp,
        CASE WHEN isfinite(COLUMNS(* EXCLUDE (turbine, timestamp))) THEN COLUMNS(* EXCLUDE (turbine, timestamp)) END
    FROM readings
),

vectors AS (
    SELECT
        turbine,
        time_bucket(INTERVAL '10 minutes', timestamp) AS timestamp,
        {
            'x': avg(cos(radians(COLUMNS(* EXCLUDE (turbine, timestamp))))),
            'y': avg(sin(radians(COLUMNS(* EXCLUDE (turbine, timestamp))))),
            'readings': list(COLUMNS(* EXCLUDE (turbine, timestamp)))
                FILTER (COLUMNS(* EXCLUDE (turbine, timestamp)) IS NOT NULL)
        } AS '\0'
    FROM finite_readings
    GROUP BY 1, 2
),

means AS (
    SELECT
        turbine,
        timestamp,
        {
            'mean': CASE
                WHEN COLUMNS(* EXCLUDE (turbine, timestamp)).x ** 2 + COLUMNS(* EXCLUDE (turbine, timestamp)).y ** 2 >= 1e-10
                    THEN (degrees(atan2(
                        COLUMNS(* EXCLUDE (turbine, timestamp)).y, COLUMNS(* EXCLUDE (turbine, timestamp)).x
                    )) + 360) % 360
            END,
            'readings': COLUMNS(* EXCLUDE (turbine, timestamp)).readings
        } AS '\0'
    FROM vectors
),

deviations AS (
    SELECT
        turbine,
        timestamp,
        {
            'mean': COLUMNS(* EXCLUDE (turbine, timestamp)).mean,
            'values': list_transform(
                COLUMNS(* EXCLUDE (turbine, timestamp)).readings,
                lambda reading: reading - COLUMNS(* EXCLUDE (turbine, timestamp)).mean
                    - 360 * round((reading - COLUMNS(* EXCLUDE (turbine, timestamp)).mean) / 360)
            ),
            'count': len(COLUMNS(* EXCLUDE (turbine, timestamp)).readings)
        } AS '\0'
    FROM means
)

SELECT
    turbine,
    timestamp,
    COLUMNS(* EXCLUDE (turbine, timestamp)).mean AS '\0_mean',
    -- Rounding can put all deviations of equal readings on one side of the mean
    COLUMNS(* EXCLUDE (turbine, timestamp)).mean
    + least(list_min(COLUMNS(* EXCLUDE (turbine, timestamp)).values), 0)
        AS '\0_min',
    COLUMNS(* EXCLUDE (turbine, timestamp)).mean
    + greatest(list_max(COLUMNS(* EXCLUDE (turbine, timestamp)).values), 0)
        AS '\0_max',
    list_stddev_samp(COLUMNS(* EXCLUDE (turbine, timestamp)).values) AS '\0_std',
    nullif(COLUMNS(* EXCLUDE (turbine, timestamp)).count, 0)::DOUBLE AS '\0_count'
FROM deviations
ORDER BY 1, 2
