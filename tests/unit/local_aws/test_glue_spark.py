"""What a glueetl job needs of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.local_aws.glue import spark
from include.local_aws.glue.launch_error import LaunchError
from include.local_aws.jobs import Job


@pytest.mark.parametrize("home", [None, "/nowhere"])
def test_without_java_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: str | None
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    if home:
        monkeypatch.setenv("JAVA_HOME", home)
    with pytest.raises(LaunchError, match=r"needs Java 8, 11 or 17.*openjdk-17-jre-headless"):
        spark.prepare(Job("a run"), tmp_path / "run.log")


def test_spark_gets_what_the_job_asks_of_it(tmp_path: Path) -> None:
    arguments = {"--conf": "spark.sql.shuffle.partitions=3 --conf spark.x=a=b", "--datalake-formats": "false"}
    given = spark.environment(tmp_path, arguments)
    settings = (Path(given["SPARK_CONF_DIR"]) / "spark-defaults.conf").read_text().splitlines()
    assert {"spark.sql.shuffle.partitions 3", "spark.x a=b"} <= set(settings)
    with pytest.raises(LaunchError, match="--extra-jars: not supported"):
        spark.environment(tmp_path, {"--extra-jars": "s3://a/b.jar"})
