"""`python -m pgt_lora`: the command line, where its script is not on the path."""

from pgt_lora.cli.app import main

if __name__ == "__main__":
    main()
