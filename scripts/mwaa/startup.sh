#!/usr/bin/env bash
# MWAA sources this on every container before Airflow starts, and gives it five minutes. So it neither exits
# nor sets shell options, and a failure below leaves Airflow to start and to say what is missing.

_retraining_home=${AIRFLOW_HOME:-/usr/local/airflow}

# MWAA brings dags/ and plugins/ only. With these links Airflow's home looks like the project's folder.
mkdir -p "$_retraining_home/include"
ln -sfn "$_retraining_home/dags/models" "$_retraining_home/include/models"
ln -sfn "$_retraining_home/plugins/include/workflow" "$_retraining_home/include/workflow"

cat > "$_retraining_home/requirements-sdk.txt" <<'REQUIREMENTS'
@requirements-sdk.txt@
REQUIREMENTS

# The web server compiles nothing, and a private one reaches no package index.
if [ "${MWAA_AIRFLOW_COMPONENT:-}" != webserver ]; then
	if (
		# Nothing of Airflow's: its libraries on the path, or its pins, would end in the SDK's environment.
		unset PYTHONPATH PIP_CONSTRAINT PIP_USER
		python3 -m venv --clear "$_retraining_home/.venv-sdk" &&
			"$_retraining_home/.venv-sdk/bin/python" -m pip install --quiet --disable-pip-version-check \
				--no-cache-dir --requirement "$_retraining_home/requirements-sdk.txt"
	); then
		echo "retraining: the SDK interpreter is ready"
	else
		rm -rf "$_retraining_home/.venv-sdk"
		echo "retraining: the SDK interpreter could not be made: models that changed since the bundle was built cannot be compiled here"
	fi
fi

export AIRFLOW__RETRAINING__MODELS_FOLDER="$_retraining_home/include/models"
export AIRFLOW__RETRAINING__SDK_PYTHON="$_retraining_home/.venv-sdk/bin/python"
@settings@
