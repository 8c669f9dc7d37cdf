"""What people run beside Airflow; it reads model folders as Airflow's own processes do."""

import sys
from pathlib import Path

# Airflow puts the plugins on its path, and these scripts are processes of their own.
sys.path.append(str(Path(__file__).resolve().parents[1] / "plugins"))
