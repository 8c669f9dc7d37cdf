"""
Which images run here: those of SageMaker XGBoost, in the registry of their region.

Registries and versions: https://docs.aws.amazon.com/sagemaker-algorithms/latest/algo/ecr-us-east-1.html and
the pages of the other regions; the SageMaker SDK has them in image_uri_config/xgboost.json.
"""

from __future__ import annotations

import re

from moto.sagemaker.exceptions import ValidationError

# By region, the accounts of sagemaker-xgboost, which is the framework, and of xgboost, which came before it.
ACCOUNTS = {
    "af-south-1": ("510948584623", "455444449433"),
    "ap-east-1": ("651117190479", "286214385809"),
    "ap-northeast-1": ("354813040037", "501404015308"),
    "ap-northeast-2": ("366743142698", "306986355934"),
    "ap-northeast-3": ("867004704886", "867004704886"),
    "ap-south-1": ("720646828776", "991648021394"),
    "ap-southeast-1": ("121021644041", "475088953585"),
    "ap-southeast-2": ("783357654285", "544295431143"),
    "ca-central-1": ("341280168497", "469771592824"),
    "eu-central-1": ("492215442770", "813361260812"),
    "eu-north-1": ("662702820516", "669576153137"),
    "eu-south-1": ("978288397137", "257386234256"),
    "eu-west-1": ("141502667606", "685385470294"),
    "eu-west-2": ("764974769150", "644912444149"),
    "eu-west-3": ("659782779980", "749696950732"),
    "me-south-1": ("801668240914", "249704162688"),
    "sa-east-1": ("737474898029", "855470959533"),
    "us-east-1": ("683313688378", "811284229777"),
    "us-east-2": ("257758044811", "825641698319"),
    "us-west-1": ("746614075791", "632365934929"),
    "us-west-2": ("246618743249", "433757028032"),
}
XGBOOST = r"sagemaker-xgboost:(0\.90-[12]|1\.0-1|1\.2-[12]|1\.3-1|1\.5-1|1\.7-1|3\.0-5)(-cpu-py3)?"
XGBOOST_BEFORE = r"xgboost:(1|latest)"
# Of scripts in Python alone: https://docs.aws.amazon.com/sagemaker-algorithms/latest/algo/sklearn-us-east-1.html
SCIKIT_LEARN = r"sagemaker-scikit-learn:(0\.20\.0|0\.23-1|1\.0-1|1\.2-1|1\.4-2)(-cpu-py3)?"


def require_xgboost(parameter: str, image: str, region: str) -> None:
    """
    Refuse an image of another algorithm or another account.

    :param parameter: where the image was given.
    :raises ValidationError: naming both.
    """
    _require(parameter, image, region, "SageMaker XGBoost", (XGBOOST, XGBOOST_BEFORE))


def require_python(parameter: str, image: str, region: str) -> None:
    """
    Refuse an image that does not run a script in Python; the rest is as for :func:`require_xgboost`.

    :raises ValidationError: naming both.
    """
    _require(parameter, image, region, "SageMaker scikit-learn and XGBoost", (SCIKIT_LEARN, XGBOOST))


def _require(parameter: str, image: str, region: str, what: str, repositories: tuple[str, ...]) -> None:
    accounts = "|".join(ACCOUNTS.get(region, ()))
    names = "|".join(repositories)
    if not re.fullmatch(rf"({accounts})\.dkr\.ecr\.{region}\.amazonaws\.com/({names})", image):
        raise ValidationError(
            message=f"{parameter}: the embedded AWS runs no images but those of {what} in the registry of "
            f"the region, such as {ACCOUNTS.get(region, ('<account>',))[0]}.dkr.ecr.{region}.amazonaws.com/"
            f"sagemaker-xgboost:1.7-1, got {image!r}"
        )
