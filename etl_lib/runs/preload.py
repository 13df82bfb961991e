"""The imports that a kernel of the pipeline's notebook is forked with."""

from importlib import import_module

from etl_lib.kernels import preload

MODULES = (
    *("httpcore2", "truststore", "adbc_driver_postgresql.dbapi"),
    *("pandas.core.reshape.reshape", "pandas.io.formats.html"),
    *("psycopg2.extras", "sqlalchemy.dialects.postgresql.psycopg2", "etl_lib.services.embedded"),
)
for name in MODULES:
    import_module(name)

import etl_lib  # noqa: E402
from etl_lib.settings import code_version  # noqa: E402

for name in etl_lib.__all__:  # each is imported when it is first used
    getattr(etl_lib, name)
code_version()  # of the code that is imported here
preload.freeze()
