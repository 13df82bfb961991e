from etl_lib.cli.main import command

command()
