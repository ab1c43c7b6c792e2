"""Settings for every test."""

import os

# onnxruntime writes telemetry files unless this is set before it is first imported
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
