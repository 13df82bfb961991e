-- What each turbine did in each bucket, inferred from wind and power.
--
-- In:  buckets, in order of turbine and timestamp: `place`, the number of the row, `turbine`,
--      `timestamp` (the bucket's start), `wind` in m/s, `power` and `level` in kW, the mean and the
--      maximum of the bucket's power, `rated` in kW or NULL, and `seconds`, the time between two
--      buckets that have readings.
-- Out: one row per bucket with power: `place` and `state`, of which the numbers are
--      1  running
--      2  derated  power held at a level below what the wind gives
--      3  idle     stands, although the wind is 5 to 25 m/s
--      4  stopped  stands in another wind, or in one that is not known
--      A turbine stands below 0.02 of its rated power, or, if that is not known, without power.
--
-- What the wind gives is told by the whole farm of the same days: of each bin of 0.5 m/s the median
-- share of rated power, or that of a weaker wind if it is larger. In a strong wind a slow turbine,
-- rated at 15 m/s, gives less than any: so one that is derated all day is found there.
WITH shares AS (
    SELECT
        *,
        power / rated AS share,
        level / rated AS top,
        coalesce(power < 0.02 * rated, power <= 0) AS stands,
        round(2 * wind) AS bin
    FROM buckets
    WHERE isfinite(power)
),

medians AS (
    SELECT bin, median(share) AS share
    FROM shares
    WHERE NOT stands AND isfinite(wind)
    GROUP BY bin
),

curve AS (
    SELECT bin, max(share) OVER (ORDER BY bin) AS share
    FROM medians
),

losses AS (
    SELECT
        shares.*,
        -- Without wind nothing: least and greatest would pass over it
        CASE
            WHEN isfinite(wind)
                THEN greatest(curve.share, least(1, (wind / 15) ** 3)) - shares.share
        END AS lost
    FROM shares
    LEFT JOIN curve USING (bin)
),

-- Places are in order of turbine and timestamp, and sort faster than these
before AS (
    SELECT
        *,
        lag(turbine, 2) OVER rows_in_order = turbine
            AND lag(timestamp, 2) OVER rows_in_order >= timestamp - to_seconds(2 * seconds)
            AS has_two,
        lag(top) OVER rows_in_order AS top_1,
        lag(top, 2) OVER rows_in_order AS top_2,
        lag(lost) OVER rows_in_order AS lost_1,
        lag(lost, 2) OVER rows_in_order AS lost_2
    FROM losses
    WINDOW rows_in_order AS (ORDER BY place)
),

levels AS (
    SELECT
        *,
        -- Three buckets, one after the other, that end here. A steady wind gives a level, too, and
        -- it gives a little less now and then: so their mean counts beside each of them
        has_two
            AND greatest(top, top_1, top_2) - least(top, top_1, top_2) <= 0.01
            AND lost + lost_1 + lost_2 > 3 * 0.05 AS ends_level
    FROM before
),

held AS (
    SELECT
        *,
        -- This bucket is the last, the middle or the first of three on one level
        coalesce(ends_level, false)
            OR coalesce(lead(ends_level) OVER rows_in_order, false)
            AND lead(turbine) OVER rows_in_order = turbine
            OR coalesce(lead(ends_level, 2) OVER rows_in_order, false)
            AND lead(turbine, 2) OVER rows_in_order = turbine AS is_level
    FROM levels
    WINDOW rows_in_order AS (ORDER BY place)
)

SELECT
    place,
    CASE
        WHEN stands AND wind BETWEEN 5 AND 25 THEN 3
        WHEN stands THEN 4
        WHEN is_level AND top < 0.95 AND lost > 0.05 THEN 2
        ELSE 1
    END::DOUBLE AS state
FROM held
ORDER BY place
