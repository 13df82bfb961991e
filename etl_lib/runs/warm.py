"""papermill's engine `warm`: kernels forked from a process that has the pipeline's imports."""

from etl_lib.kernels.papermill_engine import WarmEngine
from etl_lib.runs import PRELOAD


class PipelineEngine(WarmEngine):
    """The warm engine of `etl run` and `papermill --engine warm`."""

    preload = PRELOAD
