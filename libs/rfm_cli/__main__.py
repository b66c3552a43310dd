"""`python -m rfm_cli`: the `rfm` command where its script is not on the path."""

from rfm_cli.main import main

main(prog_name="rfm")
