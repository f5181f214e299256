"""Claims: numbers of anyone's model under one protocol, as small files that can be checked and compared."""
