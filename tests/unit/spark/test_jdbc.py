"""How a cluster is told the way to PostgreSQL."""

from rfm_common.settings import Settings
from rfm_spark.jdbc import as_of, database

HERE = {"db_host": "db", "db_port": 5433, "db_name": "shop", "db_user": "rfm", "db_password": "p"}


def test_it_is_the_products_database_unless_the_cluster_knows_it_by_another_address() -> None:
    found = database(Settings(**HERE))
    assert found.url.startswith("jdbc:postgresql://db:5433/shop?ApplicationName=rfm-spark&")
    assert (found.options["user"], found.options["password"]) == ("rfm", "p")
    elsewhere = Settings(**HERE, spark_database_url="jdbc:postgresql://10.0.0.5/shop?ssl=true")
    assert database(elsewhere).url.startswith("jdbc:postgresql://10.0.0.5/shop?ssl=true&App")


def test_readers_begin_with_the_snapshot_of_the_run() -> None:
    known = database(Settings(**HERE))
    reading = as_of(known, "00000004-1")
    begin = reading.options["sessionInitStatement"]
    assert begin.startswith("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;")
    assert begin.endswith("SET TRANSACTION SNAPSHOT '00000004-1'")
    assert "sessionInitStatement" not in known.options
