"""
The content types that SageMaker XGBoost reads, in training and when it predicts.

https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost.html, section "Input/Output interface", and
sagemaker_xgboost_container/data_utils.py in github.com/aws/sagemaker-xgboost-container.
"""

from __future__ import annotations

from email.message import Message

CSV, LIBSVM, PARQUET, RECORDIO = "csv", "libsvm", "parquet", "recordio-protobuf"
NAMES = {
    CSV: CSV,
    LIBSVM: LIBSVM,
    PARQUET: PARQUET,
    RECORDIO: RECORDIO,
    "text/csv": CSV,
    "text/libsvm": LIBSVM,
    "text/x-libsvm": LIBSVM,
    "application/x-parquet": PARQUET,
    "application/x-recordio-protobuf": RECORDIO,
}


def format_of(content_type: str | None) -> str:
    """
    Which format a content type stands for; without one it is libsvm.

    :raises ValueError: in the container's words, when it stands for none.
    """
    if content_type is None:
        return LIBSVM
    header = Message()
    header["Content-Type"] = content_type.lower()
    # A plain "csv" has no slash, which this parser does not take for a content type.
    found = NAMES.get(content_type.lower().partition(";")[0].strip())
    if found is None:
        raise ValueError(f"{content_type} is not an accepted ContentType: {', '.join(NAMES)}.")
    if found == CSV and header.get_param("label_size", "1") != "1":
        raise ValueError(
            f"{content_type} is not an accepted csv ContentType. "
            "Optional parameter label_size must be equal to 1"
        )
    return found
