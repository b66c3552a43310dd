"""SQL that adds a snapshot up for pages. Pure text; medians of days are exact counts.

`median` of whole numbers with few distinct values is exact and small on Spark and DuckDB.
"""

from collections.abc import Mapping

from scoring.snapshot.countries import KEPT, UNKNOWN

CHECKSUM = "crc32(CAST(customer_id AS binary))"
"""As `scoring.snapshot.sampling` has it, in Spark's words."""
MORE = 0.0001

FM_SCORE = "CAST(floor((f_score + m_score + 1) / 2) AS integer) AS fm_score"
SUMMED = """count(*) AS customers,
       sum(CASE WHEN frequency > 0 THEN 1 ELSE 0 END) AS active_customers,
       sum(frequency) AS orders, sum(monetary) AS monetary"""


def totals(source: str) -> str:
    """Count and add up: customers, active_customers, orders, monetary, left_out."""
    return f"SELECT {SUMMED}, sum(left_out) AS left_out FROM {source}"


def clusters(source: str) -> str:
    """A row for each cluster that has customers."""
    return f"""
SELECT cluster_id, count(*) AS customers, sum(frequency) AS orders, sum(monetary) AS monetary,
       sum(recency_days) AS recency_sum, median(recency_days) AS median_recency_days,
       median(frequency) AS median_frequency
FROM {source} GROUP BY cluster_id ORDER BY cluster_id"""


def placed(source: str) -> str:
    """What `engines.Placed` holds."""
    return f"""
SELECT sum(least(distance, next_distance) * least(distance, next_distance)) AS inertia,
       count(CASE WHEN next_distance < distance THEN 1 END) AS held
FROM {source}"""


def grid(source: str, *also: str) -> str:
    """Customers and money by recency score and the rounded mean of the other two scores."""
    keys = ", ".join([*(one.split()[-1] for one in also), "r_score", "fm_score"])
    columns = ", ".join([*also, "r_score", "monetary", FM_SCORE])
    return f"""
SELECT {keys}, count(*) AS customers, sum(monetary) AS monetary
FROM (SELECT {columns} FROM {source}) g GROUP BY {keys}"""


def median_recency(source: str) -> str:
    """Of customers with an order."""
    return f"SELECT median(recency_days) AS median FROM {source} WHERE frequency > 0"


def of_common_countries(source: str) -> str:
    """The customers of the countries with the most customers; the empty one is unknown."""
    return f"""
WITH placed AS (SELECT s.*, COALESCE(country, '{UNKNOWN}') AS place FROM {source} s),
common AS (SELECT place, count(*) AS customers FROM placed GROUP BY place
           ORDER BY customers DESC, place LIMIT {KEPT})
SELECT p.* FROM placed p JOIN common c ON c.place = p.place"""


def segments_of_countries(source: str) -> str:
    """Rows for `segment_countries`."""
    return f"""
SELECT place AS country, cluster_id, segment_name, count(*) AS customer_count,
       sum(frequency) AS order_count, sum(monetary) AS monetary,
       sum(recency_days) AS recency_sum, median(recency_days) AS median_recency_days
FROM {source} GROUP BY place, cluster_id, segment_name"""


def countries(source: str) -> str:
    """The sums of each country."""
    return f"""
SELECT place AS country, {SUMMED},
       median(CASE WHEN frequency > 0 THEN recency_days END) AS median_recency_days
FROM {source} GROUP BY place"""


def some(source: str, shares: Mapping[int, float]) -> str:
    """The customers of the lowest checksums: twice these shares of each cluster, and some more.

    Twice, because that makes it most unlikely to get fewer than the shares.
    """
    limits = " ".join(
        f"WHEN {number} THEN {int(min(1, 2 * share + MORE) * 2**32)}"
        for number, share in shares.items()
    )
    return f"""
SELECT * FROM (SELECT customer_id, recency_days, frequency, monetary, cluster_id, segment_name,
                      {CHECKSUM} AS checksum FROM {source}) s
WHERE checksum < CASE cluster_id {limits} END"""
